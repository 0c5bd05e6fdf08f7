// Package playbooks keeps the register of an incident's duties and works them off: operator profiles,
// playbook definitions, and durable runs whose steps, tasks and timers are rows.
package playbooks

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/playbooks/obligation"
)

// Duty is an obligation in an incident's register.
type Duty struct {
	ID         string // obl_…
	Incident   incident.ID
	Obligation obligation.Obligation // as last derived, source text frozen
	State      obligation.State
	Reason     string // why lapsed, met or changed: safe text
	MetBy      string // document id
	MetAt      *time.Time
	Undertaken bool        // a voluntary duty that somebody has chosen to do
	Decision   string      // dcn_… that stands: of an exemption or hold
	Conflict   string      // an authority asks to wait, but the law stops no clock: safe text, for Say
	Later      *LaterClock // what follows from the facts, while the earlier deadline stands
	DerivedAt  time.Time   // when it appeared
	UpdatedAt  time.Time
}

// LaterClock is a clock that two persons can accept in place of an earlier one. Without a deadline the
// clock would stop.
type LaterClock struct {
	Anchor     string
	Start      *time.Time
	Deadline   *time.Time
	LegalLimit *time.Time
}

// Derivation is the kept answer of the last derivation of an incident.
type Derivation struct {
	Incident     incident.ID
	FactRevision int64
	ProfileHash  string
	RulesVersion string
	Result       obligation.Result
	At           time.Time
}

// Run is one execution of a playbook for one incident.
type Run struct {
	ID        string // run_…
	Incident  incident.ID
	Playbook  string
	Revision  int
	Hash      string // of the frozen definition
	State     string // running | done
	StartedAt time.Time
}

// StepState of a run.
type StepState string

// The states of a step.
const (
	StepWaiting StepState = "waiting"
	StepOpen    StepState = "open" // a task, document or filing waits for people or for sending
	StepDone    StepState = "done"
	StepSkipped StepState = "skipped" // its when or for does not hold; comes back when it does
)

// Step is the row of one step of a run.
type Step struct {
	Run       string
	ID        string
	Item      string // repetition
	State     StepState
	Reason    string
	Document  string     // of a report or notice step
	Task      string     // of a task step
	DueAt     *time.Time // target or the duty's deadline
	UpdatedAt time.Time
}

// Task waits for a person.
type Task struct {
	ID        string // tsk_…
	Incident  incident.ID
	Run, Step string
	Kind      string            // task | write | file | review | correct | decide | answer | substitute
	Title     map[string]string // sealed at rest
	Assign    string            // team
	Asks      []string          // facts to settle
	Document  string            // of a task to file or write by hand
	Decision  string            // dcn_… of a task to decide
	Letter    string            // ltr_… of a task to answer
	Dispatch  string            // dsp_… of a substitute notice
	People    int64             // whom a substitute notice is for
	Duties    []string          // obl_… that a substitute notice serves
	Law       []LawNote         // what their law says about it
	Rules     string            // of a task to decide on a newer rule set: its version
	For       []string          // user ids that it waits for; empty: whoever may
	DueAt     *time.Time
	State     string // open | done | dropped
	DoneBy    string
	DoneAt    *time.Time
	Note      string // sealed at rest
	CreatedAt time.Time
}

// Timer wakes an incident at an instant: a next change of the derivation, a step's delay.
type Timer struct {
	ID       string // stable: kind/incident/ref
	Incident incident.ID
	Kind     string
	DueAt    time.Time
}

// Tx is what playbooks need from a store transaction.
type Tx interface {
	notify.Tx
	Landmarks(ctx context.Context, chain string, after int64, limit int) ([]evidence.Entry, error) // the ledger without batches of deliveries
	LatestLandmarks(ctx context.Context, chain string, limit int) ([]evidence.Entry, error)        // newest first
	Profile(ctx context.Context) (p obligation.Profile, hash string, err error)                    // Fault NotFound
	PutProfile(ctx context.Context, p obligation.Profile) (hash string, err error)
	PutDerivation(ctx context.Context, d Derivation) error
	Derivation(ctx context.Context, id incident.ID) (*Derivation, error)
	PutDuty(ctx context.Context, d Duty) error
	Duty(ctx context.Context, id string) (Duty, error)
	Duties(ctx context.Context, id incident.ID) ([]Duty, error)
	InsertRun(ctx context.Context, r Run) error
	UpdateRun(ctx context.Context, r Run) error
	Runs(ctx context.Context, id incident.ID) ([]Run, error)
	PutStep(ctx context.Context, s Step) error
	Steps(ctx context.Context, run string) ([]Step, error)
	InsertTask(ctx context.Context, t Task) error
	UpdateTask(ctx context.Context, t Task) error
	Task(ctx context.Context, id string) (Task, error)
	Tasks(ctx context.Context, id incident.ID) ([]Task, error)
	OpenTasks(ctx context.Context, p incident.Page) ([]Task, error) // by due_at, over incidents
	PutTimer(ctx context.Context, t Timer) error
	DeleteTimer(ctx context.Context, id string) error
	DueTimers(ctx context.Context, now time.Time, limit int) ([]Timer, error)
	PutDecision(ctx context.Context, d Decision) error
	Decision(ctx context.Context, id string) (Decision, error)
	Decisions(ctx context.Context, id incident.ID) ([]Decision, error) // in order of proposal
	PutLetter(ctx context.Context, l Letter) error
	Letter(ctx context.Context, id string) (Letter, error)
	Letters(ctx context.Context, id incident.ID) ([]Letter, error) // in order of recording
	RulesSeen(ctx context.Context) (version string, err error)     // "": none yet
	SeeRules(ctx context.Context, version string) error
}

// Store opens transactions.
type Store interface {
	InTx(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
	View(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
}
