package simulator

import (
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mailKinds is what each kind does to a mail to its magic recipient: the replies of two attempts ("" is a cut),
// how many arrived, and what came back, as parts of the letters.
var mailKinds = map[string]struct {
	replies [2]string
	arrived int
	letters []string
}{
	"nouser":     {[2]string{"550", "550"}, 0, nil},
	"full":       {[2]string{"552", "552"}, 0, nil},
	"greylist":   {[2]string{"450", "250"}, 1, nil},
	"busy":       {[2]string{"421", "250"}, 1, nil},
	"frequency":  {[2]string{"550", "250"}, 1, nil},
	"rejected":   {[2]string{"554", "554"}, 0, nil},
	"blocked":    {[2]string{"550", "550"}, 0, nil},
	"quota":      {[2]string{"552", "250"}, 1, nil},
	"bounce":     {[2]string{"250", ""}, 1, []string{"Action: failed\r\nStatus: 5.1.1"}},
	"fullreport": {[2]string{"250", ""}, 1, []string{"Action: failed\r\nStatus: 5.2.2"}},
	"delay":      {[2]string{"250", ""}, 1, []string{"Action: delayed"}},
	"complain":   {[2]string{"250", ""}, 1, []string{"Feedback-Type: abuse"}},
	"autoreply":  {[2]string{"250", ""}, 1, []string{"Out of office"}},
	"read":       {[2]string{"250", ""}, 1, []string{"Disposition: manual-action/MDN-sent-manually; displayed"}},
	"forged":     {[2]string{"250", ""}, 1, []string{"Original-Envelope-Id: 1.1.em.aaaaaaaaaaaaaaaa"}},
	"noenvid":    {[2]string{"250", ""}, 1, []string{"Action: failed"}},
	"latin":      {[2]string{"250", ""}, 1, []string{"Empf\xe4nger"}},
	"vanish":     {[2]string{"250", ""}, 1, nil},
	"slow":       {[2]string{"250", "250"}, 2, nil},
	"hang":       {[2]string{"", "250"}, 2, nil},
	"reset":      {[2]string{"", "250"}, 1, nil},
	"lost":       {[2]string{"", "250"}, 2, nil},
}

// TestMailKinds: every kind of the table strikes a mail as it says, once or always.
func TestMailKinds(t *testing.T) {
	for i := range kinds {
		k := &kinds[i]
		if !k.On("email") {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			want, known := mailKinds[k.Name]
			require.True(t, known, "a kind without a test")
			h := &hook{status: 204}
			web := httptest.NewServer(h)
			defer web.Close()
			s, fake := started(t, Options{Insecure: true, Callback: web.URL + "/{provider}", Hang: soon.Hang, Slow: soon.Slow})
			to := k.Name + "+7@people.example"
			for _, reply := range want.replies {
				if reply == "" && want.replies[0] == "250" {
					break
				}
				d := talk(t, s)
				require.Equal(t, reply, d.send(to, letterTo(to)))
				d.conn.Close()
			}
			fake.Advance(time.Second)
			s.Flush(t.Context())
			require.Equal(t, want.arrived, s.Journal.Count("email", to, ""))
			got := h.got()
			require.Len(t, got, len(want.letters))
			for i, text := range want.letters {
				require.Contains(t, got[i], text)
			}
			if k.Name == "noenvid" {
				require.NotContains(t, got[0], "Original-Envelope-Id")
			}
		})
	}
}

// soon has kinds that wait in real time, as a caller sees them, wait little.
var soon = Options{Hang: 6 * time.Millisecond, Slow: time.Millisecond}

