package email_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/email"
)

// techniques are the ways of sending, by what the relay announces.
var techniques = map[string][]string{"classic": nil, "pipelining": {"PIPELINING", "DSN"}, "chunking": {"PIPELINING", "CHUNKING", "DSN"}}

// over makes a channel that sends over a relay.
func over(t testing.TB, r *relay, change func(*email.Options)) *email.Channel {
	t.Helper()
	r.start()
	o := email.Options{Addr: r.addr, TLS: r.trust, Implicit: true, Plain: r.trust == nil, Hello: "mta.acme.example", Domain: "acme.example",
		Bounce: "bounce.acme.example", Connections: 4}
	if change != nil {
		change(&o)
	}
	c := email.New(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func people(n int) []notify.Outgoing {
	out := make([]notify.Outgoing, n)
	for i := range out {
		out[i] = person(i, fmt.Sprintf("p%d@people.example", i))
	}
	return out
}

// Whatever the relay answers and wherever the connection ends, each delivery is answered once, what is called
// accepted arrived once and whole under its own return path, and what is called refused did not arrive.
func TestAnyRelay(t *testing.T) {
	replies := []string{"", "", "", "", "", "550 5.1.1 no such user", "451 4.7.1 later", "421 4.3.2 closing", "drop", "503 5.5.1 order", "599 what"}
	for name, extensions := range techniques {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { anyRelay(t, rt, extensions, replies) })
		})
	}
}

func anyRelay(t *testing.T, rt *rapid.T, extensions, replies []string) {
	n := rapid.IntRange(1, 70).Draw(rt, "people")
	r := newRelay(t, false, extensions...)
	defer r.stop()
	r.generous = rapid.Bool().Draw(rt, "generous")
	var mu sync.Mutex
	struck := false
	strikes := map[string]string{}
	for range rapid.IntRange(0, 6).Draw(rt, "strikes") {
		verb := rapid.SampledFrom([]string{"MAIL", "RCPT", "DATA", "."}).Draw(rt, "verb")
		who := rapid.IntRange(0, n-1).Draw(rt, "who")
		strikes[fmt.Sprintf("%s %d", verb, who)] = rapid.SampledFrom(append(slices.Clone(replies), "drop after")).Draw(rt, "reply")
	}
	last := map[int]string{} // connection → recipient of its transaction
	r.script = func(conn int, verb, arg string) string {
		mu.Lock()
		defer mu.Unlock()
		if verb == "MAIL" {
			last[conn] = strings.Split(arg, ".")[1]
		}
		key := verb + " " + last[conn]
		reply := strikes[key]
		if verb != "." {
			reply = strings.TrimSuffix(reply, " after")
		}
		delete(strikes, key)
		struck = struck || reply != ""
		return reply
	}
	cuts := map[int][2]int{}
	for conn := range rapid.IntRange(0, 3).Draw(rt, "cuts") {
		cuts[conn+1] = [2]int{rapid.IntRange(60, 200_000).Draw(rt, "reads"), rapid.IntRange(120, 9000).Draw(rt, "writes")}
	}
	r.budget = func(conn int) (int, int) {
		if c, ok := cuts[conn]; ok {
			return c[0], c[1]
		}
		return -1, -1
	}
	c := over(t, r, func(o *email.Options) {
		o.Connections = rapid.IntRange(1, 3).Draw(rt, "connections")
		o.PerConnection = rapid.SampledFrom([]int{0, 0, 1, 7, 20}).Draw(rt, "per connection")
	})
	defer c.Close()
	out := people(n)
	verdicts, err := channeltest.Deliver(t, c, notice(), out...)
	c.Close()
	r.stop()
	require.NoError(rt, err) // the greeting always went well
	checkAnswers(rt, r.arrived(), out, verdicts, struck || len(cuts) > 0)
}

// checkAnswers compares what was answered with what arrived; trouble says that the relay gave any.
func checkAnswers(rt *rapid.T, taken map[string][]taken, out []notify.Outgoing, verdicts []notify.Verdict, trouble bool) {
	for i, v := range verdicts {
		got := taken[out[i].Address]
		require.LessOrEqual(rt, len(got), 1, "never twice")
		switch v.Class {
		case notify.ClassAccepted:
			require.Len(rt, got, 1, "accepted")
		case notify.ClassInDoubt:
			require.True(rt, trouble, "doubt for no reason: %s", v.Code)
		default:
			require.NotEmpty(rt, v.Class)
			require.Empty(rt, got, "%s %s", v.Class, v.Code)
			require.True(rt, trouble)
		}
		for _, m := range got {
			require.Equal(rt, "b+"+out[i].OutID+"@bounce.acme.example", m.from)
			require.True(rt, strings.HasPrefix(m.body, "To: <"+out[i].Address+">\r\nMessage-ID: <"+out[i].OutID+"@"), m.body)
			require.Contains(rt, m.body, out[i].Code)
			require.True(rt, strings.HasSuffix(m.body, "--\r\n"), "whole")
		}
	}
}
