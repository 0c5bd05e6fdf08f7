package email_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/incident"
	"tocsin/internal/simulator"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/email"
	"tocsin/templates"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bodyText = "您好：\n\n您的检查码是 [[code]]。\n.一行以点开头\n编号：[[ref]]\n未知的 [[other]] 留着。\n"
	bodyHTML = `<!doctype html><html><body><p>检查码 <b title="[[code]]">[[code]]</b>[[ref]]</p><p>` + "很长的一段文字，很长的一段文字，很长的一段文字。" + `</p></body></html>`
)

func notice() notify.FrozenMessage {
	return notify.FrozenMessage{Document: "ntc_1", Version: 3, Message: templates.Message{
		Channel: "email", Locale: "zh-Hans", From: `"Acme, 安全 <中心>" <security@acme.example>`,
		Subject: strings.Repeat("关于您个人信息的安全事件通知", 6) + " [[ref]]", Text: bodyText, HTML: bodyHTML, Slots: []string{"code", "ref"}}}
}

func simulate(t *testing.T, o simulator.Options) *simulator.Simulator {
	t.Helper()
	s, err := simulator.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s
}

func channel(t *testing.T, s *simulator.Simulator, change func(*email.Options)) *email.Channel {
	t.Helper()
	o := email.Options{Addr: s.SMTPAddr(), TLS: &tls.Config{RootCAs: s.RootCAs()}, Hello: "mta.acme.example", Domain: "acme.example",
		Bounce: "bounce.acme.example", Connections: 4, Simulated: true}
	if change != nil {
		change(&o)
	}
	c := email.New(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func person(i int, address string) notify.Outgoing {
	return notify.Outgoing{Dispatch: 1, Seq: int64(i), Channel: "email", Attempt: 1, Address: address, OutID: fmt.Sprintf("1.%d.em.abcdef", i),
		Code: fmt.Sprintf("CODE-%06d", i), Ref: "N-2026-1"}
}

// deliver sends and checks the contract of Send: begin before done, done once, never two at a time.
// read parses a message as a mail program would.
func read(t *testing.T, raw string) (head message.Header, text, html string) {
	t.Helper()
	m, err := message.Read(strings.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, m.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, _ := e.Header.ContentType()
		if strings.HasPrefix(kind, "multipart/") {
			return nil
		}
		b, err := io.ReadAll(e.Body)
		switch kind {
		case "text/plain":
			text = strings.ReplaceAll(string(b), "\r\n", "\n")
		case "text/html":
			html = strings.ReplaceAll(string(b), "\r\n", "\n")
		}
		return err
	}))
	return m.Header, text, html
}

// Each person gets the approved words, once, with their own code, and headers for them alone.
func TestEachPersonGetsTheirOwn(t *testing.T) {
	s := simulate(t, simulator.Options{Keep: 500, Username: "user", Password: "planted-password"})
	c := channel(t, s, func(o *email.Options) { o.Username, o.Password = "user", "planted-password" })
	var out []notify.Outgoing
	for i := range 300 {
		out = append(out, person(i, fmt.Sprintf("p%d@people.example", i)))
		out[i].Attempt += i % 3
	}
	verdicts, err := channeltest.Deliver(t, c, notice(), out...)
	require.NoError(t, err)
	for i, o := range out {
		require.Equal(t, notify.ClassAccepted, verdicts[i].Class, verdicts[i].Code)
		require.Equal(t, 1, s.Journal.Count("email", o.Address, o.OutID))
		head, text, html := read(t, s.Journal.Recent("email", o.Address)[0].Body)
		fill := strings.NewReplacer("[[code]]", o.Code, "[[ref]]", o.Ref)
		require.Equal(t, fill.Replace(bodyText), text)
		require.Equal(t, fill.Replace(bodyHTML), html)
		subject, err := head.Text("Subject")
		require.NoError(t, err)
		require.Equal(t, fill.Replace(notice().Subject), subject)
		require.Equal(t, "<"+o.Address+">", head.Get("To"))
		require.Equal(t, "<"+o.OutID+"@acme.example>", head.Get("Message-Id"), "whatever the attempt: a relay, and a mailbox, may know it again")
		from, err := mail.ParseAddress(head.Get("From"))
		require.NoError(t, err)
		require.Equal(t, &mail.Address{Name: "Acme, 安全 <中心>", Address: "security@acme.example"}, from)
		require.Equal(t, "auto-generated", head.Get("Auto-Submitted"))
	}
	sum := s.Journal.Summary()
	require.EqualValues(t, 300, sum.Channels["email"].Recipients)
	require.Zero(t, sum.Channels["email"].Repeated)
	require.Empty(t, sum.Violations)
	header, _, _ := strings.Cut(s.Journal.Recent("email", "")[0].Body, "\r\n\r\n")
	for line := range strings.SplitSeq(header, "\r\n") {
		require.LessOrEqual(t, len(line), 78)
	}
}