// callKinds is what each kind does to a call: the first answer's status and body ("cut" is none), the second's
// code, how many arrived after both.
var callKinds = map[string]struct {
	first   string
	second  string
	arrived int
}{
	"slow": {"200 OK", "OK", 2}, "hang": {"cut", "OK", 2}, "reset": {"cut", "OK", 1}, "lost": {"cut", "OK", 2},
	"error500": {"500 <html>", "OK", 1}, "error502": {"502 <html>", "OK", 2}, "error503": {"503 ServiceUnavailable", "OK", 1},
	"cut": {"200 cut", "OK", 2}, "empty": {"200 ", "OK", 2}, "truncated": {"200 truncated", "OK", 2}, "number": {"400 7", "OK", 1}, "throttled": {"400 Throttling.User", "OK", 1},
	"drip": {"200 OK", "OK", 2}, "skew": {"400 InvalidTimeStamp.Expired", "OK", 1}, "gone": {"200 OK", "OK", 0},
	"illegal": {"200 isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_NUMBER_ILLEGAL", 0}, "limited": {"200 isv.BUSINESS_LIMIT_CONTROL", "OK", 1},
	"balance": {"200 isv.AMOUNT_NOT_ENOUGH", "OK", 1},
}

// TestCallKinds: every kind of the table strikes an SMS and a push as it says.
func TestCallKinds(t *testing.T) {
	for i := range kinds {
		k := &kinds[i]
		for _, channel := range []string{"sms", "push"} {
			if !k.On(channel) || k.Fault.Later != "" && k.Name != "gone" {
				continue
			}
			t.Run(channel+" "+k.Name, func(t *testing.T) {
				want, known := callKinds[k.Name]
				require.True(t, known, "a kind without a test")
				s, _ := started(t, soon)
				recipient := "13912" + k.Number
				if channel == "push" {
					recipient = k.Name + "-7"
				}
				require.Equal(t, want.first, s.tell(t, channel, recipient))
				_, second, _ := strings.Cut(s.tell(t, channel, recipient), " ")
				require.Equal(t, want.second, second)
				require.Equal(t, want.arrived, s.Journal.Count(channel, recipient, ""))
			})
		}
	}
}

// tell makes one call for a recipient and says what was answered.
func (s *Simulator) tell(t *testing.T, channel, recipient string) string {
	p := golden()
	p.Set("SignatureNonce", fmt.Sprint(s.receipts.number()))
	p.Set("Timestamp", s.clock.gate().Format("2006-01-02T15:04:05Z"))
	p.Set("PhoneNumbers", recipient)
	if channel == "push" {
		pushParams(p)
		p.Set("TargetValue", recipient)
	}
	p.Set("Signature", sign("testsecret", stringToSign("POST", p)))
	resp, err := caller.Post("http://"+s.HTTPAddr()+"/?"+p.Encode(), "application/x-www-form-urlencoded", nil)
	if err != nil {
		return "cut"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Sprintf("%d cut", resp.StatusCode)
	}
	text := string(body)
	switch {
	case strings.HasPrefix(text, "<html>"):
		text = "<html>"
	case text == truncatedJSON:
		text = "truncated"
	case strings.Contains(text, `"MessageId"`):
		text = "OK"
	case text != "":
		_, text, _ = strings.Cut(text, `"Code":`)
		text = strings.Trim(text[:strings.IndexAny(text, ",}")], `"`)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, text)
}

func pushParams(p url.Values) {
	for _, name := range []string{"PhoneNumbers", "SignName", "TemplateCode", "TemplateParam", "OutId"} {
		p.Del(name)
	}
	for k, v := range map[string]string{"Action": "Push", "Version": "2016-08-01", "AppKey": "1", "PushType": "NOTICE", "DeviceType": "ALL",
		"Target": "DEVICE", "TargetValue": "d1", "Title": "t", "Body": "b", "iOSApnsEnv": "PRODUCT", "JobKey": "o-1"} {
		p.Set(k, v)
	}
}

// receiptKinds is what comes back for each kind of SMS receipt, in order.
var receiptKinds = map[string][]string{
	"dead": {"MK:0001"}, "off": {"UNDELIV"}, "blacklist": {"MBBLACK"}, "expired": {"EXPIRED"}, "refusedcontent": {"REJECTD"},
	"vanish": nil, "late": nil, "twice": {"DELIVERED", "DELIVERED"}, "disorder": {"UNDELIV", "DELIVERED"},
	"unknown": {"MK:0001", "DELIVERED"}, "malformed": {"perhaps", "DELIVERED"}, "early": {"DELIVERED"},
}

