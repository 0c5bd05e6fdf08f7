package notify

import (
	"context"
	"time"
)

// Provider is one configured way out of a channel. Providers of a channel stand in the order of failover.
type Provider struct {
	ID      string // relay, relay-2, aliyun, aliyun-intl, tencent …: stable, it is kept with deliveries
	Channel Channel
	// Regions are the countries (ISO 3166-1 alpha-2) whose people the provider may serve; nil: all. Whoever
	// lives elsewhere is never sent to over it, not even on failover, unless the notice's policy holds the
	// legal basis of the transfer.
	Regions []string
	Rate    float64       // messages a second over all workers; 0: as fast as it goes
	Gap     time.Duration // between two messages to one address, of whatever dispatch; 0: none is kept
	Price   Price
}

// Price of one message (of one segment of a short message), as configured: contracts differ.
type Price struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"` // ISO 4217
}

// ProviderState is what the fan-out knows of a provider, shared by all workers of an operator.
type ProviderState struct {
	ID      string     `json:"id"`
	Channel string     `json:"channel"`
	Paused  bool       `json:"paused"` // by a STOP or BUG verdict, or by a person
	Class   Class      `json:"class,omitempty"`
	Code    string     `json:"code,omitempty"` // the provider's, a short token
	Since   *time.Time `json:"since,omitempty"`
	By      string     `json:"by,omitempty"`       // a person's id; "" the machine
	Reason  string     `json:"reason,omitempty"`   // the person's words
	Rate    float64    `json:"measured,omitempty"` // messages a second while it was last busy; 0: not measured
}

// providerStore is what notify keeps about providers.
type providerStore interface {
	ProviderStates(ctx context.Context) ([]ProviderState, error)
	// PutProviderState writes what was decided; Rate is not part of it.
	PutProviderState(ctx context.Context, p ProviderState) error
	// PutProviderRate writes what was measured and nothing else.
	PutProviderRate(ctx context.Context, id, channel string, rate float64) error
}
