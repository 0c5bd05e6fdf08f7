// Package email carries prepared notices over SMTP: one message composed per version, filled per person,
// sent over a bounded pool of connections of our own on which TLS is required.
//
// The client is our own and not a library's: the number of writes per message decides the rate, and only a
// client that fills letters straight into the connection's buffer can write many messages at once.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"tocsin/incident"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/templates"
)

// Options of the channel.
type Options struct {
	Addr        string // host:port of the relay
	Username    string // "" for none; AUTH then is not used
	Password    string
	TLS         *tls.Config // nil: the system's roots and the host of Addr
	Implicit    bool        // TLS from the first byte; always on for port 465
	Hello       string      // our host name
	Domain      string      // of Message-IDs
	Bounce      string      // domain of return paths
	Plain       bool        // no TLS: to a relay on this machine only
	Connections int         // at one time; 0: 16
	// PerConnection is how many messages a connection carries before it is closed; 0: no limit. Set it where
	// the relay has one, or every connection ends with a 421 and a batch written for nothing.
	PerConnection int
	ReplyTime     time.Duration // how long the relay may take to answer, then what is under way is in doubt; 0: two minutes
	SuccessDSN    bool          // ask for word of arrival too
	DKIM          []Signer      // nil: the relay signs
	// Domains are limits, in messages a second, of what goes to a domain's mailboxes. A mailbox provider that
	// throttles gets one by itself.
	Domains   map[string]float64
	Simulated bool         // Addr is the simulator; only then drills may be sent
	Clock     clock.Clock  // nil: the system's
	Log       *slog.Logger // nil: none
}

// Channel sends email. It is safe for concurrent use.
type Channel struct {
	opt     Options
	pool    *pool
	domains *domains
	// What the relay's offers of BDAT and of commands in groups are worth.
	chunks, groups atomic.Int32
	// After how many messages it ended a connection the last time, and twice in a row.
	tiredAt, most atomic.Int64
}

// New makes the channel; nothing is connected before the first send.
func New(o Options) *Channel {
	if o.Connections <= 0 {
		o.Connections = 16
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hello == "" {
		o.Hello = "localhost"
	}
	o.TLS = tlsFor(o)
	return &Channel{opt: o, pool: newPool(o.Connections, func(ctx context.Context) (*conn, error) { return dial(ctx, o) }),
		domains: newDomains(o.Clock, o.Domains)}
}

func tlsFor(o Options) *tls.Config {
	cfg := &tls.Config{}
	if o.TLS != nil {
		cfg = o.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(o.Addr)
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(o.Connections)
	}
	return cfg
}

// Name is the channel's id.
func (c *Channel) Name() string { return templates.Email }

// Prepare composes the message once; what it refuses is a fault of the message, not of a recipient.
func (c *Channel) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.Email, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	letter, err := compose(m, c.opt.Domain, c.opt.Clock.Now())
	if err != nil {
		return nil, err
	}
	if err := letter.endorse(c.opt.DKIM, c.opt.Clock.Now()); err != nil {
		return nil, err
	}
	s := &sender{channel: c, letter: letter, bounce: "@" + c.opt.Bounce + ">", notify: " NOTIFY=FAILURE,DELAY"}
	if c.opt.SuccessDSN {
		s.notify = " NOTIFY=SUCCESS,FAILURE,DELAY"
	}
	return s, nil
}

// fallBack remembers that a relay offers an extension and does not have it.
func (c *Channel) fallBack(state *atomic.Int32, extension string, code int) {
	if state.Swap(refused) != refused {
		c.opt.Log.Warn("relay refuses what it offers: going on without", "channel", templates.Email, "extension", extension, "code", code)
	}
}

// Close closes idle connections; those in use close when their send ends.
func (c *Channel) Close() error {
	c.pool.close()
	return nil
}

func refuse(class notify.Class, code string) *notify.Refusal {
	return &notify.Refusal{Channel: templates.Email, Class: class, Code: code}
}

// unreachable wraps an I/O error without its text, which may hold addresses.
func unreachable(code string, err error) *notify.Refusal {
	r := refuse(notify.ClassRetry, code)
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			r.Cause = known
		}
	}
	return r
}

// The times a step may take. They are long because relays tarpit, and bounded because workers must not hang.
const (
	dialTime  = 15 * time.Second
	replyTime = 2 * time.Minute
	askTime   = 5 * time.Second
	restTime  = time.Second // a connection that rested longer is asked whether it is still good
	idleTime  = 20 * time.Second
	graceTime = 2 * time.Second // what is in flight may end when the context does
)
