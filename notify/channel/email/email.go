// Package email carries prepared notices over SMTP: one message composed per version, filled per person,
// sent over a bounded pool of connections of our own on which TLS is required.
//
// The client is our own and not a library's: the number of writes per message decides the rate, and only a
// client that writes a prepared message straight into the connection's buffer can pipeline.
package email

import (
	"context"
	"crypto/tls"
	"errors"
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
	Connections int         // 0: 8
	Simulated   bool        // Addr is the simulator; only then drills may be sent
	Clock       clock.Clock // nil: the system's
}

// Channel sends email. It is safe for concurrent use.
type Channel struct {
	opt  Options
	pool *pool
}

// New makes the channel; nothing is connected before the first send.
func New(o Options) *Channel {
	if o.Connections <= 0 {
		o.Connections = 8
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Hello == "" {
		o.Hello = "localhost"
	}
	return &Channel{opt: o, pool: newPool(o.Connections, func(ctx context.Context) (*conn, error) { return dial(ctx, o) })}
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
	return &sender{channel: c, letter: letter}, nil
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
	stepTime  = 30 * time.Second
	finalTime = 2 * time.Minute
	idleTime  = 20 * time.Second
	graceTime = 2 * time.Second // what is in flight may end when the context does
)
