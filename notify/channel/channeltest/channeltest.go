// Package channeltest holds channels to the contract of notify.Sender in their tests.
package channeltest

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
)

// Deliver prepares a live message, sends it and closes the sender.
func Deliver(t testing.TB, c notify.Channel, m notify.FrozenMessage, out ...notify.Outgoing) ([]notify.Verdict, error) {
	t.Helper()
	s, err := c.Prepare(t.Context(), m, incident.Live)
	require.NoError(t, err)
	verdicts, err := Send(t.Context(), t, s, out...)
	require.NoError(t, s.Close())
	return verdicts, err
}

// Send fails the test when a delivery is answered twice, or when one is accepted
// that was never begun.
func Send(ctx context.Context, t testing.TB, s notify.Sender, out ...notify.Outgoing) ([]notify.Verdict, error) {
	t.Helper()
	verdicts, begun := make([]notify.Verdict, len(out)), make([]bool, len(out))
	var mu sync.Mutex
	alone := func() func() { mu.Lock(); return mu.Unlock }
	err := s.Send(ctx, out, func(i int) { defer alone()(); begun[i] = true }, func(i int, v notify.Verdict) {
		defer alone()()
		if verdicts[i].Class != "" {
			t.Error("answered twice")
		}
		if v.Class == notify.ClassAccepted && !begun[i] {
			t.Error("accepted without begin")
		}
		verdicts[i] = v
	})
	return verdicts, err
}
