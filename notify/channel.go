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
// goroutine but never two at a time, and returns when all are answered; begin is called before the first
// byte of a delivery leaves. An error means the sender itself is broken; those not yet answered are IN_DOUBT
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
