// Package simulator stands in for the providers, from their wire facts: a real SMTP server and a real HTTP
// endpoint for Aliyun's RPC calls that verify what the providers verify, fail on demand, send receipts back
// and keep a journal of what arrived.
package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"tocsin/internal/clock"
)

// Options of the simulator. Every address must be a loopback one.
type Options struct {
	SMTPAddr string // "" is 127.0.0.1:0
	HTTPAddr string // "" is 127.0.0.1:0
	// Callback is where receipts go, with {provider} for aliyun-sms or smtp-dsn. "" sends none; SetCallback
	// can set it later.
	Callback           string
	KeyID, KeySecret   string // of the RPC signature
	Username, Password string // SMTP AUTH is required when Username is set
	Clock              clock.Clock
	Log                *slog.Logger
	Seed               uint64              // of every random choice
	Keep               int                 // messages kept whole; 0: 200
	ReceiptDelay       time.Duration       // 0: 300 ms
	QueryDelay         time.Duration       // before a message is found by QuerySendDetails
	Batch              int                 // receipts per callback; 0: 100
	Balance            int64               // SMS segments that are paid for; 0: no limit
	Signs              []string            // approved SMS signatures; empty: any
	Templates          map[string][]string // approved SMS templates and their variables; empty: any
	QPS                int                 // calls per second and action; 0: no limit
	PerConnection      int                 // messages an SMTP connection takes before 421; 0: no limit
	Plain              bool                // do not offer STARTTLS, to see that the client refuses
}

// Simulator is the running doubles. Its journal says what arrived.
type Simulator struct {
	Journal *Journal

	opt      Options
	faults   *faults
	receipts *receipts
	sms      *smsBook
	nonces   *nonces
	rate     *rate
	pair     *pair
	smtp     *smtp.Server
	http     *http.Server
	mailDoor net.Listener
	webDoor  net.Listener
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	stop     sync.Once
}

// Start opens both doors.
func Start(o Options) (*Simulator, error) {
	o = defaults(o)
	mail, err := listen(o.SMTPAddr)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	web, err := listen(o.HTTPAddr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start simulator: %w", err), mail.Close())
	}
	p, err := newPair()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start simulator: %w", err), mail.Close(), web.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Simulator{
		Journal: newJournal(o.Keep), opt: o, faults: newFaults(o.Seed), sms: newSMSBook(o.Balance), nonces: &nonces{},
		rate: &rate{}, pair: p, mailDoor: mail, webDoor: web, cancel: cancel,
	}
	s.receipts = newReceipts(o)
	s.smtp = s.mailServer()
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(io.Discard, "", 0)}
	s.wg.Go(func() { s.serve("smtp", s.smtp.Serve(mail)) })
	s.wg.Go(func() { s.serve("http", s.http.Serve(web)) })
	s.wg.Go(func() { s.receipts.run(ctx) })
	return s, nil
}

func defaults(o Options) Options {
	if o.SMTPAddr == "" {
		o.SMTPAddr = "127.0.0.1:0"
	}
	if o.HTTPAddr == "" {
		o.HTTPAddr = "127.0.0.1:0"
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Keep <= 0 {
		o.Keep = 200
	}
	if o.ReceiptDelay == 0 {
		o.ReceiptDelay = 300 * time.Millisecond
	}
	if o.Batch <= 0 {
		o.Batch = 100
	}
	return o
}

// listen refuses anything but loopback: the simulator knows no sign-in.
func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, errors.New("address must be host:port")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("address must be a loopback one")
	}
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
}

func (s *Simulator) serve(door string, err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		s.opt.Log.Error("simulator door closed", "door", door, "error", err)
	}
}

// SMTPAddr is where mail is taken, host:port.
func (s *Simulator) SMTPAddr() string { return s.mailDoor.Addr().String() }

// HTTPAddr is where calls are taken and the page of arrivals stands, host:port.
func (s *Simulator) HTTPAddr() string { return s.webDoor.Addr().String() }

// RootCAs trusts the simulator's certificate, and nothing else.
func (s *Simulator) RootCAs() *x509.CertPool { return s.pair.pool() }

// CertPEM is the certificate, for clients in other processes.
func (s *Simulator) CertPEM() []byte { return s.pair.pem }

// SetCallback sets where receipts go from now on, with {provider} in it.
func (s *Simulator) SetCallback(url string) { s.receipts.setCallback(url) }

// Fail adds a fault.
func (s *Simulator) Fail(f Fault) { s.faults.add(f) }

// Heal removes every fault.
func (s *Simulator) Heal() { s.faults.clear() }

// Flush sends every receipt that is due now; the simulator does so by itself every few moments.
func (s *Simulator) Flush(ctx context.Context) { s.receipts.flush(ctx) }

// Stop closes the doors and drops receipts that are not yet due. It is safe to call twice.
func (s *Simulator) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.cancel()
		err = errors.Join(s.smtp.Close(), s.http.Close())
		s.mailDoor.Close() // a server told to close before it began to serve would not know its listener
		s.webDoor.Close()
		done := make(chan struct{})
		go func() { s.wg.Wait(); close(done) }()
		select {
		case <-done:
		case <-ctx.Done():
			err = errors.Join(err, ctx.Err())
		}
		s.receipts.client.CloseIdleConnections()
	})
	return err
}

// mailServer is the SMTP side.
func (s *Simulator) mailServer() *smtp.Server {
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return s.newSession(c) }))
	srv.Domain = "simulator.example"
	srv.MaxRecipients = 1
	srv.MaxMessageBytes = 1 << 20
	srv.EnableDSN = true
	srv.EnableSMTPUTF8 = true
	srv.ReadTimeout = 2 * time.Minute
	srv.WriteTimeout = time.Minute
	srv.ErrorLog = log.New(io.Discard, "", 0)
	if !s.opt.Plain {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.pair.cert}, MinVersion: tls.VersionTLS12}
	}
	return srv
}
