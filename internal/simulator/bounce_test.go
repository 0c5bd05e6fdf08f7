package simulator

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// postbox is a mail server that takes bounces, once it wants to.
type postbox struct {
	mu    sync.Mutex
	busy  bool
	mails []string
}

type postman struct {
	box      *postbox
	from, to string
}

func (b *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &postman{box: b}, nil }
func (p *postman) Reset()                                      {}
func (p *postman) Logout() error                               { return nil }
func (p *postman) Mail(from string, _ *smtp.MailOptions) error { p.from = from; return nil }
func (p *postman) Rcpt(to string, _ *smtp.RcptOptions) error {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	if p.box.busy {
		return &smtp.SMTPError{Code: 451, Message: "later"}
	}
	if strings.HasPrefix(to, "b+forged") {
		return &smtp.SMTPError{Code: 550, Message: "no"}
	}
	p.to = to
	return nil
}
func (p *postman) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	p.box.mails = append(p.box.mails, "<"+p.from+"> <"+p.to+">\n"+string(b))
	return err
}

func (b *postbox) set(busy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = busy
}

func (b *postbox) got() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.mails...)
}

// Bounces can come as mail, to the return path and with none of their own; they are tried again while the
// other side is busy.
func TestBouncesAsMail(t *testing.T) {
	box := &postbox{busy: true}
	srv := smtp.NewServer(box)
	srv.Domain = "bounce.acme.example"
	door, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(door) }()
	defer func() { srv.Close(); <-done }()

	s, fake := started(t, Options{Insecure: true, BounceSMTP: door.Addr().String()})
	d := talk(t, s)
	for _, to := range []string{"bounce@people.example", "complain@people.example"} {
		require.Equal(t, "250", d.send(to, letterTo(to)))
	}
	fake.Advance(time.Second)
	s.Flush(t.Context())
	require.Empty(t, box.got())
	box.set(false)
	fake.Advance(time.Minute)
	s.Flush(t.Context())
	got := box.got()
	require.Len(t, got, 2)
	require.Contains(t, got[0], "<> <b+1.1.em.abcdef@bounce.acme.example>\n")
	require.Contains(t, got[0], "Original-Envelope-Id: 1.1.em.abcdef")
	require.Contains(t, got[1], "Feedback-Type: abuse")
	_, err = Start(Options{BounceSMTP: "192.0.2.1:25"})
	require.ErrorContains(t, err, "loopback")
}

// A simulator that is started again stands where it stood, with an empty journal.
func TestRestart(t *testing.T) {
	s, err := Start(Options{Insecure: true})
	require.NoError(t, err)
	o := Options{Insecure: true, SMTPAddr: s.SMTPAddr(), HTTPAddr: s.HTTPAddr()}
	d := talk(t, s)
	require.Equal(t, "250", d.send("a@people.example", letterTo("a@people.example")))
	require.NoError(t, s.Stop(context.Background()))
	require.Equal(t, "", d.code(), "open connections end")
	require.NoError(t, s.Stop(context.Background()))
	for range 3 {
		s, err = Start(o)
		require.NoError(t, err)
		d = talk(t, s)
		require.Equal(t, "250", d.send("a@people.example", letterTo("a@people.example")))
		require.Equal(t, 1, s.Journal.Count("email", "a@people.example", ""))
		require.NoError(t, s.Stop(context.Background()))
	}
}
