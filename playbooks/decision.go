package playbooks

import (
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks/obligation"
)

// DecisionKind is what two named persons can decide about a duty.
type DecisionKind string

// The kinds of decision.
const (
	DecideExempt    DecisionKind = "exempt"     // an exemption of the law applies
	DecideNotNotify DecisionKind = "not_notify" // the facts give no duty, and somebody answers for that
	DecideHold      DecisionKind = "hold"       // an authority has asked for a delay, until a day
	DecideDeadline  DecisionKind = "deadline"   // a later deadline is accepted
	DecideRelease   DecisionKind = "release"    // an exemption or a hold ends
)

// DecisionState is the life of a decision.
type DecisionState string

// The states of a decision.
const (
	DecisionProposed  DecisionState = "proposed"
	DecisionConfirmed DecisionState = "confirmed" // it stands, or, of a deadline or release, it is done
	DecisionRefused   DecisionState = "refused"   // by the second person
	DecisionWithdrawn DecisionState = "withdrawn" // by who proposed it
	DecisionReopened  DecisionState = "reopened"  // a fact that it rested on crossed the line
	DecisionExpired   DecisionState = "expired"   // the time of a hold is over
	DecisionReleased  DecisionState = "released"  // another decision ended it
	DecisionOvertaken DecisionState = "overtaken" // its duty lapsed or was met, or what was proposed has changed
)

// decisionStep is one thing that can happen to a decision.
type decisionStep string

const (
	stepConfirm  decisionStep = "confirm"
	stepRefuse   decisionStep = "refuse"
	stepRetract  decisionStep = "retract"
	stepReopen   decisionStep = "reopen"
	stepExpire   decisionStep = "expire"
	stepRelease  decisionStep = "release"
	stepOvertake decisionStep = "overtake"
)

// decisionLife is every transition; what is not here is refused.
var decisionLife = map[DecisionState]map[decisionStep]DecisionState{
	DecisionProposed: {stepConfirm: DecisionConfirmed, stepRefuse: DecisionRefused, stepRetract: DecisionWithdrawn,
		stepOvertake: DecisionOvertaken},
	DecisionConfirmed: {stepReopen: DecisionReopened, stepExpire: DecisionExpired, stepRelease: DecisionReleased,
		stepOvertake: DecisionOvertaken},
}

// stands are the kinds whose confirmation lasts, with the steps that can end them.
var stands = map[DecisionKind][]decisionStep{
	DecideExempt:    {stepReopen, stepRelease, stepOvertake},
	DecideNotNotify: {stepReopen, stepRelease},
	DecideHold:      {stepReopen, stepExpire, stepRelease, stepOvertake},
}

// Decision is what two named persons decided about a duty, and on what. It is sealed at rest as a whole.
type Decision struct {
	ID        string // dcn_…
	Incident  incident.ID
	Duty      string // obl_…; empty when not to notify is decided about a rule that never gave a duty
	Rule      string
	Addressee string
	Kind      DecisionKind
	State     DecisionState
	Reason    string // the proposer's
	// Exemption is the one applied, with its text as it was.
	Exemption *obligation.Exemption
	// Obligation is the duty as it was, nil when there was none; Because says then why there was none.
	Obligation *obligation.Obligation
	Because    map[string]string
	// What it rests on, as it was when it was proposed.
	Facts        []RestingFact
	FactRevision int64
	RulesVersion string
	ProfileHash  string
	Grades       []obligation.Grade
	Evidence     []Proof
	// Of a hold: who asked, under which reference, and whether the law lets it stop the clock.
	Authority   string
	Reference   string
	Letter      string // ltr_… that asked
	StopsClock  bool
	ExpiresAt   *time.Time
	Deadline    *time.Time // of a deadline: the later one; nil when the clock would stop
	OldDeadline *time.Time
	Ends        string // of a release: the dcn_… that it ends
	ProposedBy  string // user id
	ProposedAt  time.Time
	DecidedBy   string // the second person's, or who withdrew it
	DecidedAt   *time.Time
	Note        string // of who decided
	EndedAt     *time.Time
	EndReason   string // safe text, for Say
	Task        string // tsk_… that waits for the next person
	UpdatedAt   time.Time
}

// RestingFact is a fact as a decision found it.
type RestingFact struct {
	Path       string         `json:"path"`
	Value      any            `json:"value"`
	Hash       string         `json:"hash"` // hex SHA-256 of the value's JSON
	Certainty  string         `json:"certainty,omitempty"`
	Source     string         `json:"source"`
	At         time.Time      `json:"at"`
	Actor      evidence.Actor `json:"actor"`
	Revision   int64          `json:"revision"`
	RecordedAt time.Time      `json:"recorded_at"`
}

// Proof names a file of the incident by its hash.
type Proof struct {
	File        string `json:"file"` // fil_…
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	SHA256      string `json:"sha256"`
	Size        int64  `json:"size"`
}

// Attachment is proof as it comes in: the id of a file that the incident has, or a new file.
type Attachment struct {
	File        string // fil_…; then the rest is not read
	Name        string
	ContentType string
	Body        []byte
}

// Proposal is what the first person says.
type Proposal struct {
	Reason    string
	Evidence  []Attachment
	Exemption string     // of an exemption: its id; "" when the duty has only one
	Authority string     // of a hold: who asked
	Reference string     // of a hold: the authority's reference
	Letter    string     // of a hold: the ltr_… that asked
	Until     *time.Time // of a hold: when it ends by itself
}

// DecisionView is a decision as one reader sees it.
type DecisionView struct {
	Decision
	CanConfirm bool
	WhyNot     string              // why this reader cannot confirm it
	Reopens    []map[string]string // what would reopen it, per locale
	Names      map[string]string   // user id → name
}

// take makes the step, or answers that the decision cannot take it.
func (d *Decision) take(step decisionStep, now time.Time, why string) error {
	next, ok := decisionLife[d.State][step]
	if ok && d.State == DecisionConfirmed {
		ok = slices.Contains(stands[d.Kind], step)
	}
	if !ok {
		return incident.NewFault(incident.Conflict, "the decision is %s and cannot take this step: %s", d.State, step)
	}
	if d.State == DecisionConfirmed || step == stepOvertake {
		d.EndedAt, d.EndReason = &now, why
	}
	d.State = next
	return nil
}

// Standing reports that the decision holds now.
func (d Decision) Standing() bool {
	return d.State == DecisionConfirmed && len(stands[d.Kind]) > 0
}