// Nothing a person or a message carries can add a header, a recipient or markup.
func TestHostileValues(t *testing.T) {
	s := simulate(t, simulator.Options{})
	c := channel(t, s, nil)
	evil := "x\r\nBcc: evil@evil.example\r\n\r\n.\r\nMAIL FROM:<a+b@evil.example>\r\n<script>alert(1)</script>\"&=?"
	o := person(1, "one@people.example")
	o.Code, o.Ref = evil, evil
	verdicts, err := channeltest.Deliver(t, c, notice(), o)
	require.NoError(t, err)
	require.Equal(t, notify.ClassAccepted, verdicts[0].Class, verdicts[0].Code)
	require.EqualValues(t, 1, s.Journal.Summary().Channels["email"].Accepted)
	head, text, html := read(t, s.Journal.Recent("email", "")[0].Body)
	require.Empty(t, head.Get("Bcc"))
	require.Equal(t, strings.NewReplacer("[[code]]", strings.ReplaceAll(evil, "\r\n", "\n"), "[[ref]]", strings.ReplaceAll(evil, "\r\n", "\n")).Replace(bodyText), text)
	require.NotContains(t, html, "<script")
	require.Contains(t, html, "&lt;script&gt;")

	for _, address := range []string{"a@people.example\r\nRCPT TO:<evil@evil.example>", "a@people.example> NOTIFY=NEVER", "a@b@", "", "nobody",
		"a@people.example, evil@evil.example", "<evil@evil.example>", "a@" + strings.Repeat("x", 260) + ".example", "Evil <evil@evil.example>"} {
		verdicts, err := channeltest.Deliver(t, c, notice(), person(2, address))
		require.NoError(t, err)
		require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-address"}, verdicts[0], address)
	}
	o = person(3, "three@people.example")
	o.OutID = "x> \r\nRCPT"
	verdicts, err = channeltest.Deliver(t, c, notice(), o)
	require.NoError(t, err)
	require.Equal(t, notify.ClassBug, verdicts[0].Class)
	require.EqualValues(t, 1, s.Journal.Summary().Channels["email"].Accepted)
}

func TestUnusualAddresses(t *testing.T) {
	s := simulate(t, simulator.Options{})
	c := channel(t, s, nil)
	for i, a := range []struct{ address, wire string }{
		{"user@例子.example", "user@xn--fsqu00a.example"},
		{"用户@people.example", "用户@people.example"}, // the simulator offers SMTPUTF8
		{`"a b"@people.example`, "a b@people.example"},
	} {
		verdicts, err := channeltest.Deliver(t, c, notice(), person(i, a.address))
		require.NoError(t, err)
		require.Equal(t, notify.ClassAccepted, verdicts[0].Class, "%s %s", a.address, verdicts[0].Code)
		require.Equal(t, 1, s.Journal.Count("email", a.wire, ""), a.address)
	}
}

func TestPrepareRefuses(t *testing.T) {
	c := email.New(email.Options{Addr: "127.0.0.1:1", Domain: "acme.example", Bounce: "b.acme.example"})
	for name, change := range map[string]func(*notify.FrozenMessage){
		"sender with a line break": func(m *notify.FrozenMessage) { m.From = "a@acme.example\r\nBcc: evil@evil.example" },
		"sender that is none":      func(m *notify.FrozenMessage) { m.From = "acme" },
		"subject with line break":  func(m *notify.FrozenMessage) { m.Subject = "a\r\nBcc: evil@evil.example" },
		"subject too long":         func(m *notify.FrozenMessage) { m.Subject = strings.Repeat("长", 151) },
		"no body":                  func(m *notify.FrozenMessage) { m.Text, m.HTML = "", "" },
		"locale with line break":   func(m *notify.FrozenMessage) { m.Locale = "en\r\nBcc: evil@evil.example" },
	} {
		t.Run(name, func(t *testing.T) {
			m := notice()
			change(&m)
			_, err := c.Prepare(t.Context(), m, incident.Live)
			var e *notify.Refusal
			require.ErrorAs(t, err, &e)
			require.Equal(t, notify.ClassBug, e.Class)
			require.NotContains(t, err.Error(), "evil")
		})
	}
	_, err := c.Prepare(t.Context(), notice(), incident.Drill)
	require.ErrorContains(t, err, "drill-outside-simulator")
	_, err = c.Prepare(t.Context(), notice(), incident.Imported)
	require.Error(t, err)
}

