// Package simulator stands in for the providers, from their wire facts: an SMTP server and an HTTP endpoint for
// Aliyun's and Tencent's calls that verify what the providers verify, fail on demand, send receipts back and
// keep a journal of what arrived.
package simulator

import (
	"context"
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

	"tocsin/internal/clock"
)

// The doubles, as the journal names them.
const (
	relay      = "relay"
	aliyunSMS  = "aliyun"
	aliyunIntl = "aliyun-intl"
	aliyunPush = "aliyun-push"
	tencentSMS = "tencent"
)

// Options of the simulator. Every address must be a loopback one.
type Options struct {
	SMTPAddr string // "" is 127.0.0.1:0
	HTTPAddr string // "" is 127.0.0.1:0
	// Callback is where receipts go, with {provider} for aliyun-sms, aliyun-sms-intl, tencent-sms or smtp-dsn.
	// "" sends none; SetCallback can set it later.
	Callback           string
	BounceSMTP         string // host:port where bounces are delivered as mail to the return path; "" posts them to Callback
	KeyID, KeySecret   string // of the RPC and TC3 signatures
	Username, Password string // SMTP AUTH is required when Username is set
	Clock              clock.Clock
	Log                *slog.Logger
	Seed               uint64             // of every random choice
	Faults             map[string]float64 // share of recipients that meet each kind; "*" is every kind
	Hang, Slow         time.Duration      // how long those kinds last, and drip as long as slow; 0: as the table says
	Keep               int                // messages kept whole; 0: 200
	Sample             int                // one in so many messages is checked in full and kept whole; 0: each
	ReceiptDelay       time.Duration      // 0: 300 ms
	Batch              int                // receipts per callback; 0: 100

	Extensions    string // ExtensionsNone, ExtensionsPipelining or ExtensionsChunking; "" is chunking
	PerConnection int    // messages an SMTP connection takes before 421; 0: no limit
	Plain         bool   // do not offer STARTTLS, to see that the client refuses
	Insecure      bool   // take mail without TLS, for measuring

	QueryDelay time.Duration       // before a message is found by a query
	Balance    int64               // SMS segments that are paid for; 0: no limit
	DayCap     int64               // SMS segments a day that the console allows; 0: no limit
	Signs      []string            // approved SMS signatures; empty: any
	Unfiled    []string            // signatures that carriers do not know: taken, then failed
	Templates  map[string][]string // approved SMS templates and their variables; empty: any
	Texts      map[string]string   // wording of templates with ${variables}, for the page and for counting segments
	AcceptBad  bool                // one bad number in a batch fails by receipt instead of refusing the batch
	Overseas   bool                // calls come from abroad: mainland SMS is refused
	QPS        int                 // calls per second and action; 0: as Limits says
	Limits     bool                // hold calls to the providers' documented rates
}

// Simulator is the running doubles. Its journal says what arrived.
type Simulator struct {
	Journal *Journal

	opt      Options
	clock    *virtual
	faults   *faults
	receipts *receipts
	sms      *smsBook
	nonces   *nonces
	rate     *rate
	pushes   *pushBook
	pair     *pair
	http     *http.Server
	mailDoor net.Listener
	webDoor  net.Listener
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	stop     sync.Once
}

// Start opens both doors.
func Start(o Options) (*Simulator, error) {
	s, err := build(defaults(o))
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if s.mailDoor, err = listen(s.opt.SMTPAddr); err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if s.webDoor, err = listen(s.opt.HTTPAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("start simulator: %w", err), s.mailDoor.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(io.Discard, "", 0)}
	s.wg.Go(func() { s.serveMail(ctx) })
	s.wg.Go(func() { s.serve("http", s.http.Serve(s.webDoor)) })
	s.wg.Go(func() { s.receipts.run(ctx) })
	return s, nil
}

// build makes the parts that need no door.
func build(o Options) (*Simulator, error) {
	if o.Extensions != ExtensionsNone && o.Extensions != ExtensionsPipelining && o.Extensions != ExtensionsChunking {
		return nil, errors.New("extensions must be none, pipelining or chunking")
	}
	if o.BounceSMTP != "" {
		if err := loopback(o.BounceSMTP); err != nil {
			return nil, err
		}
	}
	f := newFaults(o)
	if err := f.share(o.Faults); err != nil {
		return nil, err
	}
	p, err := newPair()
	if err != nil {
		return nil, err
	}
	s := &Simulator{
		Journal: newJournal(o.Keep, o.Sample), opt: o, clock: &virtual{base: o.Clock}, faults: f, sms: newSMSBook(o),
		nonces: &nonces{}, rate: &rate{}, pushes: newPushBook(), pair: p,
	}
	s.receipts = newReceipts(o, s.clock)
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
	if o.Extensions == "" {
		o.Extensions = ExtensionsChunking
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

// loopback refuses addresses that others could reach: the simulator knows no sign-in and holds bodies.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("address must be host:port")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("address must be a loopback one")
	}
	return nil
}

func listen(addr string) (net.Listener, error) {
	if err := loopback(addr); err != nil {
		return nil, err
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

// Share sets which share of all recipients meets which kind of fault, in place of what was set before; "*" is
// every kind that is not about the account as a whole. A recipient meets at most one kind, the same for a seed.
func (s *Simulator) Share(shares map[string]float64) error { return s.faults.share(shares) }

// Heal removes every fault.
func (s *Simulator) Heal() { s.faults.clear() }

// Flush sends every receipt that is due now; the simulator does so by itself every few moments.
func (s *Simulator) Flush(ctx context.Context) { s.receipts.flush(ctx) }

// Waiting is how many receipts wait for their time, and how many were given up.
func (s *Simulator) Waiting() (waiting, lost int64) { return s.receipts.waiting() }

// Stop closes the doors and drops receipts that are not yet due. It is safe to call twice.
func (s *Simulator) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.cancel()
		err = s.http.Close()
		s.mailDoor.Close()
		s.webDoor.Close() // a server told to close before it began to serve would not know its listener
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
