package email_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/email"
)

// A relay that offers what it does not have costs nobody their message and is not asked again.
func TestRelayThatOffersTooMuch(t *testing.T) {
	for name, c := range map[string]struct {
		verb, reply, extension string
	}{
		"BDAT unknown":         {"BDAT", "500 5.5.1 unknown command", "CHUNKING"},
		"BDAT not implemented": {"BDAT", "502 5.5.1 not implemented", "CHUNKING"},
		"BDAT out of order":    {"BDAT", "503 5.5.1 bad sequence", "CHUNKING"},
		"groups out of order":  {"", "", "PIPELINING"},
	} {
		t.Run(name, func(t *testing.T) {
			extensions := []string{"PIPELINING"}
			if c.extension == "CHUNKING" {
				extensions = append(extensions, "CHUNKING")
			}
			r := newRelay(t, true, extensions...)
			r.script = func(_ int, verb, _ string) string {
				if verb == c.verb {
					return c.reply
				}
				return ""
			}
			r.strict = c.extension == "PIPELINING"
			var mu sync.Mutex
			var said bytes.Buffer
			ch := over(t, r, func(o *email.Options) {
				o.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					return said.Write(b)
				}), nil))
			})
			for range 2 {
				verdicts, err := channeltest.Deliver(t, ch, notice(), people(40)...)
				require.NoError(t, err)
				for _, v := range verdicts {
					require.Equal(t, notify.ClassAccepted, v.Class, v.Code)
				}
			}
			require.Len(t, r.mails, 80)
			require.Equal(t, 1, strings.Count(said.String(), "extension="+c.extension), said.String())
			require.NotContains(t, said.String(), "people.example")
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// After a refused recipient BDAT is refused too, and the next message goes under its own return path.
func TestRefusedAmongChunks(t *testing.T) {
	r := newRelay(t, true, "PIPELINING", "CHUNKING", "DSN")
	r.script = func(_ int, verb, arg string) string {
		if verb == "RCPT" && (strings.Contains(arg, "p3@") || strings.Contains(arg, "p4@") || strings.Contains(arg, "p19@")) {
			return "550 5.1.1 no such user"
		}
		return ""
	}
	out := people(40)
	verdicts, err := channeltest.Deliver(t, over(t, r, func(o *email.Options) { o.Connections = 1 }), notice(), out...)
	require.NoError(t, err)
	arrived := r.arrived()
	for i, v := range verdicts {
		if i == 3 || i == 4 || i == 19 {
			require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "550/5.1.1/no-mailbox"}, v)
			continue
		}
		require.Equal(t, notify.ClassAccepted, v.Class)
		require.NotEmpty(t, v.ProviderID)
		require.Equal(t, "b+"+out[i].OutID+"@bounce.acme.example", arrived[out[i].Address][0].from)
	}
}

