package inbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/stretchr/testify/require"

	"tocsin/internal/clock"
	"tocsin/notify/receipt/inbox"
)

// mailServer is a real IMAP server with one account.
type mailServer struct {
	t    *testing.T
	user *imapmemserver.User
	addr string
}

func newMailServer(t *testing.T, conf *tls.Config) *mailServer {
	m := &mailServer{t: t, user: imapmemserver.NewUser("bounces", "secret")}
	require.NoError(t, m.user.Create("INBOX", nil))
	require.NoError(t, m.user.Create("Done", nil))
	all := imapmemserver.New()
	all.AddUser(m.user)
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return all.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}}, Logger: log.New(io.Discard, "", 0), InsecureAuth: conf == nil,
	})
	var l net.Listener
	var err error
	if conf == nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	} else {
		l, err = tls.Listen("tcp", "127.0.0.1:0", conf)
	}
	require.NoError(t, err)
	m.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-served })
	return m
}

func (m *mailServer) arrives(messages ...string) {
	for _, text := range messages {
		_, err := m.user.Append("INBOX", literal{bytes.NewReader([]byte(text))}, &imap.AppendOptions{})
		require.NoError(m.t, err)
	}
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

func (m *mailServer) counts(folder string) (all, unseen uint32) {
	s, err := m.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true})
	require.NoError(m.t, err)
	return *s.NumMessages, *s.NumUnseen
}

func TestMailboxIsReadAndMarkedOnlyWhenStored(t *testing.T) {
	server, client := certificate(t)
	m := newMailServer(t, server)
	path := func(seq int64) string { return "b+" + codec(t, "k").OutID(1, seq, "email") + "@" + domain }
	for seq := range int64(120) { // more than are taken together
		m.arrives(bounce(path(seq)))
	}
	m.arrives("Subject: lunch?\r\nFrom: someone@example.org\r\n\r\nToday?\r\n", "not even a mail", "")
	k := &kept{fail: errFull}
	now := clock.NewFake(time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC))
	box := inbox.NewMailbox(inbox.MailboxOptions{Addr: m.addr, Username: "bounces", Password: "secret", TLS: client, Apply: k.apply, Clock: now, Log: quiet})

	_, err := box.Poll(t.Context())
	require.ErrorIs(t, err, errFull)
	_, unseen := m.counts("INBOX")
	require.EqualValues(t, 123, unseen, "what is not stored stays unread")
	require.Equal(t, 123, box.Health().Waiting)
	require.Contains(t, box.Health().Fault, "disk is full")

	k.set(nil)
	n, err := box.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 123, n)
	got, _ := k.all()
	require.Len(t, got, 120)
	_, unseen = m.counts("INBOX")
	require.Zero(t, unseen)
	require.Equal(t, inbox.Health{At: now.Now()}, box.Health())
	require.EqualValues(t, 3, box.Counts()["other"])

	n, err = box.Poll(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "once")

	m.arrives(bounce(path(500)))
	moving := inbox.NewMailbox(inbox.MailboxOptions{Addr: m.addr, Username: "bounces", Password: "secret", Done: "Done", TLS: client, Apply: k.apply, Clock: now, Log: quiet})
	_, err = moving.Poll(t.Context())
	require.NoError(t, err)
	all, _ := m.counts("Done")
	require.EqualValues(t, 1, all)
}

func TestMailboxFaultsNameTheStepAndNoSecret(t *testing.T) {
	server, client := certificate(t)
	m := newMailServer(t, server)
	plain := newMailServer(t, nil)
	k := &kept{}
	for name, c := range map[string]struct {
		o    inbox.MailboxOptions
		want string
	}{
		"wrong password":     {inbox.MailboxOptions{Addr: m.addr, Username: "bounces", Password: "s3cr3t", TLS: client}, "sign in"},
		"no such folder":     {inbox.MailboxOptions{Addr: m.addr, Username: "bounces", Password: "secret", Folder: "Nowhere", TLS: client}, "open folder"},
		"nobody's signature": {inbox.MailboxOptions{Addr: m.addr, Username: "bounces", Password: "secret"}, "connect"},
		"no TLS":             {inbox.MailboxOptions{Addr: plain.addr, Username: "bounces", Password: "secret", TLS: client}, "connect"},
		"no address":         {inbox.MailboxOptions{Addr: "nowhere"}, "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Apply, c.o.Clock, c.o.Log = k.apply, clock.System{}, quiet
			box := inbox.NewMailbox(c.o)
			_, err := box.Poll(t.Context())
			require.ErrorContains(t, err, c.want+" at the mailbox of bounces")
			require.NotContains(t, err.Error(), "s3cr3t")
			require.Equal(t, err.Error(), box.Health().Fault)
		})
	}
}

func TestMailboxGoesOnAndStops(t *testing.T) {
	server, client := certificate(t)
	m := newMailServer(t, server)
	k := &kept{gate: make(chan struct{}), entered: make(chan struct{}, 1)}
	box := inbox.NewMailbox(inbox.MailboxOptions{Addr: m.addr, Username: "bounces", Password: "secret", TLS: client, Every: time.Millisecond, Apply: k.apply, Clock: clock.System{}, Log: quiet})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- box.Run(ctx) }()
	for seq := range int64(2) {
		m.arrives(bounce("b+" + codec(t, "k").OutID(1, seq, "email") + "@" + domain))
		<-k.entered
		k.gate <- struct{}{}
	}
	m.arrives(bounce("b+" + codec(t, "k").OutID(1, 2, "email") + "@" + domain))
	<-k.entered // it is being stored when the stop comes
	cancel()
	require.NoError(t, <-done)
	_, unseen := m.counts("INBOX")
	require.EqualValues(t, 1, unseen, "it will be read again")
}
