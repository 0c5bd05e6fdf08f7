package sms_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/call"
	"tocsin/internal/simulator"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/sms"
	"tocsin/notify/codes"
	"tocsin/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notice() notify.FrozenMessage {
	return notify.FrozenMessage{Document: "ntc_1", Version: 1, Message: templates.Message{Channel: "sms", Sign: "示例科技", Template: "SMS_100",
		Params: map[string]string{"ref": "[[ref]]", "code": "[[code]]"}, Slots: []string{"code", "ref"}}}
}

func channel(t *testing.T, o simulator.Options) (*simulator.Simulator, *sms.Channel) {
	t.Helper()
	o.KeyID, o.KeySecret = "testid", "planted-secret"
	s, err := simulator.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	c, err := aliyun.New(call.Options{Endpoint: s.HTTPAddr(), KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return s, sms.New(c, sms.Options{Calls: 4, Simulated: true, Settles: 2 * time.Minute})
}

func person(i int, phone string) notify.Outgoing {
	return notify.Outgoing{Seq: int64(i), Channel: "sms", Attempt: 1, Address: phone, OutID: fmt.Sprintf("1.%d.sm.abcdef", i),
		Code: fmt.Sprintf("CODE%06d", i), Ref: "N-2026-1"}
}

func send(t *testing.T, c *sms.Channel, m notify.FrozenMessage, out ...notify.Outgoing) []notify.Verdict {
	t.Helper()
	verdicts, err := channeltest.Deliver(t, c, m, out...)
	require.NoError(t, err)
	return verdicts
}

func TestEachPersonGetsTheirOwn(t *testing.T) {
	s, c := channel(t, simulator.Options{Templates: map[string][]string{"SMS_100": {"ref", "code"}}, Signs: []string{"示例科技"}, Keep: 100})
	var out []notify.Outgoing
	for i := range 60 {
		out = append(out, person(i, fmt.Sprintf("+861390000%04d", i)))
	}
	for i, v := range send(t, c, notice(), out...) {
		require.Equal(t, notify.ClassAccepted, v.Class, v.Code)
		require.NotEmpty(t, v.ProviderID)
		phone := strings.TrimPrefix(out[i].Address, "+86")
		require.Equal(t, 1, s.Journal.Count("sms", phone, out[i].OutID))
		require.JSONEq(t, fmt.Sprintf(`{"ref":"N-2026-1","code":"CODE%06d"}`, i), s.Journal.Recent("sms", phone)[0].Body)
	}
	require.Zero(t, s.Journal.Summary().Channels["sms"].Repeated)
	require.Empty(t, s.Journal.Summary().Violations)
}

// Every code the provider can answer with, sent over the wire, becomes its class: both tables row by row.
func TestCodes(t *testing.T) {
	s, c := channel(t, simulator.Options{})
	check := func(name string, f simulator.Fault, want notify.Class) {
		t.Run(name, func(t *testing.T) {
			f.Channel, f.Times = "sms", 1
			s.Fail(f)
			v := send(t, c, notice(), person(1, "+8613900000000"))[0]
			require.Equal(t, want, v.Class)
			require.Equal(t, want == notify.ClassRetryAt, !v.RetryAt.IsZero())
			require.NotContains(t, v.Code, "13900000000")
		})
	}
	for _, r := range codes.Submission.Rules {
		check(r.Code, simulator.Fault{Error: r.Code, Text: "13900000000 CODE000001 小时级"}, r.Class)
	}
	check("unknown business code", simulator.Fault{Error: "isv.NEVER_HEARD_OF"}, notify.ClassRcptSoft)
	for code, row := range map[string]struct {
		status int
		class  notify.Class
	}{
		"Throttling": {400, notify.ClassRetry}, "Throttling.User": {400, notify.ClassRetry}, "Throttling.Api": {400, notify.ClassRetry},
		"ServiceUnavailable": {503, notify.ClassInDoubt}, "InternalError": {500, notify.ClassInDoubt}, "Strange": {500, notify.ClassInDoubt},
		"SignatureNonceUsed": {400, notify.ClassInDoubt}, "InvalidTimeStamp.Expired": {400, notify.ClassStop},
		"IllegalTimestamp": {400, notify.ClassStop}, "SignatureDoesNotMatch": {400, notify.ClassStop}, "IncompleteSignature": {400, notify.ClassStop},
		"InvalidAccessKeyId.NotFound": {404, notify.ClassStop}, "InvalidAccessKeyId.Inactive": {400, notify.ClassStop},
		"Forbidden": {403, notify.ClassStop}, "Forbidden.RAM": {403, notify.ClassStop}, "Forbidden.RiskControl": {403, notify.ClassStop},
		"Forbidden.UserVerification": {403, notify.ClassStop}, "MissingParameter": {400, notify.ClassBug}, "InvalidParameter.X": {400, notify.ClassBug},
		"UnsupportedOperation": {400, notify.ClassBug}, "NoSuchVersion": {404, notify.ClassBug}, "InvalidAction.NotFound": {404, notify.ClassBug},
	} {
		check(code, simulator.Fault{Code: row.status, Error: code}, row.class)
	}
	check("empty 200", simulator.Fault{Code: 200}, notify.ClassInDoubt)
	check("HTML 200", simulator.Fault{Code: 200, Text: "<html>"}, notify.ClassInDoubt)
	check("HTML 502", simulator.Fault{Code: 502, Text: "<html>"}, notify.ClassInDoubt)
	check("truncated", simulator.Fault{Code: 200, Text: `{"Code":"OK"`}, notify.ClassInDoubt)
	check("code as number", simulator.Fault{Code: 400, Text: `{"Code":7}`}, notify.ClassInDoubt)
	check("reset", simulator.Fault{Drop: true}, notify.ClassInDoubt)
}

// A number that is sent to too often waits as long as the provider's words say.
func TestWindowsOfFlowControl(t *testing.T) {
	s, c := channel(t, simulator.Options{})
	for words, want := range map[string]time.Duration{
		"触发分钟级流控Permits:1": time.Minute, "触发小时级流控Permits:5": time.Hour, "触发天级流控Permits:10": 24 * time.Hour, "流控": time.Hour,
	} {
		s.Fail(simulator.Fault{Channel: "sms", Error: "isv.BUSINESS_LIMIT_CONTROL", Text: words, Times: 1})
		before := time.Now()
		v := send(t, c, notice(), person(1, "+8613900000000"))[0]
		require.Equal(t, notify.ClassRetryAt, v.Class)
		require.WithinDuration(t, before.Add(want), v.RetryAt, 10*time.Second, words)
	}
}

// One person's values that the provider refuses stop nobody else: the template without variables goes to that
// person, and where there is none the next channel has to.
func TestValuesRefusedForOnePerson(t *testing.T) {
	s, c := channel(t, simulator.Options{Keep: 10})
	for _, code := range []string{"isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL", "isv.BLACK_KEY_CONTROL_LIMIT"} {
		s.Fail(simulator.Fault{Channel: "sms", Recipient: "13900000001", Error: code, Times: 1})
		verdicts := send(t, c, notice(), person(1, "+8613900000001"), person(2, "+8613900000002"))
		require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: code}, verdicts[0])
		require.Equal(t, notify.ClassAccepted, verdicts[1].Class)

		m := notice()
		m.Bare = "SMS_BARE"
		s.Fail(simulator.Fault{Channel: "sms", Recipient: "13900000003", Error: code, Times: 1})
		require.Equal(t, notify.ClassAccepted, send(t, c, m, person(3, "+8613900000003"))[0].Class)
		require.Empty(t, s.Journal.Recent("sms", "13900000003")[0].Body)
		s.Fail(simulator.Fault{Channel: "sms", Recipient: "13900000004", Error: code, Times: 2})
		require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: code}, send(t, c, m, person(4, "+8613900000004"))[0])
	}
}

