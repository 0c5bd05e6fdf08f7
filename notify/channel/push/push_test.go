package push_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/incident"
	"tocsin/internal/aliyun"
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

func channel(t *testing.T, batch int) (*simulator.Simulator, *push.Channel) {
	t.Helper()
	s, err := simulator.Start(simulator.Options{KeyID: "testid", KeySecret: "planted-secret", Keep: 500})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	c, err := aliyun.New(aliyun.Options{Endpoint: s.HTTPAddr(), KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return s, push.New(c, "24680", push.Options{Batch: batch, Simulated: true})
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
	s, c := channel(t, 100)
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

func TestPersonalTextIsOneCallEach(t *testing.T) {
	s, c := channel(t, 100)
	out := people(30)
	out[3].Code = ""
	for i, v := range send(t, c, notice("安全通知 [[ref]]", "检查码 [[code]] [[other]]"), out...) {
		if i == 3 {
			require.Equal(t, notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"}, v)
			continue
		}
		require.Equal(t, notify.ClassAccepted, v.Class, v.Code)
		require.Equal(t, 1, s.Journal.Count("push", out[i].Address, out[i].OutID))
		require.Equal(t, fmt.Sprintf("检查码 CODE%06d [[other]]", i), s.Journal.Recent("push", out[i].Address)[0].Body)
	}
}

func TestCodes(t *testing.T) {
	s, c := channel(t, 100)
	for name, row := range map[string]struct {
		fault simulator.Fault
		class notify.Class
	}{
		"throttled":   {simulator.Fault{Code: 400, Error: "Throttling.User"}, notify.ClassRetry},
		"account":     {simulator.Fault{Code: 400, Error: "AccountDisabled"}, notify.ClassStop},
		"format":      {simulator.Fault{Code: 400, Error: "InvalidTitle.Format"}, notify.ClassBug},
		"period":      {simulator.Fault{Code: 400, Error: "InvalidPeriod.StartEnd"}, notify.ClassBug},
		"unavailable": {simulator.Fault{Code: 503, Error: "ServiceUnavailable"}, notify.ClassInDoubt},
		"unknown":     {simulator.Fault{Code: 400, Error: "Strange"}, notify.ClassRcptSoft},
		"no id":       {simulator.Fault{Code: 200, Text: `{"RequestId":"r"}`}, notify.ClassInDoubt},
		"reset":       {simulator.Fault{Drop: true}, notify.ClassInDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			row.fault.Channel, row.fault.Times = "push", 1
			s.Fail(row.fault)
			for _, v := range send(t, c, notice("t", "b"), people(2)...) {
				require.Equal(t, row.class, v.Class)
			}
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	_, c := channel(t, 1)
	_, err := c.Prepare(t.Context(), notice("", "b"), incident.Live)
	require.ErrorContains(t, err, "empty-message")
	_, err = c.Prepare(t.Context(), notice("t", string(make([]byte, 1800))), incident.Live)
	require.ErrorContains(t, err, "too-long")
	_, err = push.New(nil, "1", push.Options{}).Prepare(t.Context(), notice("t", "b"), incident.Drill)
	require.ErrorContains(t, err, "drill-outside-simulator")
	_, err = push.New(nil, "key", push.Options{}).Prepare(t.Context(), notice("t", "b"), incident.Live)
	require.ErrorContains(t, err, "bad-app-key")
}
