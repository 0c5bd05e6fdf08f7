package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// Ruleset is the difference that a newer rule set would make to an incident.
type Ruleset struct {
	Incident   incident.ID    `json:"incident"`
	Held       string         `json:"held"`                 // version that the incident's duties come from
	Current    string         `json:"current"`              // version of this program
	Same       bool           `json:"same"`                 // nothing would differ
	Unreadable bool           `json:"unreadable,omitempty"` // this program cannot read the version that is held
	Appear     []RulesetDuty  `json:"appear"`
	Disappear  []RulesetDuty  `json:"disappear"`
	Change     []RulesetDuty  `json:"change"`
	Grades     []RulesetGrade `json:"grades"`
}

// RulesetDuty is a duty before and after; nil where there is none.
type RulesetDuty struct {
	Rule      string                 `json:"rule"`
	Addressee string                 `json:"addressee"`
	Title     map[string]string      `json:"title"`
	Before    *obligation.Obligation `json:"before"`
	After     *obligation.Obligation `json:"after"`
	Differs   []string               `json:"differs,omitempty"` // deadline, state, content, exemptions, hold, met_by
}

// RulesetGrade is a grade before and after; "" where there is none.
type RulesetGrade struct {
	Scheme string `json:"scheme"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// rulesOf is the rule set that an incident is derived with: the one it was derived with before, until a
// named person accepts this program's, unless the answer is the same or the old rules cannot be read.
func (s *Service) rulesOf(ctx context.Context, tx Tx, in *situation, before *Derivation) (*obligation.Engine, error) {
	if before == nil || before.RulesVersion == s.engine.Version() || in.incident.Mode == incident.Imported {
		return s.engine, nil
	}
	if in.accepted {
		return s.engine, dropRulesTask(ctx, tx, in.incident.ID, TaskDone, "")
	}
	old, err := s.frozenRules(ctx, tx, before.RulesVersion)
	if err != nil {
		return nil, err
	}
	state := "unreadable"
	if old != nil {
		if d := difference(old, s.engine, in.input()); !d.Same {
			return old, s.askRules(ctx, tx, in.incident.ID)
		}
		state = "same"
	}
	noteRules(tx, in.incident.ID, before.RulesVersion, s.engine.Version(), state, nil)
	return s.engine, dropRulesTask(ctx, tx, in.incident.ID, TaskDropped, "")
}

// frozenRules compiles an earlier program's rules once; nil when this program cannot read them.
func (s *Service) frozenRules(ctx context.Context, tx Tx, version string) (*obligation.Engine, error) {
	if kept, ok := s.old.Load(version); ok {
		return kept.(*obligation.Engine), nil
	}
	a, err := tx.Artefact(ctx, "rules", version)
	if incident.IsFault(err, incident.NotFound) {
		return nil, nil // not remembered: another operator may have it
	}
	if err != nil {
		return nil, fmt.Errorf("load frozen rules: %w", err)
	}
	engine, err := obligation.OpenBundle(a.Body)
	if err != nil {
		engine = nil
	}
	s.old.Store(version, engine)
	return engine, nil
}

// difference holds two rule sets against each other. Wording does not count; what is owed does.
func difference(old, current *obligation.Engine, in obligation.Input) Ruleset {
	r := Ruleset{Held: old.Version(), Current: current.Version(), Appear: []RulesetDuty{}, Disappear: []RulesetDuty{},
		Change: []RulesetDuty{}, Grades: []RulesetGrade{}}
	before, wasWrong := old.Derive(in)
	after, isWrong := current.Derive(in)
	was := map[string]obligation.Obligation{}
	for _, o := range before.Obligations {
		was[key(o)] = o
	}
	for _, o := range after.Obligations {
		b, owed := was[key(o)]
		delete(was, key(o))
		d := RulesetDuty{Rule: o.ID, Addressee: o.Addressee, Title: o.Title, After: &o}
		if !owed {
			r.Appear = append(r.Appear, d)
		} else if d.Before, d.Differs = &b, differs(b, o); len(d.Differs) > 0 {
			r.Change = append(r.Change, d)
		}
	}
	for _, o := range before.Obligations {
		if b, gone := was[key(o)]; gone {
			r.Disappear = append(r.Disappear, RulesetDuty{Rule: b.ID, Addressee: b.Addressee, Title: b.Title, Before: &b})
		}
	}
	r.Grades = regrades(before.Grades, after.Grades)
	r.Same = len(r.Appear)+len(r.Disappear)+len(r.Change)+len(r.Grades) == 0 && len(wasWrong) == len(isWrong)
	return r
}

// differs names what is another about a duty.
func differs(a, b obligation.Obligation) (out []string) {
	for _, part := range []struct {
		name string
		same bool
	}{
		{"deadline", sameClock(a, b)}, {"state", a.State == b.State}, {"kind", a.Kind == b.Kind && a.Voluntary == b.Voluntary},
		{"content", slices.Equal(a.ContentItems, b.ContentItems)}, {"met_by", slices.Equal(a.MetBy, b.MetBy)},
		{"exemptions", slices.EqualFunc(a.Exemptions, b.Exemptions, func(x, y obligation.Exemption) bool { return x.ID == y.ID })},
		{"hold", (a.Hold == nil) == (b.Hold == nil)},
	} {
		if !part.same {
			out = append(out, part.name)
		}
	}
	return out
}

func regrades(before, after []obligation.Grade) []RulesetGrade {
	out := []RulesetGrade{}
	was := map[string]string{}
	for _, g := range before {
		was[g.Scheme] = g.Grade
	}
	for _, g := range after {
		if was[g.Scheme] != g.Grade {
			out = append(out, RulesetGrade{Scheme: g.Scheme, Before: was[g.Scheme], After: g.Grade})
		}
		delete(was, g.Scheme)
	}
	for _, g := range before {
		if grade, gone := was[g.Scheme]; gone {
			out = append(out, RulesetGrade{Scheme: g.Scheme, Before: grade})
		}
	}
	return out
}

var rulesTitle = map[string]string{
	"zh-Hans": "法规规则已更新，本事件的义务将有变化：核对差异并决定是否采用", "en": "The rules have changed and this incident's duties would differ: look at the difference and decide",
}

// askRules keeps exactly one open task that asks about this program's rules.
func (s *Service) askRules(ctx context.Context, tx Tx, id incident.ID) error {
	tasks, err := tx.Tasks(ctx, id)
	if err != nil {
		return err
	}
	// One that a person has completed was answered: the incident keeps to its rules.
	asks := func(t Task) bool { return t.State != TaskDropped && t.Rules == s.engine.Version() }
	if slices.ContainsFunc(tasks, asks) {
		return nil
	}
	if err := dropRulesTask(ctx, tx, id, TaskDropped, ""); err != nil {
		return err
	}
	_, err = openTaskOf(ctx, tx, id, Task{Kind: TaskDecide, Title: rulesTitle, Rules: s.engine.Version()})
	return err
}

// dropRulesTask ends every open task about a rule set.
func dropRulesTask(ctx context.Context, tx Tx, id incident.ID, state, by string) error {
	tasks, err := tx.Tasks(ctx, id)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if t.Rules == "" || t.State != TaskOpen {
			continue
		}
		if by == "" && state == TaskDone {
			by = tx.Scope().Actor.ID
		}
		if err := endTaskOf(ctx, tx, &t.ID, state, by); err != nil {
			return err
		}
	}
	return nil
}

func noteRules(tx Tx, id incident.ID, from, to, state string, commit map[string]string) {
	note(tx, id, "ruleset.changed", map[string]string{"from": from, "digest": to, "state": state}, commit)
}

// Ruleset says what the program's rules would change in an incident that keeps to older ones.
func (s *Service) Ruleset(ctx context.Context, sc evidence.Scope, id incident.ID) (r Ruleset, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return r, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		in, err := look(ctx, tx, id)
		if err != nil {
			return err
		}
		before, err := tx.Derivation(ctx, id)
		if err != nil {
			return err
		}
		in.asOf = tx.Now()
		old := s.engine
		if before != nil && before.RulesVersion != s.engine.Version() {
			if old, err = s.frozenRules(ctx, tx, before.RulesVersion); err != nil {
				return err
			}
		}
		if old == nil {
			r = difference(s.engine, s.engine, in.input())
			r.Held, r.Unreadable = before.RulesVersion, true
		} else {
			r = difference(old, s.engine, in.input())
		}
		r.Incident = id
		return nil
	})
	return r, err
}

// AcceptRuleset moves an incident to the program's rules. version is the one that the person has seen.
func (s *Service) AcceptRuleset(ctx context.Context, sc evidence.Scope, id incident.ID, version, reason string) (Reported, error) {
	if err := mayPropose(sc); err != nil {
		return Reported{}, err
	}
	reason = strings.TrimSpace(reason)
	if problems := reasonProblems("/reason", reason); len(problems) > 0 {
		return Reported{}, incident.InvalidInput(problems)
	}
	var out Reported
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		if _, err := tx.LockIncident(ctx, id); err != nil {
			return err
		}
		before, err := tx.Derivation(ctx, id)
		switch {
		case err != nil:
			return err
		case version != s.engine.Version():
			return incident.NewFault(incident.Stale, "the rules have changed again since; look at the difference")
		case before == nil || before.RulesVersion == version:
			return incident.NewFault(incident.Conflict, "the incident keeps to these rules already")
		}
		noteRules(tx, id, before.RulesVersion, version, "accepted", map[string]string{"reason": reason})
		in, err := s.workWith(ctx, tx, id, true, false, true)
		if err != nil {
			return err
		}
		if len(in.problems) > 0 {
			return incident.InvalidInput(in.problems)
		}
		out = Reported{Recorded: incident.Recorded{ID: id, Revision: in.facts.Revision}, Derivation: in.derived, Duties: in.duties}
		return nil
	})
	return out, err
}

// holdAgainstRules has every open incident that keeps to other rules looked at, once after the program's
// rules have changed.
func (s *Service) holdAgainstRules(ctx context.Context, operator string) error {
	version := s.engine.Version()
	if held, ok := s.held.Load(operator); ok && held == version {
		return nil
	}
	system := evidence.System(operator)
	var seen string
	err := s.store.View(ctx, system, func(tx Tx) (err error) {
		seen, err = tx.RulesSeen(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if seen != version {
		if err := s.lookAgain(ctx, system, version); err != nil {
			return err
		}
	}
	s.held.Store(operator, version)
	return nil
}

// lookAgain sets a timer for each open incident of other rules, page by page, and remembers that it did.
func (s *Service) lookAgain(ctx context.Context, sc evidence.Scope, version string) error {
	page := incident.Page{Limit: 200}
	for {
		var list []incident.Incident
		err := s.store.InTx(ctx, sc, func(tx Tx) (err error) {
			if list, err = tx.Incidents(ctx, page); err != nil {
				return err
			}
			for _, inc := range list {
				if err := wakeForRules(ctx, tx, inc, version); err != nil {
					return err
				}
			}
			if len(list) < page.Limit {
				return tx.SeeRules(ctx, version)
			}
			return nil
		})
		if err != nil || len(list) < page.Limit {
			return err
		}
		page.After = string(list[len(list)-1].ID)
	}
}

func wakeForRules(ctx context.Context, tx Tx, inc incident.Incident, version string) error {
	if inc.State != incident.Open || inc.Mode == incident.Imported {
		return nil
	}
	d, err := tx.Derivation(ctx, inc.ID)
	if err != nil || d == nil || d.RulesVersion == version {
		return err
	}
	now := tx.Now()
	return setTimer(ctx, tx, Timer{ID: "derive/" + string(inc.ID), Incident: inc.ID, Kind: timerDerive}, &now)
}
