package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// fileIn is a file that comes with a decision or letter, or one that the incident has already.
type fileIn struct {
	File string `json:"file,omitempty" doc:"fil_… of this incident; then the rest is not needed"`
	Name string `json:"name,omitempty"`
	Type string `json:"content_type,omitempty"`
	Data string `json:"data,omitempty" doc:"base64"`
}

func (f *fileIn) attachment(pointer string) (*playbooks.Attachment, error) {
	if f == nil {
		return nil, nil
	}
	data, err := decoded(pointer, f.Data)
	if err != nil {
		return nil, err
	}
	return &playbooks.Attachment{File: f.File, Name: f.Name, ContentType: f.Type, Body: data}, nil
}

// decoded are the bytes of a file that comes in JSON.
func decoded(pointer, data string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, incident.InvalidInput([]incident.Problem{{Pointer: pointer + "/data", Rule: "base64", Message: "must be base64"}})
	}
	return b, nil
}

func attachments(pointer string, in []fileIn) ([]playbooks.Attachment, error) {
	out := make([]playbooks.Attachment, 0, len(in))
	for i := range in {
		a, err := in[i].attachment(fmt.Sprintf("%s/%d", pointer, i))
		if err != nil {
			return nil, err
		}
		out = append(out, *a)
	}
	return out, nil
}

// proposalIn is what the first person says.
type proposalIn struct {
	Reason    string     `json:"reason" minLength:"1"`
	Evidence  []fileIn   `json:"evidence,omitempty"`
	Exemption string     `json:"exemption,omitempty" doc:"Of exempt: its id, when the duty has several"`
	Authority string     `json:"authority,omitempty" doc:"Of hold: who asked"`
	Reference string     `json:"reference,omitempty" doc:"Of hold: the authority's reference"`
	Letter    string     `json:"letter,omitempty" doc:"Of hold: the ltr_… that asked"`
	Until     *time.Time `json:"until,omitempty" doc:"Of hold: when it ends by itself"`
}

func (in proposalIn) proposal() (playbooks.Proposal, error) {
	files, err := attachments("/evidence", in.Evidence)
	return playbooks.Proposal{Reason: in.Reason, Evidence: files, Exemption: in.Exemption, Authority: in.Authority,
		Reference: in.Reference, Letter: in.Letter, Until: in.Until}, err
}

type decisionView struct {
	ID           string                  `json:"id"`
	Incident     incident.ID             `json:"incident"`
	Duty         string                  `json:"obligation,omitempty"`
	Rule         string                  `json:"rule"`
	Addressee    string                  `json:"addressee,omitempty"`
	Kind         playbooks.DecisionKind  `json:"kind"`
	State        playbooks.DecisionState `json:"state"`
	Reason       string                  `json:"reason"`
	Exemption    *obligation.Exemption   `json:"exemption,omitempty"`
	Because      map[string]string       `json:"because_no_duty,omitempty"`
	Facts        []playbooks.RestingFact `json:"facts"`
	FactRevision int64                   `json:"fact_revision"`
	RulesVersion string                  `json:"rules_version"`
	Grades       []obligation.Grade      `json:"grades"`
	Evidence     []playbooks.Proof       `json:"evidence"`
	Authority    string                  `json:"authority,omitempty"`
	Reference    string                  `json:"reference,omitempty"`
	Letter       string                  `json:"letter,omitempty"`
	StopsClock   bool                    `json:"stops_clock"`
	ExpiresAt    *time.Time              `json:"expires_at"`
	OldDeadline  *time.Time              `json:"old_deadline"`
	Deadline     *time.Time              `json:"deadline"`
	Ends         string                  `json:"ends,omitempty"`
	ProposedBy   string                  `json:"proposed_by"`
	ProposedAt   time.Time               `json:"proposed_at"`
	DecidedBy    string                  `json:"decided_by,omitempty"`
	DecidedAt    *time.Time              `json:"decided_at"`
	Note         string                  `json:"note,omitempty"`
	EndedAt      *time.Time              `json:"ended_at"`
	EndReason    string                  `json:"end_reason,omitempty"`
	Reopens      []map[string]string     `json:"reopens"`
	CanConfirm   bool                    `json:"can_confirm"`
	WhyNot       string                  `json:"why_not,omitempty"`
	Names        map[string]string       `json:"names"`
}

func viewDecision(d playbooks.DecisionView) decisionView {
	return decisionView{d.ID, d.Incident, d.Duty, d.Rule, d.Addressee, d.Kind, d.State, d.Reason, d.Exemption, d.Because, d.Facts, d.FactRevision,
		d.RulesVersion, d.Grades, d.Evidence, d.Authority, d.Reference, d.Letter, d.StopsClock, d.ExpiresAt, d.OldDeadline, d.Deadline, d.Ends,
		d.ProposedBy, d.ProposedAt, d.DecidedBy, d.DecidedAt, d.Note, d.EndedAt, d.EndReason, d.Reopens, d.CanConfirm, d.WhyNot, d.Names}
}

type decisionList struct {
	Decisions []decisionView `json:"decisions"`
}

func decisionBody(v playbooks.DecisionView, err error) (*body[decisionView], error) {
	if err != nil {
		return nil, err
	}
	return &body[decisionView]{Body: viewDecision(v)}, nil
}

