package push_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/call"
	"tocsin/internal/simulator"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/push"
	"tocsin/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notice(title, body string) notify.FrozenMessage {
	return notify.FrozenMessage{Document: "ntc_1", Version: 1, Message: templates.Message{Channel: "push", Title: title, Body: body}}
}

func channel(t *testing.T, o push.Options) (*simulator.Simulator, *push.Channel) {
	t.Helper()
	s, err := simulator.Start(simulator.Options{KeyID: "testid", KeySecret: "planted-secret", Keep: 500})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s, connect(t, s.HTTPAddr(), o)
}

func connect(t *testing.T, addr string, o push.Options) *push.Channel {
	t.Helper()
	c, err := aliyun.New(call.Options{Endpoint: addr, KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	o.Simulated = true
	return push.New(c, "24680", o)
}

func people(n int) (out []notify.Outgoing) {
	for i := range n {
		out = append(out, notify.Outgoing{Seq: int64(i), Channel: "push", Attempt: 1, Address: fmt.Sprintf("device%04d", i), OutID: fmt.Sprintf("1.%d.pu.abcdef", i),
			Code: fmt.Sprintf("CODE%06d", i), Ref: "N-2026-1"})
	}
	return out
}

func send(t *testing.T, c *push.Channel, m notify.FrozenMessage, out ...notify.Outgoing) []notify.Verdict {
	t.Helper()
	verdicts, err := channeltest.Deliver(t, c, m, out...)
	require.NoError(t, err)
	return verdicts
}

// The same text for all goes out in few calls; each device gets it once.
func TestSameTextIsBatched(t *testing.T) {
	s, c := channel(t, push.Options{Batch: 100})
	out := people(250)
	out[7].Address = out[8].Address // one device of two people: two messages
	out[9].Address = "two,devices"
	ids := map[string]bool{}
	for i, v := range send(t, c, notice("安全通知", "请打开应用查看"), out...) {
		if i == 9 {
			require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-device"}, v)
			continue
		}
		require.Equal(t, notify.ClassAccepted, v.Class, v.Code)
		ids[v.ProviderID] = true
	}
	require.Len(t, ids, 4)
	require.EqualValues(t, 249, s.Journal.Summary().Channels["push"].Accepted)
	require.Equal(t, 2, s.Journal.Count("push", out[8].Address, ""))
	require.Equal(t, 1, s.Journal.Count("push", out[200].Address, ""))
}

// The product's codes, row by row over the wire, and those of the gateway before it.
func TestCodes(t *testing.T) {
	s, c := channel(t, push.Options{Repeats: -1})
	for _, row := range []struct {
		fault simulator.Fault
		class notify.Class
	}{
		{simulator.Fault{Code: 400, Error: "Throttling"}, notify.ClassRetry},
		{simulator.Fault{Code: 400, Error: "Throttling.User"}, notify.ClassRetry},
		{simulator.Fault{Code: 400, Error: "Throttling.Api"}, notify.ClassRetry},
		{simulator.Fault{Code: 400, Error: "AccountDisabled"}, notify.ClassStop},
		{simulator.Fault{Code: 403, Error: "Forbidden.RAM"}, notify.ClassStop},
		{simulator.Fault{Code: 400, Error: "InvalidTimeStamp.Expired"}, notify.ClassStop},
		{simulator.Fault{Code: 400, Error: "SignatureDoesNotMatch"}, notify.ClassStop},
		{simulator.Fault{Code: 404, Error: "InvalidAccessKeyId.NotFound"}, notify.ClassStop},
		{simulator.Fault{Code: 400, Error: "InvalidTitle.Format"}, notify.ClassBug},
		{simulator.Fault{Code: 400, Error: "InvalidPeriod.StartEnd"}, notify.ClassBug},
		{simulator.Fault{Code: 400, Error: "MissingAppKey"}, notify.ClassBug},
		{simulator.Fault{Code: 503, Error: "ServiceUnavailable"}, notify.ClassInDoubt},
		{simulator.Fault{Code: 500, Error: "InternalError"}, notify.ClassInDoubt},
		{simulator.Fault{Code: 400, Error: "SignatureNonceUsed"}, notify.ClassInDoubt},
		{simulator.Fault{Code: 400, Error: "Strange"}, notify.ClassRcptSoft},
		{simulator.Fault{Code: 200, Text: `{"RequestId":"r"}`}, notify.ClassInDoubt},
		{simulator.Fault{Code: 502, Text: `<html>`}, notify.ClassInDoubt},
		{simulator.Fault{Drop: true}, notify.ClassInDoubt},
	} {
		t.Run(row.fault.Error+row.fault.Text, func(t *testing.T) {
			row.fault.Channel, row.fault.Times = "push", 1
			s.Fail(row.fault)
			for _, v := range send(t, c, notice("t", "b"), people(1)...) {
				require.Equal(t, row.class, v.Class)
			}
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	_, c := channel(t, push.Options{})
	personal := notice("t", "[[name]]")
	personal.Slots = []string{"name"}
	for want, m := range map[string]notify.FrozenMessage{
		"empty-message": notice("", "b"), "too-long": notice("t", strings.Repeat("x", 1800)), "personal-slot": personal,
	} {
		_, err := c.Prepare(t.Context(), m, incident.Live)
		require.ErrorContains(t, err, want)
	}
	_, err := push.New(nil, "1", push.Options{}).Prepare(t.Context(), notice("t", "b"), incident.Drill)
	require.ErrorContains(t, err, "drill-outside-simulator")
	_, err = push.New(nil, "key", push.Options{}).Prepare(t.Context(), notice("t", "b"), incident.Live)
	require.ErrorContains(t, err, "bad-app-key")
}
