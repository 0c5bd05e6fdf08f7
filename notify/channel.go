package notify

import (
	"context"

	"tocsin/incident"
)

// Channel is one way out. Prepare is called once per message version and worker; what is the same for
// everyone is made there. A channel must not keep recipients.
type Channel interface {
	Name() string // email, sms, push
	Prepare(ctx context.Context, m FrozenMessage, mode incident.Mode) (Sender, error)
}

// Sender sends one prepared message to people. Send calls done exactly once per delivery, from any
// goroutine, and returns when all are answered; begin is called before the first byte of a delivery
// leaves. Both may be called for several deliveries at once. An error means the sender itself is broken; those not yet answered are IN_DOUBT
// if begun and untouched otherwise.
type Sender interface {
	Send(ctx context.Context, out []Outgoing, begin func(i int), done func(i int, v Verdict)) error
	Close() error
}

// Querier is a channel that can be asked what became of a delivery in doubt. found is false when the
// provider provably has no such message.
type Querier interface {
	Query(ctx context.Context, o Outgoing) (v Verdict, found bool, err error)
}

// Refusal is why a channel cannot prepare a message or be used at all. It holds a class and a short code,
// never an address, a secret or the provider's words.
type Refusal struct {
	Channel string
	Class   Class
	Code    string
	Cause   error // a context's error, if that was it
}

// Error names the channel, the code and the class.
func (r *Refusal) Error() string {
	return "use " + r.Channel + ": " + r.Code + " (" + string(r.Class) + ")"
}

// Unwrap is the context's error, if that was the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Bar refuses what may not leave over a channel: imported records never do, drills reach the simulator only.
func Bar(channel string, mode incident.Mode, simulated bool) error {
	switch {
	case mode == incident.Imported:
		return &Refusal{Channel: channel, Class: ClassBug, Code: "imported-incident"}
	case mode == incident.Drill && !simulated:
		return &Refusal{Channel: channel, Class: ClassBug, Code: "drill-outside-simulator"}
	}
	return nil
}