// A brand may be missing or too long for one person: that is no fault of the message.
func TestBrandIsThePersons(t *testing.T) {
	s, c := channel(t, simulator.Options{Keep: 10})
	m := notice()
	m.Params = map[string]string{"ref": "[[ref]]", "brand": "[[brand]]"}
	m.Slots = []string{"brand", "ref"}
	good, none, long := person(1, "+8613900000001"), person(2, "+8613900000002"), person(3, "+8613900000003")
	good.Brand, long.Brand = `"示例"商城`, strings.Repeat("示", 36)
	verdicts := send(t, c, m, good, none, long)
	require.Equal(t, notify.ClassAccepted, verdicts[0].Class)
	require.JSONEq(t, `{"ref":"N-2026-1","brand":"\"示例\"商城"}`, s.Journal.Recent("sms", "13900000001")[0].Body)
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: "slot-missing"}, verdicts[1])
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: "parameter-rule"}, verdicts[2])
	m.Bare = "SMS_BARE"
	for _, v := range send(t, c, m, none, long) {
		require.Equal(t, notify.ClassAccepted, v.Class)
	}
}

// What was taken but not answered is found by our own id; what was not taken is provably not there.
func TestInDoubtIsAsked(t *testing.T) {
	s, c := channel(t, simulator.Options{ReceiptDelay: time.Nanosecond})
	taken, lost, dead := person(1, "+8613900000001"), person(2, "+8613900000002"), person(3, "+8613900990001")
	s.Fail(simulator.Fault{Channel: "sms", Recipient: "13900000001", Accept: true, Drop: true, Times: 1})
	s.Fail(simulator.Fault{Channel: "sms", Recipient: "13900000002", Drop: true, Times: 1})
	verdicts := send(t, c, notice(), taken, lost, dead)
	require.Equal(t, notify.ClassInDoubt, verdicts[0].Class)
	require.Equal(t, notify.ClassInDoubt, verdicts[1].Class)

	v, found, err := c.Query(t.Context(), taken)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, notify.ClassDelivered, v.Class)
	v, found, err = c.Query(t.Context(), lost)
	require.NoError(t, err)
	require.True(t, found, "nobody knows when it was sent: perhaps just now")
	require.Equal(t, notify.ClassInDoubt, v.Class)
	v, found, err = c.Query(t.Context(), dead)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "MK:0001"}, v)

	lost.Since = time.Now()
	v, found, err = c.Query(t.Context(), lost)
	require.NoError(t, err)
	require.True(t, found, "what was sent just now may not be listed yet")
	require.Equal(t, notify.ClassInDoubt, v.Class)
	require.Equal(t, lost.Since.Add(2*time.Minute), v.RetryAt)
	lost.Since = time.Now().Add(-2*time.Minute - time.Second)
	_, found, err = c.Query(t.Context(), lost)
	require.NoError(t, err)
	require.False(t, found)

	s.Fail(simulator.Fault{Channel: "query", Code: 500, Text: "13900000001"})
	_, found, err = c.Query(t.Context(), taken)
	require.Error(t, err)
	require.False(t, found)
	require.NotContains(t, err.Error(), "13900000001")
}