func TestReceiptKinds(t *testing.T) {
	for i := range kinds {
		k := &kinds[i]
		if !k.On("sms") || k.Fault.Later == "" {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			want, known := receiptKinds[k.Name]
			require.True(t, known, "a kind without a test")
			h := &hook{status: 200, ack: `{"code":0}`}
			web := httptest.NewServer(h)
			defer web.Close()
			s, fake := started(t, Options{Callback: web.URL + "/{provider}", ReceiptDelay: time.Second})
			require.Equal(t, "200 OK", s.tell(t, "sms", "13912"+k.Number))
			if k.Name == "early" {
				require.Len(t, h.got(), 1, "before the answer")
			} else {
				require.Empty(t, h.got())
			}
			fake.Advance(time.Second)
			s.Flush(t.Context())
			all := strings.Join(h.got(), "")
			for _, code := range want {
				_, rest, found := strings.Cut(all, code)
				require.True(t, found, "%s in %s", code, all)
				all = rest
			}
			fake.Advance(later)
			s.Flush(t.Context())
			switch k.Name {
			case "late":
				require.Contains(t, h.got()[0], "DELIVERED")
			case "twice":
				require.Contains(t, h.got()[1], "UNDELIV", "a late failure changes nothing")
			case "vanish":
				require.Empty(t, h.got())
			}
		})
	}
}

// A share strikes that share, the same people for a seed, and other people for another.
func TestSharesAreTheSameForASeed(t *testing.T) {
	const people = 100_000
	struck := func(seed uint64) (all []string, byKind map[string]int) {
		f := newFaults(Options{Seed: seed})
		require.NoError(t, f.share(map[string]float64{"*": 0.01, "greylist": 0.02, "full": 0}))
		byKind = map[string]int{}
		for i := range people {
			to := fmt.Sprintf("user%d@people.example", i)
			if k := f.kind("email", []byte(to)); k != nil {
				all = append(all, to+" "+k.Name)
				byKind[k.Name]++
				require.Equal(t, !k.Once, f.kind("email", []byte(to)) == k, "once is once")
			}
		}
		return all, byKind
	}
	one, byKind := struck(1)
	again, _ := struck(1)
	other, _ := struck(2)
	require.Equal(t, one, again)
	require.NotEqual(t, one, other)
	for i := range kinds {
		k := &kinds[i]
		switch {
		case !k.On("email"), k.Stops, k.Name == "full":
			require.Zero(t, byKind[k.Name], k.Name)
		case k.Name == "greylist":
			require.InDelta(t, people*0.02, byKind[k.Name], people*0.002)
		default:
			require.InDelta(t, people*0.01, byKind[k.Name], people*0.002, k.Name)
		}
	}
	f := newFaults(Options{Seed: 1})
	require.Error(t, f.share(map[string]float64{"*": 0.2}), "more than everybody")
	require.Error(t, f.share(map[string]float64{"lost": -1}))
	require.Error(t, f.share(map[string]float64{"nothing-such": 0.1}))
}

// Ordinary people meet nothing.
func TestOrdinaryRecipientsAreNotMagic(t *testing.T) {
	for _, to := range []string{"user7@people.example", "bouncer@people.example", "slowly.7@people.example", "7@people.example", "@", "readme@people.example", "用户@people.example", "bounce7x@people.example"} {
		require.Nil(t, magicKind("email", []byte(to)), to)
	}
	for _, to := range []string{"13900000001", "990001", "+85291990101"} {
		require.Nil(t, magicKind("sms", []byte(to)), to)
	}
	for _, to := range []string{"device-7", "slow", "lost7", "d1"} {
		require.Nil(t, magicKind("push", []byte(to)), to)
	}
	require.Equal(t, "bounce", magicKind("email", []byte("Bounce.7@people.example")).Name)
	require.Equal(t, "dead", magicKind("sms", []byte("+85291990001")).Name)
}
