package sms_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/aliyun"
	"tocsin/internal/call"
	"tocsin/internal/simulator"
	"tocsin/internal/tencent"
	"tocsin/notify"
	"tocsin/notify/channel/sms"
)

// The other two providers against their doubles, which check signatures and every parameter.
func TestOtherProvidersAgainstTheirDoubles(t *testing.T) {
	s, err := simulator.Start(simulator.Options{KeyID: "testid", KeySecret: "planted-secret", Keep: 100, ReceiptDelay: time.Nanosecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	tc, err := tencent.New(call.Options{Endpoint: s.HTTPAddr(), KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { tc.Close() })
	ac, err := aliyun.New(call.Options{Endpoint: s.HTTPAddr(), KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { ac.Close() })

	cloud := sms.NewTencent(tc, "1400006666", sms.Options{Simulated: true})
	home := person(1, "+8613900000001")
	v, err := deliver(t, cloud, second(), home)
	require.NoError(t, err)
	require.Equal(t, notify.ClassAccepted, v[0].Class, v[0].Code)
	require.Equal(t, 1, s.Journal.Count("sms", "13900000001", home.OutID))
	got, found, err := cloud.Query(t.Context(), home)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, notify.ClassDelivered, got.Class)

	m := notice()
	m.SMSText = "[Acme] [[ref]] [[code]]"
	away := person(2, "+85251234567")
	v, err = deliver(t, sms.NewInternational(ac, sms.Options{Simulated: true}), m, away)
	require.NoError(t, err)
	require.Equal(t, notify.ClassAccepted, v[0].Class, v[0].Code)
	require.Equal(t, 1, s.Journal.Count("sms", "85251234567", away.OutID))
	require.Empty(t, s.Journal.Summary().Violations)
}