// dutyDecisions serves what two named persons decide about duties.
func (a *api) dutyDecisions(h huma.API) {
	type decideIn struct {
		DocumentPath
		Body proposalIn
	}
	for _, one := range []struct {
		verb    string
		kind    playbooks.DecisionKind
		summary string
	}{
		{"exempt", playbooks.DecideExempt, "Propose to apply an exemption of the law"},
		{"not-notify", playbooks.DecideNotNotify, "Propose to answer for telling nobody: the facts give no duty"},
		{"hold", playbooks.DecideHold, "Propose to wait as an authority asks, until a day"},
		{"release", playbooks.DecideRelease, "Propose to end an exemption or hold"},
		{"deadline", playbooks.DecideDeadline, "Propose to accept the later deadline that follows from the facts"},
	} {
		op := a.operation("propose-"+one.verb, http.MethodPost, "/obligations/{id}/"+one.verb, one.summary, http.StatusCreated)
		op.Description = "It counts once a second person has confirmed it: POST /decisions/{id}/confirm."
		register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *decideIn) (*body[decisionView], error) {
			p, err := in.Body.proposal()
			if err != nil {
				return nil, err
			}
			return decisionBody(a.Playbooks.Propose(ctx, sc, in.ID, one.kind, p))
		})
	}
	type ruleIn struct {
		IncidentPath
		Body struct {
			Rule     string   `json:"rule" minLength:"1" doc:"Rule id"`
			Reason   string   `json:"reason" minLength:"1"`
			Evidence []fileIn `json:"evidence,omitempty"`
		}
	}
	register(h, a, a.operation("propose-incident-not-notify", http.MethodPost, "/incidents/{id}/not-notify", "Propose to answer for telling nobody under a rule that never gave a duty", http.StatusCreated),
		func(ctx context.Context, sc evidence.Scope, in *ruleIn) (*body[decisionView], error) {
			files, err := attachments("/evidence", in.Body.Evidence)
			if err != nil {
				return nil, err
			}
			return decisionBody(a.Playbooks.ProposeNotNotify(ctx, sc, incident.ID(in.ID), in.Body.Rule, playbooks.Proposal{Reason: in.Body.Reason, Evidence: files}))
		})
	a.settledDecisions(h)
	a.readDecisions(h)
}

func (a *api) settledDecisions(h huma.API) {
	type confirmIn struct {
		DocumentPath
		Body struct {
			Note string `json:"note,omitempty"`
		}
	}
	register(h, a, a.operation("confirm-decision", http.MethodPost, "/decisions/{id}/confirm", "The second person's yes", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *confirmIn) (*body[decisionView], error) {
			return decisionBody(a.Playbooks.ConfirmDecision(ctx, sc, in.ID, in.Body.Note))
		})
	type refuseIn struct {
		DocumentPath
		Body struct {
			Reason string `json:"reason" minLength:"1"`
		}
	}
	register(h, a, a.operation("refuse-decision", http.MethodPost, "/decisions/{id}/refuse", "The second person's no, or the first person's withdrawal", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *refuseIn) (*body[decisionView], error) {
			return decisionBody(a.Playbooks.RefuseDecision(ctx, sc, in.ID, in.Body.Reason))
		})
}

func (a *api) readDecisions(h huma.API) {
	list := func(all []playbooks.DecisionView, err error) (*body[decisionList], error) {
		return &body[decisionList]{Body: decisionList{each(all, viewDecision)}}, err
	}
	register(h, a, a.operation("list-duty-decisions", http.MethodGet, "/obligations/{id}/decisions", "What was decided about a duty", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[decisionList], error) {
			return list(a.Playbooks.Decisions(ctx, sc, in.ID))
		})
	register(h, a, a.operation("list-decisions", http.MethodGet, "/incidents/{id}/decisions", "What was decided in an incident", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[decisionList], error) {
			return list(a.Playbooks.IncidentDecisions(ctx, sc, incident.ID(in.ID)))
		})
	register(h, a, a.operation("get-decision", http.MethodGet, "/decisions/{id}", "One decision with what it rests on", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[decisionView], error) {
			return decisionBody(a.Playbooks.Decision(ctx, sc, in.ID))
		})
	op := a.operation("defence", http.MethodGet, "/decisions/{id}/defence", "The defence file: facts at the time, law, who decided, what would reopen it", http.StatusOK, paper)
	register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *paperIn) (*paperOut, error) {
		d, err := a.Playbooks.Defence(ctx, sc, in.ID)
		if err != nil {
			return nil, err
		}
		return in.print(d, d.HTML)
	})
}

// paperIn asks for a file to read and print, or to process.
type paperIn struct {
	DocumentPath
	Locale string `query:"locale" default:"zh-Hans"`
	Format string `query:"format" default:"html" enum:"html,json"`
}

// paperCSP lets a page show itself and nothing else.
const paperCSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

type paperOut struct {
	Type string `header:"Content-Type"`
	CSP  string `header:"Content-Security-Policy"`
	Body []byte
}

// paper describes an answer that is a page or JSON.
func paper(o *huma.Operation) {
	o.Responses = map[string]*huma.Response{"200": {Description: "A page, or JSON", Content: map[string]*huma.MediaType{"text/html": {}, "application/json": {}}}}
}

func (in *paperIn) print(v any, html func(locale string) ([]byte, error)) (*paperOut, error) {
	out := &paperOut{Type: "text/html; charset=utf-8", CSP: paperCSP}
	var err error
	if in.Format == "json" {
		out.Type = "application/json"
		out.Body, err = json.Marshal(v)
	} else {
		out.Body, err = html(in.Locale)
	}
	if err != nil {
		return nil, fmt.Errorf("write page: %w", err)
	}
	return out, nil
}