// What a connection carries, how long it is kept and how it is asked whether it is still good.
func TestConnectionsAreKeptAndLimited(t *testing.T) {
	for technique, extensions := range techniques {
		t.Run(technique, func(t *testing.T) {
			r := newRelay(t, true, extensions...)
			c := over(t, r, func(o *email.Options) { o.Connections, o.PerConnection = 2, 10 })
			for range 3 {
				verdicts, err := channeltest.Deliver(t, c, notice(), people(10)...)
				require.NoError(t, err)
				require.Equal(t, notify.ClassAccepted, verdicts[9].Class)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			require.LessOrEqual(t, r.dials, 4, "connections are kept between sends")
			require.GreaterOrEqual(t, r.dials, 3, "and given up when they have carried enough")
		})
	}
}

// The relay is asked for word of failure and delay, of success where that is wanted, and for headers only.
func TestReportsAskedFor(t *testing.T) {
	for success, want := range map[bool]string{false: "NOTIFY=FAILURE,DELAY", true: "NOTIFY=SUCCESS,FAILURE,DELAY"} {
		r := newRelay(t, true, "DSN", "SMTPUTF8")
		c := over(t, r, func(o *email.Options) { o.SuccessDSN = success })
		_, err := channeltest.Deliver(t, c, notice(), person(1, "用户@people.example"))
		require.NoError(t, err)
		r.mu.Lock()
		require.Contains(t, r.lines, "MAIL FROM:<b+1.1.em.abcdef@bounce.acme.example> RET=HDRS ENVID=1.1.em.abcdef SMTPUTF8")
		require.Contains(t, r.lines, "RCPT TO:<用户@people.example> "+want)
		r.mu.Unlock()
	}
}

// Without TLS a channel speaks to this machine only.
func TestPlainOnLoopbackOnly(t *testing.T) {
	r := newRelay(t, false)
	verdicts, err := channeltest.Deliver(t, over(t, r, nil), notice(), people(1)...)
	require.NoError(t, err)
	require.Equal(t, notify.ClassAccepted, verdicts[0].Class)
	for _, addr := range []string{"relay.acme.example:25", "192.0.2.1:25", "0.0.0.0:25"} {
		c := email.New(email.Options{Addr: addr, Plain: true, Domain: "acme.example", Bounce: "b.acme.example"})
		verdicts, err := channeltest.Deliver(t, c, notice(), people(1)...)
		require.ErrorContains(t, err, "plain-not-loopback")
		require.Empty(t, verdicts[0].Class)
	}
}

// A provider that throttles is slowed down and recovers; others do not wait for it.
func TestDomainsArePaced(t *testing.T) {
	fake := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	r := newRelay(t, true, "PIPELINING")
	var throttle atomic.Value
	throttle.Store("")
	r.script = func(_ int, verb, arg string) string {
		if verb == "RCPT" && strings.Contains(arg, "@qq.com") {
			return throttle.Load().(string)
		}
		return ""
	}
	c := over(t, r, func(o *email.Options) {
		o.Clock, o.Connections, o.Domains = fake, 1, map[string]float64{"163.com": 10}
	})
	send := func(domain string, n, attempt int) (sent int, later []time.Time) {
		var out []notify.Outgoing
		for i := range n {
			o := person(i, fmt.Sprintf("p%d@%s", i, domain))
			o.Attempt = attempt
			out = append(out, o)
		}
		verdicts, err := channeltest.Deliver(t, c, notice(), out...)
		require.NoError(t, err)
		for _, v := range verdicts {
			switch {
			case v.Class == notify.ClassAccepted:
				sent++
			case v.Code == "domain-rate":
				require.Equal(t, notify.ClassRetryAt, v.Class)
				later = append(later, v.RetryAt)
			}
		}
		return sent, later
	}
	sent, later := send("126.com", 50, 1)
	require.Equal(t, 10, sent, "one operator with 163.com: a second's worth at once")
	require.Len(t, later, 40)
	require.Equal(t, 100*time.Millisecond, later[1].Sub(later[0]), "the others one after the other")
	sent, _ = send("people.example", 50, 1)
	require.Equal(t, 50, sent)
	fake.Advance(2 * time.Second)
	sent, _ = send("163.com", 10, 1)
	require.Zero(t, sent, "those who wait go first")
	sent, _ = send("163.com", 10, 2)
	require.Equal(t, 10, sent)

	sent, _ = send("qq.com", 100, 1)
	require.Equal(t, 100, sent, "no limit until it throttles")
	throttle.Store("550 Ip frequency limited")
	send("qq.com", 1, 1)
	throttle.Store("")
	sent, _ = send("foxmail.com", 100, 1)
	require.Equal(t, 20, sent, "the same operator")
	for range 12 { // recovers step by step, then has no limit again
		fake.Advance(5 * time.Minute)
		sent, _ = send("qq.com", 400, 2)
	}
	require.Equal(t, 400, sent)
}

// One provider's dislike of the words is a soft failure; that of many stops the channel.
func TestRefusedContentStopsWhenWidespread(t *testing.T) {
	r := newRelay(t, true, "PIPELINING")
	r.script = func(_ int, verb, arg string) string {
		if verb == "." && strings.Contains(arg, "@qq.com") {
			return "550 Mail content denied"
		}
		return ""
	}
	c := over(t, r, func(o *email.Options) { o.Connections = 1 })
	mixed := func(n, bad int) (stopped int) {
		out := people(n)
		for i := range bad {
			out[i].Address = fmt.Sprintf("p%d@qq.com", i)
		}
		verdicts, err := channeltest.Deliver(t, c, notice(), out...)
		require.NoError(t, err)
		for _, v := range verdicts[:bad] {
			if v.Class == notify.ClassStop {
				stopped++
				continue
			}
			require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: "550/content"}, v)
		}
		return stopped
	}
	require.Zero(t, mixed(1000, 0))
	require.Zero(t, mixed(100, 15), "fewer than one in fifty")
	require.NotZero(t, mixed(100, 30))
}