// What the relay does wrong becomes the right class, and only what can be repeated is repeated.
func TestFaults(t *testing.T) {
	for name, f := range map[string]struct {
		verb, reply string
		class       notify.Class
		code        string
		taken       int
	}{
		"refused at RCPT":      {"RCPT", "550 5.1.1 no <planted@people.example>", notify.ClassRcptPerm, "550/5.1.1", 0},
		"busy at RCPT":         {"RCPT", "451 4.7.1 try again", notify.ClassRetryAt, "451/4.7.1", 0},
		"421 at MAIL":          {"MAIL", "421 4.3.2 closing", notify.ClassRetry, "421/4.3.2", 0},
		"421 at RCPT":          {"RCPT", "421 4.3.2 closing", notify.ClassRetry, "421/4.3.2", 0},
		"sender refused":       {"MAIL", "550 no", notify.ClassStop, "550", 0},
		"cut at MAIL":          {"MAIL", "drop", notify.ClassAccepted, "250", 1},
		"cut at RCPT":          {"RCPT", "drop", notify.ClassAccepted, "250", 1},
		"cut after final dot":  {".", "drop after", notify.ClassInDoubt, "lost-after-dot", 1},
		"refused after dot":    {".", "554 5.7.1 spam", notify.ClassRcptSoft, "554/5.7.1", 0},
		"quota":                {".", "552 Daily sending quota exceeded", notify.ClassStop, "552/quota", 0},
		"unknown 5xx":          {".", "599 strange", notify.ClassRcptSoft, "599", 0},
		"rate, QQ's 550":       {"RCPT", "550 Ip frequency limited", notify.ClassRetryAt, "550/frequency", 0},
		"mailbox full for now": {"RCPT", "452 4.2.2 full", notify.ClassRcptSoft, "452/4.2.2", 0},
	} {
		for technique, extensions := range techniques {
			t.Run(name+" "+technique, func(t *testing.T) {
				f := f
				r := newRelay(t, true, extensions...)
				r.script = once(f.verb, f.reply)
				c := over(t, r, func(o *email.Options) { o.Connections = 1 })
				verdicts, err := channeltest.Deliver(t, c, notice(), person(1, "planted@people.example"), person(2, "two@people.example"), person(3, "three@people.example"))
				require.NoError(t, err)
				if technique == "chunking" && f.reply == "drop" { // it was written whole: nobody can know
					f.class, f.code, f.taken = notify.ClassInDoubt, "lost-after-dot", 0
				}
				require.Equal(t, f.class, verdicts[0].Class)
				require.Equal(t, f.code, verdicts[0].Code)
				if f.class == notify.ClassRetryAt {
					require.True(t, verdicts[0].RetryAt.After(time.Now()))
				}
				require.Equal(t, notify.ClassAccepted, verdicts[1].Class, "the next are not harmed: %s", verdicts[1].Code)
				require.Equal(t, notify.ClassAccepted, verdicts[2].Class)
				require.Len(t, r.arrived()["planted@people.example"], f.taken)
				require.Len(t, r.arrived(), 2+f.taken)
			})
		}
	}
}

// once is a script that strikes the first time.
func once(verb, reply string) func(int, string, string) string {
	var struck atomic.Bool
	return func(_ int, v, _ string) string {
		if v == verb && struck.CompareAndSwap(false, true) {
			return reply
		}
		return ""
	}
}

// A relay that closes used connections costs nobody their message, however many are under way.
func TestTiredConnections(t *testing.T) {
	for technique, extensions := range techniques {
		t.Run(technique, func(t *testing.T) {
			r := newRelay(t, true, extensions...)
			var mu sync.Mutex
			begun := map[int]int{}
			r.script = func(n int, verb, _ string) string {
				mu.Lock()
				defer mu.Unlock()
				if verb == "MAIL" {
					if begun[n]++; begun[n] > 3 {
						return "421 4.7.0 Too many messages on this connection"
					}
				}
				return ""
			}
			c := over(t, r, func(o *email.Options) { o.Connections = 1 })
			for round := range 2 {
				verdicts, err := channeltest.Deliver(t, c, notice(), people(50)...)
				require.NoError(t, err)
				for _, v := range verdicts {
					require.Equal(t, notify.ClassAccepted, v.Class, v.Code)
				}
				require.Len(t, r.arrived(), 50)
				require.Len(t, r.mails, 50*(round+1))
			}
			mu.Lock()
			defer mu.Unlock()
			learned := 0
			for _, n := range begun {
				if n <= 3 {
					learned++
				}
			}
			require.GreaterOrEqual(t, learned, r.dials-2, "it learns how many messages a connection may carry")
		})
	}
}

