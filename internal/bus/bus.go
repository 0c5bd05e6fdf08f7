// Package bus is JetStream, embedded or not, knowing no domain: subjects with a reply after the work is
// done, and published messages that are kept for a while. It carries hints and events, never the truth.
package bus

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options of a bus. With URL empty the server runs in this process.
type Options struct {
	URL    string
	Dir    string // of the embedded server's streams
	Key    []byte // encrypts the embedded server's streams on disk
	Listen string // host:port to open the embedded server to others; "" opens no port
	Token  string // that others must show on the open port
	Log    *slog.Logger
}

const drainLimit = 3 * time.Second // of a clean stop

// Bus is a connection, and in embedded mode the server behind it.
type Bus struct {
	server *server.Server
	dir    string     // of the embedded server's streams
	revive sync.Mutex // held while its streams are opened anew
	conn   *nats.Conn
	js     jetstream.JetStream
	log    *slog.Logger
}

// Open starts or reaches the server.
func Open(o Options) (*Bus, error) {
	b := &Bus{log: o.Log}
	url, opts := o.URL, []nats.Option{nats.Name("tocsin"), nats.MaxReconnects(-1), nats.DrainTimeout(drainLimit)}
	if url == "" {
		if err := b.serve(o); err != nil {
			return nil, err
		}
		opts = append(opts, nats.InProcessServer(b.server), nats.Token(o.Token))
	}
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("connect to bus: %w", err)
	}
	b.conn = conn
	if b.js, err = jetstream.New(conn); err != nil {
		b.Close()
		return nil, fmt.Errorf("open streams: %w", err)
	}
	return b, nil
}

func (b *Bus) serve(o Options) error {
	opts := &server.Options{
		ServerName: "tocsin", NoSigs: true, DontListen: o.Listen == "", JetStream: true, StoreDir: o.Dir,
		JetStreamMaxStore: maxStore, JetStreamKey: hex.EncodeToString(o.Key), JetStreamCipher: server.AES,
	}
	if o.Listen != "" {
		host, port, err := net.SplitHostPort(o.Listen)
		if err != nil {
			return fmt.Errorf("open bus port: %w", err)
		}
		if o.Token == "" {
			return errors.New("open bus port: it needs a token")
		}
		opts.Host, opts.Authorization = host, o.Token
		if opts.Port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("open bus port: %w", err)
		}
		if opts.Port == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("start bus: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return errors.New("start bus: it was not ready after 10 seconds")
	}
	b.server, b.dir = s, o.Dir
	return nil
}

const maxStore = 1 << 30 // bytes of all streams of the embedded server

// reopen opens the embedded server's streams anew. After a full disk they would take nothing more until the
// next start: what is lost of them comes again from the rows.
func (b *Bus) reopen() {
	if b.server == nil || !b.revive.TryLock() {
		return
	}
	defer b.revive.Unlock()
	if err := b.server.ShutdownJetStream(); err != nil {
		b.log.Error("bus streams were not closed", "error", err)
		return
	}
	if err := b.server.EnableJetStream(&server.JetStreamConfig{StoreDir: b.dir, MaxStore: maxStore}); err != nil {
		b.log.Error("bus streams were not opened again", "error", err)
		return
	}
	b.log.Warn("bus streams were opened again after a failed write")
}

// Addr is the embedded server's open address, or "".
func (b *Bus) Addr() string {
	if b.server == nil || b.server.Addr() == nil {
		return ""
	}
	return b.server.Addr().String()
}

// Message is what arrived on a subject.
type Message struct {
	Subject string
	Header  map[string][]string
	Body    []byte
}

// Serve answers every message on subject with what handle returns, after handle returned: what the reply
// promises is done by then. At most parallel messages are in work; the others wait in the connection's
// bounded buffer, and a sender that gets no reply in time sends again.
func (b *Bus) Serve(ctx context.Context, subject, queue string, parallel int, handle func(context.Context, Message) []byte) (stop func(), err error) {
	slots := make(chan struct{}, parallel)
	sub, err := b.conn.QueueSubscribe(subject, queue, func(m *nats.Msg) {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			reply := handle(ctx, Message{Subject: m.Subject, Header: m.Header, Body: m.Data})
			if m.Reply == "" {
				return
			}
			if err := m.Respond(reply); err != nil {
				b.log.Warn("bus reply was not sent", "error", err)
			}
		}()
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	return func() {
		_ = sub.Drain() // a closed connection has nothing left to drain
		for range parallel {
			slots <- struct{}{}
		}
	}, nil
}

// Keep makes sure that a stream holds the subject's messages for maxAge.
func (b *Bus) Keep(ctx context.Context, name, subject string, maxAge time.Duration) error {
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, MaxAge: maxAge, Discard: jetstream.DiscardOld, MaxBytes: 256 << 20})
	if err != nil {
		return fmt.Errorf("keep %s: %w", subject, err)
	}
	return nil
}

// Publish puts one message into its stream; the same id within two minutes is kept once. After a failure the
// embedded server's streams are opened anew, for the caller's next try.
func (b *Bus) Publish(ctx context.Context, subject, id string, body []byte) error {
	m := &nats.Msg{Subject: subject, Data: body, Header: nats.Header{"Content-Type": {"application/cloudevents+json"}}}
	if _, err := b.js.PublishMsg(ctx, m, jetstream.WithMsgID(id)); err != nil {
		if ctx.Err() == nil {
			b.reopen()
		}
		return fmt.Errorf("publish on %s: %w", subject, err)
	}
	return nil
}

// Connected reports whether the bus can be reached now.
func (b *Bus) Connected() bool { return b.conn != nil && b.conn.IsConnected() }

// Conn is a connection for tools and tests that stand outside.
func (b *Bus) Conn() *nats.Conn { return b.conn }

// Close drains the connection and stops the embedded server.
func (b *Bus) Close() {
	if b.conn != nil {
		done := make(chan struct{})
		b.conn.SetClosedHandler(func(*nats.Conn) { close(done) })
		if b.conn.Drain() == nil {
			<-done
		}
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}
