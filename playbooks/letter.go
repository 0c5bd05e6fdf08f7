package playbooks

import (
	"time"

	"tocsin/incident"
)

// LetterKind is what an authority wants.
type LetterKind string

// The kinds of letter.
const (
	LetterOrder     LetterKind = "order_to_notify"
	LetterQuestions LetterKind = "questions"
	LetterSummons   LetterKind = "summons"
	LetterHold      LetterKind = "hold_request" // to wait with telling people
	LetterFeedback  LetterKind = "feedback"
	LetterOther     LetterKind = "other"
)

// The states of a letter.
const (
	LetterOpen     = "open"
	LetterAnswered = "answered"
	LetterNoted    = "noted" // asks for nothing
)

// LetterRule is the rule id of the duty to answer a letter.
const LetterRule = "authority-letter"

// Letter is what an authority wrote or said to us about an incident. It is sealed at rest as a whole.
type Letter struct {
	ID         string // ltr_…
	Incident   incident.ID
	Kind       LetterKind
	Authority  string // addressee, such as provincial-cac:CN-SH
	Reference  string // the authority's number
	ReceivedAt time.Time
	DueAt      *time.Time // when an answer is due
	HoldUntil  *time.Time // of a request to hold
	Text       string     // or a summary of it
	AskedBy    string     // the person who signed or called
	File       *Proof
	State      string
	Duty       string   // obl_… to answer it
	Task       string   // tsk_…
	Holds      []string // dcn_… proposed for it
	RecordedBy string
	RecordedAt time.Time
	AnsweredAt *time.Time
	AnsweredBy string // who recorded it
	Via        string // how it was answered
	Receipt    string
	Answer     string
	AnswerFile *Proof
}

// NewLetter is a letter as it is recorded.
type NewLetter struct {
	Kind       LetterKind
	Authority  string
	Reference  string
	ReceivedAt time.Time
	DueAt      *time.Time
	HoldUntil  *time.Time // of a request to hold; default DueAt
	Holds      []string   // of a request to hold: the obl_… it is about; default every notice that is owed
	Text       string
	AskedBy    string
	File       *Attachment
}

// Answer is how a letter was answered.
type Answer struct {
	At      time.Time
	Via     string
	Receipt string
	Text    string
	File    *Attachment
}

// Conflict is a duty whose clock runs on although an authority has asked to wait.
type Conflict struct {
	Duty      string            `json:"obligation"`
	Rule      string            `json:"rule"`
	Title     map[string]string `json:"title"`
	Addressee string            `json:"addressee"`
	Deadline  *time.Time        `json:"deadline"`
	Why       map[string]string `json:"why"`
}

// LetterView is a letter with the duties that it stands against.
type LetterView struct {
	Letter
	Conflicts []Conflict
	Names     map[string]string // user id → name
}
