package playbooks

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// TaskAnswer is the kind of a task to answer an authority's letter; recording the answer completes it.
const TaskAnswer = "answer"

var authorityForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}(:[A-Za-z0-9-]{1,32})?$`)

// letterAnchors are the instants from which an authority's letter of a kind counts.
var letterAnchors = map[LetterKind]string{LetterOrder: "ordered:", LetterQuestions: "requested:", LetterSummons: "requested:"}

// ReceiveLetter records a letter and starts what it starts: the clocks of the law, a duty to answer by its
// own deadline, and for a request to hold a proposal for each notice it is about.
func (s *Service) ReceiveLetter(ctx context.Context, sc evidence.Scope, id incident.ID, n NewLetter) (LetterView, error) {
	if err := mayRecord(sc); err != nil {
		return LetterView{}, err
	}
	var v LetterView
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		if _, err := tx.LockIncident(ctx, id); err != nil {
			return err
		}
		l, problems := newLetter(tx, id, n)
		if len(problems) > 0 {
			return incident.InvalidInput(problems)
		}
		var err error
		if l.File, err = keepProof(ctx, tx, id, "/file", n.File); err != nil {
			return err
		}
		if facts := l.anchors(); len(facts) > 0 {
			if _, err := incident.Amend(ctx, tx, id, incident.Amendment{Source: "person", At: tx.Now(), Facts: facts}); err != nil {
				return err
			}
		}
		in, err := s.work(ctx, tx, id, false, false)
		if err != nil {
			return err
		}
		if err := s.fileLetter(ctx, tx, in, &l, n); err != nil {
			return err
		}
		if _, err := s.work(ctx, tx, id, false, false); err != nil {
			return err
		}
		v, err = viewLetter(ctx, tx, l)
		return err
	})
	return v, err
}

// mayRecord lets named persons who work on the incident write down what happened.
func mayRecord(sc evidence.Scope) error {
	if sc.Actor.Kind != evidence.Person {
		return incident.NewFault(incident.Forbidden, "only a named person records this")
	}
	return access.Require(sc, access.Work)
}

func newLetter(tx Tx, id incident.ID, n NewLetter) (Letter, []incident.Problem) {
	l := Letter{ID: evidence.NewID("ltr"), Incident: id, Kind: n.Kind, Authority: strings.TrimSpace(n.Authority),
		Reference: strings.TrimSpace(n.Reference), ReceivedAt: n.ReceivedAt.UTC().Truncate(time.Microsecond), DueAt: inUTC(n.DueAt),
		HoldUntil: inUTC(n.HoldUntil), Text: strings.TrimSpace(n.Text), AskedBy: strings.TrimSpace(n.AskedBy), State: LetterOpen,
		RecordedBy: tx.Scope().Actor.ID, RecordedAt: tx.Now()}
	c := &profileCheck{}
	kinds := []LetterKind{LetterOrder, LetterQuestions, LetterSummons, LetterHold, LetterFeedback, LetterOther}
	c.want(slices.Contains(kinds, l.Kind), "/kind", "enum", "must be one of order_to_notify, questions, summons, hold_request, feedback, other")
	c.want(authorityForm.MatchString(l.Authority), "/authority", "addressee", "must be an addressee such as provincial-cac:CN-SH")
	c.want(!l.ReceivedAt.IsZero() && !l.ReceivedAt.After(tx.Now()), "/received_at", "past", "say when it came; that cannot lie in the future")
	c.want(l.DueAt == nil || l.DueAt.After(l.ReceivedAt), "/due_at", "order", "must be later than received_at")
	for _, t := range []struct {
		pointer, text string
		most          int
	}{{"/reference", l.Reference, 200}, {"/asked_by", l.AskedBy, 200}, {"/text", l.Text, 20_000}} {
		c.want(utf8.RuneCountInString(t.text) <= t.most, t.pointer, "max-length", fmt.Sprintf("at most %d characters", t.most))
	}
	if l.Kind == LetterHold {
		if l.HoldUntil == nil {
			l.HoldUntil = l.DueAt
		}
		c.want(l.HoldUntil != nil && l.HoldUntil.After(tx.Now()), "/hold_until", "future", "say until when; a hold ends by itself")
	}
	if l.DueAt == nil && slices.Contains([]LetterKind{LetterFeedback, LetterOther}, l.Kind) {
		l.State = LetterNoted
	}
	return l, c.problems
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC().Truncate(time.Microsecond)
	return &at
}

// anchors are the instants that a letter sets, for the authority it is from and for its kind of authority.
func (l Letter) anchors() (facts []incident.FactInput) {
	base, _, placed := strings.Cut(l.Authority, ":")
	names := []string{base}
	if placed {
		names = append(names, l.Authority)
	}
	for _, name := range names {
		if prefix := letterAnchors[l.Kind]; prefix != "" {
			facts = append(facts, incident.FactInput{Path: "anchors." + prefix + name, Value: l.ReceivedAt.Format(time.RFC3339Nano)})
		}
		if l.DueAt != nil && l.Kind != LetterHold {
			facts = append(facts, incident.FactInput{Path: "anchors.due:" + name, Value: l.DueAt.Format(time.RFC3339Nano)})
		}
	}
	return facts
}

// fileLetter enters the letter's duty, task and proposals.
func (s *Service) fileLetter(ctx context.Context, tx Tx, in *situation, l *Letter, n NewLetter) error {
	if l.State == LetterOpen && in.incident.Mode != incident.Imported {
		if err := fileLetterDuty(ctx, tx, in, l); err != nil {
			return err
		}
	}
	refs := map[string]string{"letter": l.ID, "kind": string(l.Kind), "addressee": l.Authority, "state": l.State}
	commit := map[string]string{"reference": l.Reference, "text": l.Text, "asked_by": l.AskedBy, "received_at": l.ReceivedAt.Format(time.RFC3339Nano)}
	if l.DueAt != nil {
		commit["due_at"] = l.DueAt.Format(time.RFC3339Nano)
	}
	if l.File != nil {
		commit["file:"+l.File.File] = l.File.SHA256
	}
	if l.Duty != "" {
		refs["duty"], refs["task"] = l.Duty, l.Task
	}
	note(tx, l.Incident, "letter.received", refs, commit)
	if l.Kind == LetterHold {
		if err := s.proposeHolds(ctx, tx, in, l, n.Holds); err != nil {
			return err
		}
	}
	return tx.PutLetter(ctx, *l)
}

func fileLetterDuty(ctx context.Context, tx Tx, in *situation, l *Letter) error {
	o := l.obligation(in, tx.Now())
	d := Duty{ID: evidence.NewID("obl"), Incident: l.Incident, Obligation: o, State: o.State, DerivedAt: tx.Now()}
	if err := putDuty(ctx, tx, &d, "duty.appeared"); err != nil {
		return err
	}
	in.duties = append(in.duties, d)
	l.Duty = d.ID
	var err error
	l.Task, err = openTaskOf(ctx, tx, l.Incident, Task{Kind: TaskAnswer, Title: o.Title, Letter: l.ID, DueAt: l.DueAt})
	return err
}

var letterTitles = map[LetterKind]map[string]string{
	LetterOrder:     {"zh-Hans": "执行并答复通知命令：", "en": "Obey and answer the order to notify: "},
	LetterQuestions: {"zh-Hans": "答复询问：", "en": "Answer the questions: "},
	LetterSummons:   {"zh-Hans": "应约谈：", "en": "Answer the summons: "},
	LetterHold:      {"zh-Hans": "答复暂缓通知的要求：", "en": "Answer the request to hold: "},
	LetterFeedback:  {"zh-Hans": "答复反馈：", "en": "Answer the feedback: "},
	LetterOther:     {"zh-Hans": "答复来函：", "en": "Answer the letter: "},
}

// obligation is the duty to answer a letter, as the authority's own words give it.
func (l Letter) obligation(in *situation, now time.Time) obligation.Obligation {
	name := in.law.AddresseeName(l.Authority)
	zone := in.profile.Org.Zone
	if zone == "" {
		zone = "UTC"
	}
	start := l.ReceivedAt
	o := obligation.Obligation{ID: LetterRule, Title: prefixed(letterTitles[l.Kind], name), Addressee: l.Authority, AddresseeName: name,
		Kind: obligation.Task, Urgency: "as-ordered", Anchor: "requested:" + l.Authority, Start: &start, Deadline: l.DueAt,
		ContentItems: []string{}, Requirements: []templates.Requirement{}, MetBy: []string{"letter:answered"}, Zone: zone,
		Source: obligation.Source{Title: name["zh-Hans"], Article: l.Reference}, Because: []string{}, RuleVersion: l.ID}
	return letterNow(o, now)
}

// letterNow is a letter's duty at an instant.
func letterNow(o obligation.Obligation, now time.Time) obligation.Obligation {
	o.State = obligation.Running
	if o.Deadline != nil && !now.Before(*o.Deadline) {
		o.State = obligation.Overdue
	}
	return o
}

// proposeHolds proposes a hold for each duty that a letter asks to wait with.
func (s *Service) proposeHolds(ctx context.Context, tx Tx, in *situation, l *Letter, only []string) error {
	for _, id := range only {
		if in.duty(id) == nil {
			return incident.InvalidInput([]incident.Problem{{Pointer: "/holds", Rule: "known", Message: "the incident has no such duty"}})
		}
	}
	if len(in.problems) > 0 {
		return nil // facts contradict each other: the letter is recorded, a hold can be proposed once that is settled
	}
	all, err := tx.Decisions(ctx, l.Incident)
	if err != nil {
		return err
	}
	for i := range in.duties {
		row := &in.duties[i]
		waits := func(d Decision) bool { return d.Duty == row.ID && d.Kind == DecideHold && d.State == DecisionProposed }
		if k := slices.IndexFunc(all, waits); k >= 0 {
			l.Holds = append(l.Holds, all[k].ID)
			continue
		}
		asked := slices.Contains(only, row.ID) || len(only) == 0 && row.Obligation.Kind == string(templates.Notice)
		if !asked || !live(*row) || row.State == obligation.Met {
			continue
		}
		o := row.Obligation
		d := Decision{Kind: DecideHold, Duty: row.ID, Rule: o.ID, Addressee: o.Addressee, Obligation: &o}
		p := Proposal{Reason: holdReason(*l), Authority: l.Authority, Reference: l.Reference, Letter: l.ID, Until: l.HoldUntil}
		if l.File != nil {
			p.Evidence = []Attachment{{File: l.File.File}}
		}
		if err := s.enterProposal(ctx, tx, in, &d, p); err != nil {
			return err
		}
		l.Holds = append(l.Holds, d.ID)
	}
	return nil
}

func holdReason(l Letter) string {
	if l.Text == "" {
		return "as the letter asks"
	}
	return incident.CleanText(l.Text, maxReason)
}
