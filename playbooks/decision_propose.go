package playbooks

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// TaskDecide is the kind of a task that waits for a person's decision.
const TaskDecide = "decide"

const maxReason = 4000 // characters

// Propose has a first person propose a decision about a duty; a second one confirms or refuses it.
func (s *Service) Propose(ctx context.Context, sc evidence.Scope, duty string, kind DecisionKind, p Proposal) (DecisionView, error) {
	return s.propose(ctx, sc, kind, p, func(tx Tx) (incident.ID, string, error) {
		d, err := tx.Duty(ctx, duty)
		return d.Incident, d.ID, err
	})
}

// ProposeNotNotify has a first person propose to answer for telling nobody under a rule that the facts give
// no duty of.
func (s *Service) ProposeNotNotify(ctx context.Context, sc evidence.Scope, id incident.ID, rule string, p Proposal) (DecisionView, error) {
	return s.propose(ctx, sc, DecideNotNotify, p, func(tx Tx) (incident.ID, string, error) {
		duties, err := tx.Duties(ctx, id)
		for _, d := range duties {
			if d.Obligation.ID == rule {
				return id, d.ID, err
			}
		}
		return id, "", err
	}, rule)
}

// propose finds the incident and the duty that a proposal is about, and enters it. rule is asked for only
// where there may be no duty.
func (s *Service) propose(ctx context.Context, sc evidence.Scope, kind DecisionKind, p Proposal,
	about func(Tx) (incident.ID, string, error), rule ...string) (DecisionView, error) {
	if err := mayPropose(sc); err != nil {
		return DecisionView{}, err
	}
	var v DecisionView
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		id, duty, err := about(tx)
		if err != nil {
			return err
		}
		in, err := s.work(ctx, tx, id, false, false)
		if err != nil {
			return err
		}
		d := Decision{Kind: kind, Rule: strings.Join(rule, "")}
		if i := slices.IndexFunc(in.duties, func(row Duty) bool { return row.ID == duty }); i >= 0 {
			row := in.duties[i]
			d.Duty, d.Rule, d.Addressee, d.Obligation = row.ID, row.Obligation.ID, row.Obligation.Addressee, &row.Obligation
		}
		if err := s.enterProposal(ctx, tx, in, &d, p); err != nil {
			return err
		}
		v, err = s.viewDecision(ctx, tx, sc, d)
		return err
	})
	return v, err
}

// mayPropose lets named persons who work on incidents or approve documents begin a decision.
func mayPropose(sc evidence.Scope) error {
	if sc.Actor.Kind != evidence.Person {
		return incident.NewFault(incident.Forbidden, "only a named person can decide about a duty")
	}
	if access.Can(sc, access.Work) {
		return nil
	}
	return access.Require(sc, access.Approve)
}

// enterProposal checks a proposal, keeps what it rests on and asks for a second person.
func (s *Service) enterProposal(ctx context.Context, tx Tx, in *situation, d *Decision, p Proposal) error {
	d.ID, d.Incident, d.State, d.Reason = evidence.NewID("dcn"), in.incident.ID, DecisionProposed, strings.TrimSpace(p.Reason)
	d.ProposedBy, d.ProposedAt, d.UpdatedAt = tx.Scope().Actor.ID, tx.Now(), tx.Now()
	d.FactRevision, d.RulesVersion, d.ProfileHash = in.facts.Revision, in.derived.RulesVersion, in.derived.ProfileHash
	d.Grades = in.derived.Result.Grades
	problems := reasonProblems("/reason", d.Reason)
	if d.Kind == DecideHold {
		problems = append(problems, d.asked(p, tx.Now())...)
	}
	if len(problems) > 0 {
		return incident.InvalidInput(problems)
	}
	all, err := tx.Decisions(ctx, in.incident.ID)
	if err != nil {
		return err
	}
	if err := allow(in, d, p, all); err != nil {
		return err
	}
	d.Facts = in.resting(in.law.RestsOn(d.Rule))
	if d.Evidence, err = keepProofs(ctx, tx, in.incident.ID, "/evidence", p.Evidence); err != nil {
		return err
	}
	task := Task{Kind: TaskDecide, Title: prefixed(toConfirm[d.Kind], d.title()), Decision: d.ID, DueAt: in.dueOf(d.Duty)}
	if d.Task, err = openTaskOf(ctx, tx, in.incident.ID, task); err != nil {
		return err
	}
	commit := map[string]string{"reason": d.Reason}
	for _, f := range d.Facts {
		commit["fact:"+f.Path] = f.Hash
	}
	for _, e := range d.Evidence {
		commit["evidence:"+e.File] = e.SHA256
	}
	noteDecision(tx, *d, "decision.proposed", commit)
	return tx.PutDecision(ctx, *d)
}

// asked takes over who asks for a hold, and until when.
func (d *Decision) asked(p Proposal, now time.Time) []incident.Problem {
	d.Authority, d.Reference, d.Letter = strings.TrimSpace(p.Authority), strings.TrimSpace(p.Reference), p.Letter
	d.StopsClock = d.Obligation != nil && d.Obligation.Hold != nil
	var out []incident.Problem
	if d.Authority == "" || utf8.RuneCountInString(d.Authority) > 200 {
		out = append(out, incident.Problem{Pointer: "/authority", Rule: "required", Message: "say which authority asked for it, in at most 200 characters"})
	}
	if utf8.RuneCountInString(d.Reference) > 200 {
		out = append(out, incident.Problem{Pointer: "/reference", Rule: "max-length", Message: "at most 200 characters"})
	}
	if p.Until == nil || !p.Until.After(now) {
		return append(out, incident.Problem{Pointer: "/until", Rule: "future", Message: "say when the hold ends by itself; that must lie in the future"})
	}
	until := p.Until.UTC().Truncate(time.Microsecond)
	d.ExpiresAt = &until
	return out
}

