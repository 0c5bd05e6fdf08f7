package notify

import (
	"time"

	"tocsin/incident"
)

// DispatchState of a release.
type DispatchState string

// The states of a dispatch.
const (
	DispRunning DispatchState = "running"
	DispPaused  DispatchState = "paused"
	DispStopped DispatchState = "stopped"
	DispDone    DispatchState = "done"
)

// Dispatch is one approved release of one notice to one frozen audience.
type Dispatch struct {
	ID         string // dsp_…
	No         int64  // integer key of its rows, unique in the store, below 1<<16 × … see code.go
	Incident   incident.ID
	Mode       incident.Mode
	Notice     string
	Version    int    // of the notice
	Digest     string // approved Digest.All, checked by the sender when it prepares a version
	Audience   string // aud_… or "" when only announced
	AudienceNo int64
	Channels   []string
	Course     Course
	Terms
	Flow      Flow
	State     DispatchState
	Reason    string // why paused or stopped: enum or short text without personal data
	Total     int64  // people
	StartedAt time.Time
	StartedBy string
	EndedAt   *time.Time
}

// Terms are what a dispatch takes over from its notice, besides what is approved.
type Terms struct {
	Deadline  *time.Time        `json:"deadline,omitempty"`  // the earliest of the notice's duties
	Transfers map[string]string `json:"transfers,omitempty"` // TransferKey → legal basis, see Allowed
	Extends   string            `json:"extends,omitempty"`   // ntc_… whose words an addition repeats
}

// Phase of a dispatch that has a first wave.
type Phase string

// The phases; a dispatch without a first wave, or through with it, is in none.
const (
	PhaseCanary   Phase = "canary"   // the first wave is being sent
	PhaseWatching Phase = "watching" // it is out, and watched
)

// Flow is how far a dispatch has come. It moves with the dispatch, and survives a restart.
type Flow struct {
	Phase      Phase            `json:"phase,omitempty"`
	WatchUntil *time.Time       `json:"watch_until,omitempty"`
	Cut        int64            `json:"cut,omitempty"`     // the audience is cut into ranges up to here
	Borne      map[string]Borne `json:"borne,omitempty"`   // by channel: what a person had seen when letting it run on
	Halted     string           `json:"halted,omitempty"`  // why the machine paused it, an enum; "" when a person did
	HeldBy     string           `json:"held_by,omitempty"` // the person who paused or stopped it; "" the machine
	HeldAt     *time.Time       `json:"held_at,omitempty"` // when it was paused or stopped
}

// Borne is what limits no longer count.
type Borne struct {
	Tried      int64 `json:"tried"`
	Failed     int64 `json:"failed"`
	Complaints int64 `json:"complaints"`
}

// Reference is the notice number that the people of this dispatch see.
func (d Dispatch) Reference() string {
	if d.Extends != "" {
		return Reference(d.Extends)
	}
	return Reference(d.Notice)
}

// DeliveryState of one recipient on one channel. Order is meaning: a state only moves forward.
type DeliveryState int

// The states in their order; Stopped stands apart.
const (
	Pending DeliveryState = iota
	Sending
	InDoubt
	Accepted
	Failed
	Delivered
	Read
	Stopped
)

var deliveryStates = [...]string{"pending", "sending", "in_doubt", "accepted", "failed", "delivered", "read", "stopped", "complained", "untried", "trapped", "spent"}

// String is the state as the API names it.
func (s DeliveryState) String() string { return deliveryStates[s] }

// Class is a channel's verdict or a receipt's meaning (shared enum, one for all channels).
type Class string

// The classes of channels.md section 0.
const (
	ClassAccepted  Class = "ACCEPTED"
	ClassDelivered Class = "DELIVERED"
	ClassRead      Class = "READ"
	ClassRetry     Class = "RETRY"
	ClassRetryAt   Class = "RETRY_AT"
	ClassInDoubt   Class = "IN_DOUBT"
	ClassRcptPerm  Class = "RCPT_PERM"
	ClassRcptSoft  Class = "RCPT_SOFT"
	ClassStop      Class = "STOP"
	ClassBug       Class = "BUG"
	ClassNoChannel Class = "NO_CHANNEL" // ours: no usable address on any channel of the plan
	ClassNoWord    Class = "NO_WORD"    // ours: accepted, but no word of arrival came in time
)

// Delivery is one recipient on one channel within a dispatch: the durable row, written with its outcome. It is
// about one address at a time; how it ended at those before is in the batches.
type Delivery struct {
	Dispatch   int64
	Seq        int64 // recipient
	Channel    string
	Address    int // which of the person's addresses there, 0 the first
	State      DeliveryState
	Class      Class
	Code       string // provider's code, a short token, never free text
	Provider   string // id of the provider that took or refused it
	ProviderID string // the provider's name for the message
	Attempt    int    // from 1, over all addresses
	Superseded bool   // the person moved to the next channel
	Doubt      bool   // was in doubt once: a possible duplicate, listed by name
	RangeNo    int64  // range that works it off, for retries and next channels
	At         time.Time
	NextAt     *time.Time // when to try (again)
}

