package sms_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/call"
	"tocsin/notify"
	"tocsin/notify/channel/sms"
	"tocsin/notify/codes"
	"tocsin/templates"
)

// globe is a double of the international product: it answers what the test says and keeps what was asked.
type globe struct {
	mu    sync.Mutex
	code  string
	asked []url.Values
}

func (g *globe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = r.ParseForm() // what is missing then shows in the test
	g.asked = append(g.asked, r.Form)
	answer := map[string]string{"RequestId": "r", "ResponseCode": g.code, "ResponseDescription": "+85251234567 CODE000001"}
	if g.code == "OK" {
		answer["MessageId"] = "m-" + r.Form.Get("TaskId")
	}
	_ = json.NewEncoder(w).Encode(answer) // the caller may be gone
}

func international(t *testing.T, o sms.Options) (*globe, *sms.International) {
	g := &globe{code: "OK"}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	c, err := aliyun.New(call.Options{Endpoint: strings.TrimPrefix(s.URL, "http://"), KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return g, sms.NewInternational(c, o)
}

func TestAbroadGoesTheApprovedText(t *testing.T) {
	g, c := international(t, sms.Options{})
	m := notice()
	m.SMSText = "[Acme] Security notice [[ref]], code [[code]]"
	one := person(1, "+85251234567")
	v, err := deliver(t, c, m, one, person(2, "+8613900000001"), person(3, "nonsense"))
	require.NoError(t, err)
	require.Equal(t, notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: "m-" + one.OutID}, v[0])
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-abroad"}, v[1])
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-abroad"}, v[2])
	require.Len(t, g.asked, 1)
	for name, want := range map[string]string{"To": "85251234567", "From": "", "Message": "[Acme] Security notice N-2026-1, code CODE000001", "TaskId": one.OutID} {
		require.Equal(t, want, g.asked[0].Get(name))
	}

	m.Providers = map[string]templates.SMSForm{"aliyun-intl": {Sign: "Acme", Text: "Acme: [[ref]]"}}
	_, err = deliver(t, c, m, one)
	require.NoError(t, err)
	require.Equal(t, "Acme", g.asked[1].Get("From"))
	require.Equal(t, "Acme: N-2026-1", g.asked[1].Get("Message"))
}

// Every code of the table over the wire, with and without the provider's prefix.
func TestCodesAbroad(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	g, c := international(t, sms.Options{Clock: fixed(now)})
	m := notice()
	m.SMSText = "notice"
	for _, r := range codes.Global.Rules {
		for _, prefix := range []string{"", "isv.", "isp."} {
			g.code = prefix + r.Code
			v, err := deliver(t, c, m, person(1, "+85251234567"))
			require.NoError(t, err)
			require.Equal(t, r.Class, v[0].Class, g.code)
			require.Equal(t, g.code, v[0].Code)
			if r.Class == notify.ClassRetryAt {
				require.Equal(t, now.Add(r.Wait), v[0].RetryAt)
			}
		}
	}
	g.code = "isv.NEVER_HEARD_OF"
	v, err := deliver(t, c, m, person(1, "+85251234567"))
	require.NoError(t, err)
	require.Equal(t, notify.ClassRcptSoft, v[0].Class)
}

func TestWhoCovers(t *testing.T) {
	home, away, cloud := sms.New(nil, sms.Options{}), sms.NewInternational(nil, sms.Options{}), sms.NewTencent(nil, "1", sms.Options{})
	for address, mainland := range map[string]bool{"+8613900000001": true, "+85251234567": false, "+12025550123": false, "+861012345678": false} {
		require.Equal(t, mainland, home.Covers().Reaches(address), address)
		require.Equal(t, mainland, cloud.Covers().Reaches(address), address)
	}
	for address, abroad := range map[string]bool{"+8613900000001": false, "+861012345678": false, "+85251234567": true, "+12025550123": true, "85251234567": false, "": false} {
		require.Equal(t, abroad, away.Covers().Reaches(address), address)
	}
}

func TestAbroadRefusals(t *testing.T) {
	_, c := international(t, sms.Options{})
	for want, m := range map[string]func(*notify.FrozenMessage){
		"no-text":       func(*notify.FrozenMessage) {},
		"too-long":      func(m *notify.FrozenMessage) { m.SMSText = strings.Repeat("字", 1001) },
		"personal-slot": func(m *notify.FrozenMessage) { m.SMSText = "Dear [[name]]" },
	} {
		x := notice()
		m(&x)
		_, err := c.Prepare(t.Context(), x, incident.Live)
		require.ErrorContains(t, err, want)
	}
	m := notice()
	m.SMSText = "x"
	_, err := c.Prepare(t.Context(), m, incident.Drill)
	require.ErrorContains(t, err, "drill-outside-simulator")
}