// allow refuses what the law or the register does not allow, and fills in what the decision is about.
func allow(in *situation, d *Decision, p Proposal, all []Decision) error {
	if in.incident.Mode == incident.Imported {
		return incident.NewFault(incident.Conflict, "an imported incident has no duties to decide about")
	}
	if len(in.problems) > 0 {
		return unsettled()
	}
	for _, other := range all {
		if other.Rule == d.Rule && other.Duty == d.Duty && other.Kind == d.Kind && other.State == DecisionProposed {
			return incident.NewFault(incident.Conflict, "the same is proposed already and waits for a second person")
		}
	}
	row := in.duty(d.Duty)
	if row == nil && d.Kind != DecideNotNotify {
		return incident.NewFault(incident.NotFound, "not found")
	}
	switch d.Kind {
	case DecideExempt:
		return allowExempt(in, d, row, p.Exemption)
	case DecideNotNotify:
		return allowNotNotify(in, d, row, all)
	case DecideHold:
		return allowHold(row)
	case DecideDeadline:
		return allowDeadline(in, d, row)
	case DecideRelease:
		return allowRelease(d, row, all)
	}
	return incident.InvalidInput([]incident.Problem{{Pointer: "/kind", Rule: "enum", Message: "there is no such decision"}})
}

// allowExempt wants an exemption that the law gives this duty, that nothing rules out, and whose condition holds.
func allowExempt(in *situation, d *Decision, row *Duty, id string) error {
	if err := nothingStands(row); err != nil {
		return err
	}
	grounds := slices.DeleteFunc(in.law.Grounds(in.input(), d.Rule), func(g obligation.Ground) bool { return !g.Covers(row.Obligation.Addressee) })
	if id == "" && len(grounds) == 1 {
		id = grounds[0].ID
	}
	i := slices.IndexFunc(grounds, func(g obligation.Ground) bool { return g.ID == id })
	if i < 0 {
		return incident.InvalidInput([]incident.Problem{{Pointer: "/exemption", Rule: "known", Message: "the law gives this duty no such exemption"}})
	}
	g := grounds[i]
	switch {
	case g.Never:
		return incident.NewFault(incident.Conflict, "this exemption is never applied here: minors are concerned, or something else that rules it out")
	case !g.Holds && len(g.Open) > 0:
		return incident.NewFault(incident.Conflict, "it is not known whether this exemption could apply; settle first: %s", strings.Join(g.Open, ", "))
	case !g.Holds:
		return incident.NewFault(incident.Conflict, "the condition of this exemption does not hold")
	}
	d.Exemption = &g.Exemption
	return nil
}

// nothingStands wants a duty that is owed and that no decision stands on.
func nothingStands(row *Duty) error {
	if !live(*row) || row.State == obligation.Met || row.Decision != "" {
		return incident.NewFault(incident.Conflict, "the duty is %s: there is nothing to exempt", row.State)
	}
	return nil
}

func unsettled() error {
	return incident.NewFault(incident.Conflict, "facts contradict each other: settle that first")
}

// allowNotNotify wants facts that give no duty, and leave none open.
func allowNotNotify(in *situation, d *Decision, row *Duty, all []Decision) error {
	if !slices.ContainsFunc(in.law.Rules(), func(r obligation.Rule) bool { return r.ID == d.Rule }) {
		return incident.InvalidInput([]incident.Problem{{Pointer: "/rule", Rule: "rule", Message: "no rule has this id"}})
	}
	if slices.ContainsFunc(all, func(o Decision) bool { return o.Kind == DecideNotNotify && o.Rule == d.Rule && o.Standing() }) {
		return incident.NewFault(incident.Conflict, "this is decided already")
	}
	if row != nil && row.State == obligation.Met {
		return incident.NewFault(incident.Conflict, "the duty is met")
	}
	if why, ok := in.owes(d.Rule, d.Addressee); ok {
		return incident.NewFault(incident.Conflict, "%s", why)
	}
	d.Because = in.whyNot(d.Rule)
	return nil
}

func allowHold(row *Duty) error {
	if !live(*row) || row.State == obligation.Met {
		return incident.NewFault(incident.Conflict, "the duty is %s: there is nothing to hold", row.State)
	}
	return nil
}

// allowDeadline wants a derived clock that is later than the one that stands.
func allowDeadline(in *situation, d *Decision, row *Duty) error {
	o, owed := in.obligation(row.Obligation)
	if !owed || !live(*row) || row.State == obligation.Met || !movesBack(row.Obligation, o) {
		return incident.NewFault(incident.Conflict, "no later deadline follows from the facts: change the anchor first")
	}
	d.OldDeadline, d.Deadline = row.Obligation.Deadline, o.Deadline
	return nil
}

func allowRelease(d *Decision, row *Duty, all []Decision) error {
	for _, o := range slices.Backward(all) {
		if o.Duty == row.ID && o.Standing() {
			d.Ends = o.ID
			return nil
		}
	}
	return incident.NewFault(incident.Conflict, "no exemption or hold stands on this duty")
}

func reasonProblems(pointer, reason string) []incident.Problem {
	switch {
	case reason == "":
		return []incident.Problem{{Pointer: pointer, Rule: "required", Message: "say why"}}
	case utf8.RuneCountInString(reason) > maxReason:
		return []incident.Problem{{Pointer: pointer, Rule: "max-length", Message: "at most 4000 characters"}}
	}
	return nil
}
