package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks"
)

type letterView struct {
	ID         string               `json:"id"`
	Incident   incident.ID          `json:"incident"`
	Kind       playbooks.LetterKind `json:"kind"`
	Authority  string               `json:"authority"`
	Reference  string               `json:"reference,omitempty"`
	ReceivedAt time.Time            `json:"received_at"`
	DueAt      *time.Time           `json:"due_at"`
	HoldUntil  *time.Time           `json:"hold_until"`
	Text       string               `json:"text,omitempty"`
	AskedBy    string               `json:"asked_by,omitempty"`
	File       *playbooks.Proof     `json:"file,omitempty"`
	State      string               `json:"state"`
	Duty       string               `json:"obligation,omitempty"`
	Task       string               `json:"task,omitempty"`
	Holds      []string             `json:"holds,omitempty"`
	Conflicts  []playbooks.Conflict `json:"conflicts"`
	RecordedBy string               `json:"recorded_by"`
	RecordedAt time.Time            `json:"recorded_at"`
	AnsweredAt *time.Time           `json:"answered_at"`
	AnsweredBy string               `json:"answered_by,omitempty"`
	Via        string               `json:"via,omitempty"`
	Receipt    string               `json:"receipt_number,omitempty"`
	Answer     string               `json:"answer,omitempty"`
	AnswerFile *playbooks.Proof     `json:"answer_file,omitempty"`
	Names      map[string]string    `json:"names"`
}

func viewLetter(l playbooks.LetterView) letterView {
	return letterView{l.ID, l.Incident, l.Kind, l.Authority, l.Reference, l.ReceivedAt, l.DueAt, l.HoldUntil, l.Text, l.AskedBy, l.File, l.State, l.Duty, l.Task,
		l.Holds, l.Conflicts, l.RecordedBy, l.RecordedAt, l.AnsweredAt, l.AnsweredBy, l.Via, l.Receipt, l.Answer, l.AnswerFile, l.Names}
}

type letterList struct {
	Letters []letterView `json:"letters"`
}

func letterBody(v playbooks.LetterView, err error) (*body[letterView], error) {
	if err != nil {
		return nil, err
	}
	return &body[letterView]{Body: viewLetter(v)}, nil
}

// letters serves what authorities write to us.
func (a *api) letters(h huma.API) {
	type letterIn struct {
		IncidentPath
		Body struct {
			Kind       string     `json:"kind" enum:"order_to_notify,questions,summons,hold_request,feedback,other"`
			Authority  string     `json:"authority" minLength:"1" doc:"Addressee, such as provincial-cac:CN-SH"`
			Reference  string     `json:"reference,omitempty" doc:"The authority's number"`
			ReceivedAt time.Time  `json:"received_at"`
			DueAt      *time.Time `json:"due_at,omitempty" doc:"When an answer is due"`
			HoldUntil  *time.Time `json:"hold_until,omitempty" doc:"Of hold_request: until when; default due_at"`
			Holds      []string   `json:"holds,omitempty" doc:"Of hold_request: the obl_… it is about; default every notice that is owed"`
			Text       string     `json:"text,omitempty" doc:"The letter, or a summary"`
			AskedBy    string     `json:"asked_by,omitempty" doc:"Who signed or called"`
			File       *fileIn    `json:"file,omitempty"`
		}
	}
	op := a.operation("receive-letter", http.MethodPost, "/incidents/{id}/letters", "Record an authority's letter; it starts clocks and its own duty to answer", http.StatusCreated)
	register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *letterIn) (*body[letterView], error) {
		file, err := in.Body.File.attachment("/file")
		if err != nil {
			return nil, err
		}
		b := in.Body
		return letterBody(a.Playbooks.ReceiveLetter(ctx, sc, incident.ID(in.ID), playbooks.NewLetter{Kind: playbooks.LetterKind(b.Kind), Authority: b.Authority,
			Reference: b.Reference, ReceivedAt: b.ReceivedAt, DueAt: b.DueAt, HoldUntil: b.HoldUntil, Holds: b.Holds, Text: b.Text, AskedBy: b.AskedBy, File: file}))
	})
	register(h, a, a.operation("list-letters", http.MethodGet, "/incidents/{id}/letters", "Authorities' letters, and the clocks that run against a request to hold", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[letterList], error) {
			all, err := a.Playbooks.Letters(ctx, sc, incident.ID(in.ID))
			return &body[letterList]{Body: letterList{each(all, viewLetter)}}, err
		})
	register(h, a, a.operation("get-letter", http.MethodGet, "/letters/{id}", "One letter", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[letterView], error) {
			return letterBody(a.Playbooks.Letter(ctx, sc, in.ID))
		})
	type answerIn struct {
		DocumentPath
		Body struct {
			At      time.Time `json:"at"`
			Via     string    `json:"via" minLength:"1" doc:"How: site, mail, letter, phone …"`
			Receipt string    `json:"receipt_number,omitempty"`
			Text    string    `json:"text,omitempty"`
			File    *fileIn   `json:"file,omitempty"`
		}
	}
	register(h, a, a.operation("answer-letter", http.MethodPost, "/letters/{id}/answer", "Record the answer; it meets the letter's duty", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *answerIn) (*body[letterView], error) {
			file, err := in.Body.File.attachment("/file")
			if err != nil {
				return nil, err
			}
			b := in.Body
			return letterBody(a.Playbooks.AnswerLetter(ctx, sc, in.ID, playbooks.Answer{At: b.At, Via: b.Via, Receipt: b.Receipt, Text: b.Text, File: file}))
		})
}
