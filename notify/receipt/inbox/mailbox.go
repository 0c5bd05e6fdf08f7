package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"tocsin/internal/clock"
	"tocsin/notify"
)

// MailboxOptions say which mailbox bounces are collected from. It is for bounces alone: whatever is in it is
// marked as read.
type MailboxOptions struct {
	Addr     string // host:port; port 143 begins with STARTTLS, any other with TLS
	Username string
	Password string
	Folder   string      // default INBOX
	Done     string      // folder that messages go to when they are stored; "" only marks them as read
	TLS      *tls.Config // default the machine's roots
	Every    time.Duration
	Apply    Apply
	Clock    clock.Clock
	Log      *slog.Logger
}

// Mailbox collects bounces from an IMAP account. A message is marked as read only once its receipts are
// stored, so what a crash leaves unmarked is read again and changes nothing.
type Mailbox struct {
	*reader
	opt MailboxOptions

	mu     sync.Mutex
	health Health
}

// Health is how a mailbox is doing.
type Health struct {
	At      time.Time // when it was last read to its end; zero: never
	Waiting int       // messages not yet read, when it was last looked at
	Fault   string    // why the last try failed: step and kind, nothing a server wrote; "" it did not
}

const (
	chunk    = 50 // messages stored together
	maxDelay = 15 * time.Minute
)

// NewMailbox makes a reader of a mailbox; Run reads it.
func NewMailbox(o MailboxOptions) *Mailbox {
	o.Every = defaulted(o.Every, time.Minute)
	if o.Folder == "" {
		o.Folder = "INBOX"
	}
	return &Mailbox{reader: newReader(o.Log), opt: o}
}

// Health tells when the mailbox was last read and what is wrong.
func (m *Mailbox) Health() Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.health
}

// Run reads the mailbox again and again until ctx ends; after a failure it waits longer each time.
func (m *Mailbox) Run(ctx context.Context) error {
	delay := m.opt.Every
	for {
		if _, err := m.Poll(ctx); err == nil {
			delay = m.opt.Every
		} else if ctx.Err() == nil {
			delay = min(2*delay, max(maxDelay, m.opt.Every))
			m.log.Warn("the mailbox of bounces was not read", "error", err, "again_in", delay)
		}
		wait := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
		}
	}
}

// Poll reads what is new in the mailbox to its end and returns how many messages that were.
func (m *Mailbox) Poll(ctx context.Context) (read int, err error) {
	defer func() { m.note(err) }()
	c, hangUp, err := m.open(ctx)
	if err != nil {
		return 0, err
	}
	defer hangUp()
	found, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, nil).Wait()
	if err != nil {
		return 0, fault("search", err)
	}
	uids := found.AllUIDs()
	for len(uids) > 0 {
		m.waits(len(uids))
		part := uids[:min(chunk, len(uids))]
		uids = uids[len(part):]
		if err := m.take(ctx, c, part); err != nil {
			return read, err
		}
		read += len(part)
	}
	m.waits(0)
	_ = c.Logout().Wait() // everything is done
	return read, nil
}

// open signs in and opens the folder. hangUp ends the connection, as ctx does.
func (m *Mailbox) open(ctx context.Context) (c *imapclient.Client, hangUp func(), err error) {
	conf := m.opt.TLS.Clone()
	if conf == nil {
		conf = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	host, port, err := net.SplitHostPort(m.opt.Addr)
	if err != nil {
		return nil, nil, fault("connect", err)
	}
	if conf.ServerName == "" {
		conf.ServerName = host
	}
	d := &net.Dialer{Timeout: 30 * time.Second}
	var conn net.Conn
	if port == "143" {
		conn, err = d.DialContext(ctx, "tcp", m.opt.Addr)
	} else {
		conn, err = (&tls.Dialer{NetDialer: d, Config: conf}).DialContext(ctx, "tcp", m.opt.Addr)
	}
	if err != nil {
		return nil, nil, fault("connect", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	hangUp = func() { stop(); _ = conn.Close() }
	if port == "143" {
		c, err = imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: conf})
	} else {
		c = imapclient.New(conn, nil)
	}
	if err == nil {
		err = c.Login(m.opt.Username, m.opt.Password).Wait()
	}
	if err != nil {
		hangUp()
		return nil, nil, fault("sign in", err)
	}
	if _, err = c.Select(m.opt.Folder, nil).Wait(); err != nil {
		hangUp()
		return nil, nil, fault("open folder", err)
	}
	return c, hangUp, nil
}

// take reads some messages, stores their receipts and only then marks or moves them.
func (m *Mailbox) take(ctx context.Context, c *imapclient.Client, uids []imap.UID) error {
	set := imap.UIDSetNum(uids...)
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: maxRead}}
	fetch := c.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
	var receipts []notify.Receipt
	var failed error
	for msg := fetch.Next(); msg != nil; msg = fetch.Next() {
		for item := msg.Next(); item != nil; item = msg.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			b, err := beginning(body.Literal)
			failed = errors.Join(failed, err)
			receipts = append(receipts, m.read("", b)...)
		}
	}
	if err := errors.Join(failed, fetch.Close()); err != nil {
		return fault("fetch", err)
	}
	if len(receipts) > 0 {
		limit, cancel := context.WithTimeout(ctx, applyLimit)
		defer cancel()
		if _, err := m.opt.Apply(limit, receipts); err != nil {
			m.count("not-stored", 1)
			return fmt.Errorf("store receipts of bounces: %w", err)
		}
	}
	if m.opt.Done != "" {
		if _, err := c.Move(set, m.opt.Done).Wait(); err != nil {
			return fault("move", err)
		}
		return nil
	}
	seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
	if err := c.Store(set, seen, nil).Close(); err != nil {
		return fault("mark", err)
	}
	return nil
}

// fault says which step failed and how, without what the server wrote: it may quote addresses.
func fault(step string, err error) error {
	var said *imap.Error
	var op net.Error
	switch {
	case errors.As(err, &said):
		return fmt.Errorf("%s at the mailbox of bounces: the server answered %s %s", step, said.Type, said.Code)
	case errors.As(err, &op) && op.Timeout():
		return fmt.Errorf("%s at the mailbox of bounces: no answer in time", step)
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s at the mailbox of bounces: the connection ended", step)
	}
	return fmt.Errorf("%s at the mailbox of bounces: %w", step, err)
}

func (m *Mailbox) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health.Fault = ""
	if err != nil {
		m.health.Fault = err.Error()
		return
	}
	m.health.At = m.opt.Clock.Now()
}

func (m *Mailbox) waits(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health.Waiting = n
}
