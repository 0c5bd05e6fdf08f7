package email

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
	"tocsin/notify"
)

// halfway is a connection that takes so many bytes in all and answers with what it is told.
type halfway struct {
	net.Conn
	left    int
	answers io.Reader
}

func (h *halfway) Write(b []byte) (int, error) {
	n := min(h.left, len(b))
	h.left -= n
	if n < len(b) {
		return n, errors.New("broken")
	}
	return n, nil
}

func (h *halfway) Read(b []byte) (int, error) { return h.answers.Read(b) }

func (h *halfway) SetDeadline(time.Time) error { return nil }

// Where a write breaks off in the middle, the messages that left whole are in doubt, and only those.
func TestBrokenWrite(t *testing.T) {
	c := New(Options{Domain: "acme.example", Bounce: "b.acme.example"})
	c.chunks.Store(proven)
	p, err := c.Prepare(t.Context(), benchMessage(), incident.Live)
	require.NoError(t, err)
	out := benchPeople(10)
	size := func(i int) int {
		r := &run{sender: p.(*sender), out: out}
		j := job{i: i, to: out[i].Address}
		return len("RSET\r\nBDAT ") + len(r.envelope(nil, &conn{}, j)) + len(r.chunk(nil, &conn{}, j))
	}
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.IntRange(0, 12*size(0)).Draw(t, "left")
		if rapid.Bool().Draw(t, "at an end") {
			left = rapid.IntRange(0, 10).Draw(t, "messages")*size(0) + rapid.IntRange(0, 60).Draw(t, "more") - 30
		}
		doubt := map[int]bool{}
		r := &run{sender: p.(*sender), out: out, all: ctx, stop: func() {}, begin: func(int) {},
			done: func(i int, v notify.Verdict) {
				require.Equal(t, notify.ClassInDoubt, v.Class)
				doubt[i] = true
			}}
		h := &halfway{left: max(left, 0), answers: strings.NewReader("")}
		require.Equal(t, drop, r.chunked(&conn{nc: h, in: bufio.NewReader(h)}))
		again := map[int]bool{}
		for _, j := range r.again {
			again[j.i] = true
		}
		for i, whole := 0, 0; i < len(out); i++ {
			whole += size(i)
			require.Equal(t, whole <= left, doubt[i])
			require.Equal(t, whole > left, again[i])
		}
	})
}

// The same for a message and the next one's envelope in one write.
func TestBrokenWriteBetweenMessages(t *testing.T) {
	c := New(Options{Domain: "acme.example", Bounce: "b.acme.example"})
	p, err := c.Prepare(t.Context(), benchMessage(), incident.Live)
	require.NoError(t, err)
	out := benchPeople(2)
	probe := &run{sender: p.(*sender), out: out}
	head := len(probe.envelope(nil, &conn{}, job{to: out[0].Address})) + len("DATA\r\n")
	body := len(probe.dotted(nil, &conn{}, job{to: out[0].Address}))
	for left, class := range map[int]notify.Class{head - 1: "", head + body - 1: "", head + body: notify.ClassInDoubt, head + body + 5: notify.ClassInDoubt} {
		got := map[int]notify.Class{}
		r := &run{sender: p.(*sender), out: out, all: t.Context(), stop: func() {}, begin: func(int) {}, done: func(i int, v notify.Verdict) { got[i] = v.Class }}
		h := &halfway{left: left, answers: strings.NewReader("250 ok\r\n250 ok\r\n354 go\r\n"[:24*min(1, left/head)])}
		require.Equal(t, drop, r.pipelined(&conn{nc: h, in: bufio.NewReader(h)}))
		require.Equal(t, class, got[0], left)
		require.Empty(t, got[1])
	}
}