func TestRefusals(t *testing.T) {
	s, c := channel(t, simulator.Options{})
	out := []notify.Outgoing{person(1, "+85251234567"), person(2, "13900000000,13900000001"), person(3, "+8613900000003"), person(4, "+8613900000004")}
	out[2].Code = ""
	out[3].Code = strings.Repeat("x", 36)
	verdicts := send(t, c, notice(), out...)
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-mainland"}, verdicts[0])
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-mainland"}, verdicts[1])
	require.Equal(t, notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"}, verdicts[2])
	require.Equal(t, notify.Verdict{Class: notify.ClassBug, Code: "parameter-rule"}, verdicts[3])
	require.Empty(t, s.Journal.Recent("", ""))

	for name, m := range map[string]func(*notify.FrozenMessage){
		"no template":        func(m *notify.FrozenMessage) { m.Template = "" },
		"no signature":       func(m *notify.FrozenMessage) { m.Sign = "" },
		"link as a variable": func(m *notify.FrozenMessage) { m.Params["ref"] = "https://acme.example/" },
	} {
		t.Run(name, func(t *testing.T) {
			x := notice()
			m(&x)
			_, err := c.Prepare(t.Context(), x, incident.Live)
			var e *notify.Refusal
			require.ErrorAs(t, err, &e)
			require.Equal(t, notify.ClassStop, e.Class)
		})
	}
	for name, m := range map[string]func(*notify.FrozenMessage){
		"declared": func(m *notify.FrozenMessage) { m.Slots = append(m.Slots, "name") },
		"hidden":   func(m *notify.FrozenMessage) { m.Params["ref"] = "[[name]]" },
	} {
		t.Run("personal slot "+name, func(t *testing.T) {
			x := notice()
			m(&x)
			_, err := c.Prepare(t.Context(), x, incident.Live)
			require.ErrorContains(t, err, "personal-slot (BUG)")
		})
	}
	_, err := sms.New(nil, sms.Options{}).Prepare(t.Context(), notice(), incident.Drill)
	require.ErrorContains(t, err, "drill-outside-simulator")
}

func TestCancelledSendTouchesNobody(t *testing.T) {
	s, c := channel(t, simulator.Options{})
	sender, err := c.Prepare(t.Context(), notice(), incident.Live)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sender.Send(ctx, []notify.Outgoing{person(1, "+8613900000001")}, func(int) { t.Error("begun") },
		func(int, notify.Verdict) { t.Error("answered") }), context.Canceled)
	require.Empty(t, s.Journal.Recent("", ""))
}
