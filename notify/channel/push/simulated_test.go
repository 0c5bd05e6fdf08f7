package push_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/internal/simulator"
	"tocsin/notify"
	"tocsin/notify/channel/push"
)

// Mass pushes against the double, which checks every task; an answer lost after the work is done tells nobody twice.
func TestMassPushAgainstTheDouble(t *testing.T) {
	s, c := channel(t, push.Options{})
	s.Fail(simulator.Fault{Channel: "push", Recipient: "device0007", Accept: true, Drop: true, Times: 1})
	out := people(150)
	for i, v := range send(t, c, notice("安全通知", "[[ref]] [[code]]"), out...) {
		require.Equal(t, notify.ClassAccepted, v.Class, v.Code)
		require.Equal(t, 1, s.Journal.Count("push", out[i].Address, strings.ReplaceAll(out[i].OutID, ".", "-")))
	}
	require.Zero(t, s.Journal.Summary().Channels["push"].Repeated)
	require.Empty(t, s.Journal.Summary().Violations)
}