// Without TLS, without trust, without AUTH or with a wrong password nothing is sent and nothing is told.
func TestRelayThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		sim    simulator.Options
		change func(*email.Options)
		code   string
	}{
		"no STARTTLS":    {simulator.Options{Plain: true}, nil, "tls-not-offered"},
		"not trusted":    {simulator.Options{}, func(o *email.Options) { o.TLS = &tls.Config{RootCAs: x509.NewCertPool()} }, "tls-not-trusted"},
		"no AUTH":        {simulator.Options{}, func(o *email.Options) { o.Username, o.Password = "user", "planted-password" }, "auth-not-offered"},
		"wrong password": {simulator.Options{Username: "user", Password: "right"}, func(o *email.Options) { o.Username, o.Password = "user", "planted-password" }, "auth-refused/535"},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, c.sim)
			verdicts, err := channeltest.Deliver(t, channel(t, s, c.change), notice(), person(1, "planted@people.example"))
			var e *notify.Refusal
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, notify.ClassStop, e.Class)
			require.Empty(t, verdicts[0].Class, "untouched")
			for _, planted := range []string{"planted@people.example", "planted-password", "CODE-"} {
				require.NotContains(t, fmt.Sprintf("%v %+v", err, *e), planted)
			}
			require.Empty(t, s.Journal.Recent("", ""))
		})
	}
}

func TestUnreachableRelayIsAnErrorAndTouchesNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	c := email.New(email.Options{Addr: addr, Domain: "acme.example", Bounce: "b.acme.example"})
	verdicts, err := channeltest.Deliver(t, c, notice(), person(1, "one@people.example"))
	var e *notify.Refusal
	require.ErrorAs(t, err, &e)
	require.Equal(t, notify.ClassRetry, e.Class)
	require.Empty(t, verdicts[0].Class)
}

// A plain relay without extensions gets classic SMTP, and no parameters it does not know.
func TestClassicRelay(t *testing.T) {
	relay := newRelay(t, true)
	relay.script = func(_ int, verb, arg string) string {
		if verb == "RCPT" && strings.HasPrefix(arg, "TO:<no@") {
			return "550 5.1.1 unknown"
		}
		return ""
	}
	relay.start()
	c := email.New(email.Options{Addr: relay.addr, Implicit: true, TLS: relay.trust, Domain: "acme.example", Bounce: "b.acme.example", Connections: 1})
	defer c.Close()
	verdicts, err := channeltest.Deliver(t, c, notice(), person(1, "no@people.example"), person(2, "two@people.example"), person(3, "用户@people.example"))
	require.NoError(t, err)
	require.Equal(t, notify.ClassRcptPerm, verdicts[0].Class)
	require.Equal(t, notify.ClassAccepted, verdicts[1].Class)
	require.Equal(t, "ABC1", verdicts[1].ProviderID)
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "utf8-not-offered"}, verdicts[2])
	require.NoError(t, c.Close())
	relay.l.Close()
	relay.wg.Wait()
	require.Equal(t, []string{"EHLO localhost", "MAIL FROM:<b+1.1.em.abcdef@b.acme.example>", "RCPT TO:<no@people.example>", "RSET",
		"MAIL FROM:<b+1.2.em.abcdef@b.acme.example>", "RCPT TO:<two@people.example>", "DATA", "QUIT"}, relay.lines)
}

// A cancelled send stops soon, leaves those not begun untouched, and does not hang on a silent relay.
func TestCancelled(t *testing.T) {
	s := simulate(t, simulator.Options{})
	c := channel(t, s, nil)
	sender, err := c.Prepare(t.Context(), notice(), incident.Live)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	verdicts, err := channeltest.Send(ctx, t, sender, person(1, "one@people.example"))
	require.True(t, errors.Is(err, context.Canceled))
	require.Empty(t, verdicts[0].Class)
}
