package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

const benchPart = 1000 // deliveries of one Send

func benchMessage() notify.FrozenMessage {
	text := "Dear customer,\n\nyour check code is [[code]], the notice has the number [[ref]].\n\n" + strings.Repeat("What happened, what we did and what you can do about it now.\n", 22)
	html := "<!doctype html><html><body><p>Your check code is <b>[[code]]</b>, the notice has the number [[ref]].</p>" + strings.Repeat("<p>What happened and what you can do.</p>\n", 40) + "</body></html>"
	return notify.FrozenMessage{Document: "ntc_1", Version: 1, Message: templates.Message{Channel: "email", Locale: "en",
		From: "Acme <security@acme.example>", Subject: "About your account", Text: text, HTML: html, Slots: []string{"code", "ref"}}}
}

func benchPeople(n int) []notify.Outgoing {
	out := make([]notify.Outgoing, n)
	for i := range out {
		out[i] = notify.Outgoing{Dispatch: 1, Seq: int64(i), Attempt: 1, Address: fmt.Sprintf("person-%d@people.example", i),
			OutID: fmt.Sprintf("1.%d.em.0f3c9a71d2", i), Code: fmt.Sprintf("7QK4-M2XD-%04d", i%10000), Ref: "N-2026-000001"}
	}
	return out
}

// cpu is the processor time of this process, sender and sink together.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var benchTechniques = []struct {
	name       string
	extensions []string
	conns      int
	bare       func(testing.TB, *wire, [][]byte, []string)
}{
	{"classic", nil, 64, bareClassic},
	{"pipelining", []string{"PIPELINING"}, 64, barePipelined},
	{"chunking", []string{"PIPELINING", "CHUNKING"}, 16, bareChunked},
}

// BenchmarkSend measures the channel against a bare sender of the same technique, in turns and by the
// processor time of a message, the sink's included. What is above the bare sender is the channel's own.
func BenchmarkSend(b *testing.B) {
	for _, t := range benchTechniques {
		b.Run(t.name, func(b *testing.B) {
			s := newSink(b, t.extensions...)
			c := New(Options{Addr: s.addr, Plain: true, Domain: "acme.example", Bounce: "bounce.acme.example", Connections: t.conns})
			defer c.Close()
			out := benchPeople(b.N)
			bodies, heads := rendered(b, c, out)
			var own, bare, ownWall, bareWall time.Duration
			b.ResetTimer()
			const turns = 4
			for turn := range turns {
				part := out[turn*len(out)/turns : (turn+1)*len(out)/turns]
				at, wall := cpu(), time.Now()
				sendAll(b, c, part)
				own, ownWall = own+cpu()-at, ownWall+time.Since(wall)
				at, wall = cpu(), time.Now()
				bareAll(b, s, t.conns, bodies, heads[:len(part)], t.bare)
				bare, bareWall = bare+cpu()-at, bareWall+time.Since(wall)
			}
			require.EqualValues(b, 2*len(out), s.taken.Load())
			n := float64(b.N)
			b.ReportMetric(float64(own.Nanoseconds())/1e3/n, "cpu-us/msg")
			b.ReportMetric(float64(bare.Nanoseconds())/1e3/n, "bare-us/msg")
			b.ReportMetric(float64((own-bare).Nanoseconds())/1e3/n, "above-us/msg")
			b.ReportMetric(bareWall.Seconds()/ownWall.Seconds(), "of-bare-rate")
			b.ReportMetric(n/ownWall.Seconds(), "msg/s")
		})
	}
}

// rendered is a thousand finished messages in the form of DATA, and everybody's envelope.
func rendered(b *testing.B, c *Channel, out []notify.Outgoing) (bodies [][]byte, heads []string) {
	p, err := c.Prepare(b.Context(), benchMessage(), incident.Live)
	require.NoError(b, err)
	r := &run{sender: p.(*sender), out: out}
	for i := range out {
		if i < 1000 {
			bodies = append(bodies, r.letterFor(nil, &conn{}, job{i: i, to: out[i].Address}))
		}
		heads = append(heads, string(r.envelope(nil, &conn{}, job{i: i, to: out[i].Address})))
	}
	return bodies, heads
}

