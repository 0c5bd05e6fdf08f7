package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"tocsin/notify"
	"tocsin/templates"
)

// Options of a listener. Addr, Domains, Codec, Apply and Log are required.
type Options struct {
	Addr        string   // host:port
	Domains     []string // of the return paths; mail to others is refused
	Hello       string   // our own host name; default the first domain
	TLS         *tls.Config
	Codec       *notify.Codec
	Apply       Apply
	Log         *slog.Logger
	Connections int           // at once; default 200
	PerHost     int           // of them from one address; default 20
	MaxBytes    int64         // of a message; default 10 MiB
	Timeout     time.Duration // for a command or a message; default a minute
}

// Listener is an SMTP door that takes only mail to return paths that we made, b+<outgoing id>@domain, and
// passes nothing on.
type Listener struct {
	*reader
	opt    Options
	gather *gather
	door   net.Listener
	server *smtp.Server
	work   inFlight
}

const stopLimit = 5 * time.Second // for messages being stored when the listener stops

// Listen opens the door; Run serves it.
func Listen(ctx context.Context, o Options) (*Listener, error) {
	if len(o.Domains) == 0 {
		return nil, errors.New("open bounce door: no domain of return paths")
	}
	o.Connections, o.PerHost = defaulted(o.Connections, 200), defaulted(o.PerHost, 20)
	o.MaxBytes, o.Timeout = defaulted(o.MaxBytes, 10<<20), defaulted(o.Timeout, time.Minute)
	if o.Hello == "" {
		o.Hello = o.Domains[0]
	}
	door, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("open bounce door: %w", err)
	}
	l := &Listener{reader: newReader(o.Log), opt: o, gather: newGather(o.Apply), work: inFlight{idle: make(chan struct{})}}
	l.door = &limited{
		Listener: door, most: o.Connections, perHost: o.PerHost, life: 10 * o.Timeout,
		hosts: map[string]int{}, refused: func() { l.count("turned-away", 1) },
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{l: l}, nil }))
	s.Domain, s.TLSConfig, s.MaxMessageBytes, s.MaxRecipients = o.Hello, o.TLS, o.MaxBytes, 5
	s.ReadTimeout, s.WriteTimeout, s.EnableSMTPUTF8 = o.Timeout, o.Timeout, true
	s.ErrorLog = log.New(io.Discard, "", 0) // it would quote what peers write
	l.server = s
	return l, nil
}

func defaulted[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Addr is where the door listens.
func (l *Listener) Addr() string { return l.door.Addr().String() }

// Run serves until ctx ends. What is being stored then is finished; a message without our 250 comes again.
func (l *Listener) Run(ctx context.Context) error {
	store, end := context.WithCancel(context.WithoutCancel(ctx))
	var writing sync.WaitGroup
	writing.Go(func() { l.gather.run(store) })
	served := make(chan struct{})
	var ended, err error
	go func() { defer close(served); ended = l.server.Serve(l.door) }()
	select {
	case <-served:
		err = ended
	case <-ctx.Done():
		_ = l.door.Close() // nobody new
		<-served           // because its door was closed
	}
	select {
	case <-l.work.stop():
	case <-time.After(stopLimit):
	}
	_ = l.server.Close()
	end()
	writing.Wait()
	return err
}

// inFlight counts the messages that are being taken.
type inFlight struct {
	mu      sync.Mutex
	n       int
	stopped bool
	idle    chan struct{}
}

// begin is false once the listener stops.
func (f *inFlight) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopped {
		f.n++
	}
	return !f.stopped
}

func (f *inFlight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.stopped {
		close(f.idle)
	}
}

// stop lets no further message begin; what it returns is closed when none is left.
func (f *inFlight) stop() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped = true; f.n == 0 {
		close(f.idle)
	}
	return f.idle
}

// session is one peer's conversation. It can be ended from outside while a message is being stored.
type session struct {
	l      *Listener
	mu     sync.Mutex
	tokens []string // outgoing ids of the envelope's recipients
	null   bool
	taking bool // a message that is not answered yet
}

var (
	errNobody = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox"}
	errLater  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Not stored, send it again"}
)

// Mail begins a message. Bounces come from nobody; what does not is taken too, and counted.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens, s.null = nil, from == ""
	return nil
}

// Rcpt takes a return path of ours and refuses every other one alike.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	local, domain, _ := strings.Cut(strings.ToLower(to), "@")
	token, verp := strings.CutPrefix(local, "b+")
	ours := slices.ContainsFunc(s.l.opt.Domains, func(d string) bool { return strings.EqualFold(d, domain) })
	_, _, channel, _, ok := s.l.opt.Codec.ParseOutID(token)
	if !verp || !ours || !ok || channel != templates.Email {
		s.l.count("refused", 1)
		return errNobody
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = append(s.tokens, token)
	return nil
}

// begin is false once the listener stops.
func (s *session) begin() (tokens []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.l.work.begin() {
		return nil, false
	}
	s.taking = true
	if !s.null {
		s.l.count("with-sender", 1)
	}
	return s.tokens, true
}

// Data takes a message; when it returns without error the message's receipts are stored.
func (s *session) Data(r io.Reader) error {
	tokens, ok := s.begin()
	if !ok {
		return errLater
	}
	body, err := beginning(r)
	if err != nil {
		return err
	}
	var receipts []notify.Receipt
	for _, token := range tokens {
		receipts = append(receipts, s.l.read(token, body)...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyLimit)
	defer cancel()
	if err := s.l.gather.store(ctx, receipts); err != nil {
		s.l.count("not-stored", 1)
		s.l.log.Warn("a bounce was not stored and will come again", "error", err)
		return errLater
	}
	return nil
}

// Reset ends a message: it was answered, or dropped.
func (s *session) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = nil
	if s.taking {
		s.taking = false
		s.l.work.end()
	}
}

// Logout ends the conversation.
func (s *session) Logout() error {
	s.Reset()
	return nil
}