// A dead relay is an error at once, not one wait per worker and send.
func TestDeadRelayFailsFast(t *testing.T) {
	r := newRelay(t, false)
	c := over(t, r, func(o *email.Options) { o.Connections = 16 })
	r.stop()
	begin := time.Now()
	for range 20 {
		verdicts, err := channeltest.Deliver(t, c, notice(), people(50)...)
		var e *notify.Refusal
		require.ErrorAs(t, err, &e)
		require.Equal(t, notify.ClassRetry, e.Class)
		require.Equal(t, "relay-unreachable", e.Code)
		require.Empty(t, verdicts[0].Class)
	}
	require.Less(t, time.Since(begin), 5*time.Second)
}

// A relay that has room for few connections gets few, and everybody is sent to all the same.
func TestBusyRelayGetsFewerConnections(t *testing.T) {
	r := newRelay(t, false, "PIPELINING")
	r.greet = func(n int) string {
		if n > 2 {
			return "421 4.7.0 Too many connections"
		}
		return ""
	}
	c := over(t, r, func(o *email.Options) { o.Connections = 8 })
	for range 5 {
		verdicts, err := channeltest.Deliver(t, c, notice(), people(100)...)
		require.NoError(t, err)
		for _, v := range verdicts {
			require.Equal(t, notify.ClassAccepted, v.Class)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	require.LessOrEqual(t, r.dials, 12, "it is not asked for more again and again")
}

// A relay that cuts every connection is given up, message by message.
func TestRelayThatAlwaysCuts(t *testing.T) {
	for technique, extensions := range techniques {
		t.Run(technique, func(t *testing.T) {
			r := newRelay(t, false, extensions...)
			r.script = func(_ int, verb, _ string) string {
				if verb == "MAIL" {
					return "drop"
				}
				return ""
			}
			verdicts, err := channeltest.Deliver(t, over(t, r, nil), notice(), people(20)...)
			require.NoError(t, err)
			for _, v := range verdicts {
				if technique == "chunking" {
					require.Equal(t, notify.ClassInDoubt, v.Class)
				} else {
					require.Equal(t, notify.Verdict{Class: notify.ClassRetry, Code: "lost-before-dot"}, v)
				}
			}
		})
	}
}

// Cancelled in the middle of a window: what was begun is answered, the rest is untouched, and soon.
func TestCancelledInTheMiddle(t *testing.T) {
	for technique, extensions := range techniques {
		t.Run(technique, func(t *testing.T) {
			r := newRelay(t, true, extensions...)
			ctx, cancel := context.WithCancel(t.Context())
			var taken int
			var mu sync.Mutex
			r.script = func(_ int, verb, _ string) string {
				mu.Lock()
				defer mu.Unlock()
				if verb == "." {
					if taken++; taken == 100 {
						cancel()
					}
				}
				return ""
			}
			c := over(t, r, nil)
			sender, err := c.Prepare(t.Context(), notice(), incident.Live)
			require.NoError(t, err)
			out := people(2000)
			verdicts, err := channeltest.Send(ctx, t, sender, out...)
			require.ErrorIs(t, err, context.Canceled)
			arrived, untouched := r.arrived(), 0
			for i, v := range verdicts {
				require.Equal(t, v.Class == notify.ClassAccepted, len(arrived[out[i].Address]) == 1, "%s %s", v.Class, v.Code)
				if v.Class == "" {
					untouched++
				}
			}
			require.Greater(t, untouched, 1500)
		})
	}
}