// Outgoing is a delivery as a channel sends it: address and personal values opened for this moment only.
type Outgoing struct {
	Dispatch int64
	Seq      int64
	Channel  string
	Attempt  int
	Address  string            // e-mail, E.164, or device id
	Code     string            // personal check code, slot "code"
	Ref      string            // notice number, slot "ref"
	Brand    string            // the service as the person knows it, slot "brand"
	Vars     map[string]string // further slots the message declares
	OutID    string            // ours, stable per (dispatch, seq, channel, address); echoed in receipts
	Since    time.Time         // of a delivery in doubt: when it was last known to be so; zero: not known, perhaps sent just now
}

// Value is what stands in a slot of a message; ok is false when this person has none for it.
func (o *Outgoing) Value(slot string) (value string, ok bool) {
	switch slot {
	case "code":
		return o.Code, o.Code != ""
	case "ref":
		return o.Ref, o.Ref != ""
	case "brand":
		return o.Brand, o.Brand != ""
	}
	value, ok = o.Vars[slot]
	return value, ok
}

// Verdict is a channel's immediate answer.
type Verdict struct {
	Class      Class
	Code       string
	ProviderID string
	RetryAt    time.Time // for RETRY_AT
	Slower     bool      // the provider asks for fewer messages a second
	Unknown    bool      // the code is in no table: somebody should look what it means
}

// Counts of people by the state of their current delivery. They add up to Total.
type Counts struct {
	Total     int64 `json:"total"`
	Pending   int64 `json:"pending"`
	InDoubt   int64 `json:"in_doubt"`
	Accepted  int64 `json:"accepted"`
	Failed    int64 `json:"failed"`
	Delivered int64 `json:"delivered"`
	Read      int64 `json:"read"`
	Stopped   int64 `json:"stopped"`
}

// CountKey names one maintained counter of a dispatch.
type CountKey struct {
	Channel string
	State   DeliveryState
}

// Progress is a dispatch with what a person wants to see of it.
type Progress struct {
	Dispatch
	People     Counts                      `json:"people"`
	ByChannel  map[string]map[string]int64 `json:"by_channel"` // channel → state → deliveries
	Duplicates int64                       `json:"possible_duplicates"`
	Complaints map[string]int64            `json:"complaints,omitempty"` // channel → people who complained about what arrived
	Traps      int64                       `json:"traps,omitempty"`      // addresses that are traps: what the audience is worth
	Rate       float64                     `json:"rate"`                 // outcomes a second, over the last minute; of one that has ended, over all of it
	ETA        *time.Time                  `json:"eta,omitempty"`
	WaitsUntil *time.Time                  `json:"waits_until,omitempty"` // of a running one: when the last delivery that waits for its time is due
	Pace       map[string]Pace             `json:"pace,omitempty"`        // by channel, while it runs
	Margin     *time.Duration              `json:"margin,omitempty"`      // from its end, or when it should end, to the deadline
	Additions  []Progress                  `json:"additions,omitempty"`
}

// Pace is how one channel of a running dispatch gets on.
type Pace struct {
	First int64      `json:"first"` // people whose first channel it is
	Tried int64      `json:"tried"` // people sent to over it so far, those after another channel included
	Rate  float64    `json:"rate"`  // a second
	ETA   *time.Time `json:"eta,omitempty"`
}

// Range is a run of deliveries that one worker owns for a while, fenced by its epoch.
type Range struct {
	Dispatch int64
	No       int64
	Again    bool   // false: members are recipients From ≤ seq < To; true: the rows that carry No
	Channel  string // of a lane: the channel its members are sent to over; "": any
	From, To int64
	Members  []byte // of a lane that another range has left people to: a bit for each from From on; empty: all
	Owner    string
	Epoch    int64
	Until    time.Time
	Done     bool
	Doubt    bool // an owner died with it: members without an outcome may have been sent to
}

// Has reports whether a recipient between From and To is a member.
func (r *Range) Has(seq int64) bool {
	at := seq - r.From
	return len(r.Members) == 0 || r.Members[at/8]&(1<<(at%8)) != 0
}

// Batch is one batch of outcomes or receipts: the Merkle root in the ledger, the events kept beside it.
type Batch struct {
	Dispatch int64
	No       int64
	Kind     string // outcomes | receipts
	Channel  string // that all its events are about; "": several
	Root     string // hex
	Count    int
	Events   []byte // evidence.EncodeEvents: ids, enums and times only
	// Plain says that some of its events, of recipients From ≤ seq < To, are the only record of their delivery.
	Plain    bool
	From, To int64
	At       time.Time
}

// Receipt is later word from outside about a delivery, decoded and authenticated by its OutID.
type Receipt struct {
	Provider   string // id of the provider whose word it is; "": of one that the delivery names
	OutID      string
	Address    string // whom it is about, in place of an OutID the provider does not repeat; read, never kept
	ProviderID string
	Class      Class
	Code       string
	RetryAt    time.Time // for RETRY_AT
	At         time.Time
}

// Announcement is a notice's public page.
type Announcement struct {
	Notice   string
	Version  int
	Incident incident.ID
	No       string // notice number people see
	LiveAt   time.Time
	Channels []string        // ways the notice itself goes out
	Messages []FrozenMessage // per locale
}