// sendAll sends in parts, three at a time as the fan-out's workers do.
func sendAll(b *testing.B, c *Channel, out []notify.Outgoing) {
	p, err := c.Prepare(b.Context(), benchMessage(), incident.Live)
	require.NoError(b, err)
	parts := make(chan []notify.Outgoing)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for part := range parts {
				if err := p.Send(b.Context(), part, func(int) {}, func(int, notify.Verdict) {}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for len(out) > 0 {
		n := min(benchPart, len(out))
		parts <- out[:n]
		out = out[n:]
	}
	close(parts)
	wg.Wait()
}

func bareAll(b *testing.B, s *sink, conns int, bodies [][]byte, heads []string, send func(testing.TB, *wire, [][]byte, []string)) {
	var wg sync.WaitGroup
	for k := range conns {
		w := dialSink(b, s)
		wg.Go(func() {
			defer w.c.Close()
			send(b, w, bodies, heads[k*len(heads)/conns:(k+1)*len(heads)/conns])
		})
	}
	wg.Wait()
}

func bareClassic(t testing.TB, w *wire, bodies [][]byte, heads []string) {
	var buf []byte
	for i, head := range heads {
		buf = append(buf[:0], head...)
		mail := bytes.IndexByte(buf, '\n') + 1
		w.send(t, buf[:mail], 1)
		w.send(t, buf[mail:], 1)
		w.send(t, []byte("DATA\r\n"), 1)
		buf = append(append(buf[:0], bodies[i%len(bodies)]...), ".\r\n"...)
		w.send(t, buf, 1)
	}
}

func barePipelined(t testing.TB, w *wire, bodies [][]byte, heads []string) {
	var buf []byte
	for i, head := range heads {
		answers := 3
		if i > 0 {
			answers++
		}
		buf = append(append(buf, head...), "DATA\r\n"...)
		w.send(t, buf, answers)
		buf = append(append(buf[:0], bodies[i%len(bodies)]...), ".\r\n"...)
	}
	if len(heads) > 0 {
		w.send(t, buf, 1)
	}
}

func bareChunked(t testing.TB, w *wire, bodies [][]byte, heads []string) {
	var buf []byte
	for from := 0; from < len(heads); from += chunkBatch {
		buf = buf[:0]
		to := min(from+chunkBatch, len(heads))
		for i := from; i < to; i++ {
			body := bodies[i%len(bodies)]
			buf = fmt.Appendf(append(buf, heads[i]...), "BDAT %d LAST\r\n", len(body))
			buf = append(buf, body...)
		}
		w.send(t, buf, 3*(to-from))
	}
}

// BenchmarkFill is what one letter costs without a connection.
func BenchmarkFill(b *testing.B) {
	l, err := compose(benchMessage(), "acme.example", time.Unix(0, 0))
	require.NoError(b, err)
	out, dst := benchPeople(100), []byte(nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst = l.fill(dst[:0], &out[i%len(out)], out[i%len(out)].Address)
	}
	b.SetBytes(int64(len(dst)))
}

// BenchmarkSign is what signatures add to a letter.
func BenchmarkSign(b *testing.B) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(b, err)
	for name, key := range map[string]crypto.Signer{"ed25519": ed, "rsa2048": long} {
		b.Run(name, func(b *testing.B) {
			l, err := compose(benchMessage(), "acme.example", time.Unix(0, 0))
			require.NoError(b, err)
			require.NoError(b, l.endorse([]Signer{{Domain: "acme.example", Selector: "s", Key: key}}, time.Unix(0, 0)))
			out := benchPeople(1)
			b.ReportAllocs()
			for b.Loop() {
				_, err := l.sign(nil, &out[0], out[0].Address)
				require.NoError(b, err)
			}
		})
	}
}
