package playbooks

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// Decision reads one.
func (s *Service) Decision(ctx context.Context, sc evidence.Scope, id string) (v DecisionView, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return v, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Decision(ctx, id)
		if err != nil {
			return err
		}
		v, err = s.viewDecision(ctx, tx, sc, d)
		return err
	})
	return v, err
}

// Decisions lists those about one duty, oldest first.
func (s *Service) Decisions(ctx context.Context, sc evidence.Scope, duty string) ([]DecisionView, error) {
	return s.decisions(ctx, sc, func(tx Tx) (incident.ID, error) {
		d, err := tx.Duty(ctx, duty)
		return d.Incident, err
	}, func(d Decision) bool { return d.Duty == duty })
}

// IncidentDecisions lists all of an incident, oldest first.
func (s *Service) IncidentDecisions(ctx context.Context, sc evidence.Scope, id incident.ID) ([]DecisionView, error) {
	return s.decisions(ctx, sc, func(tx Tx) (incident.ID, error) {
		_, err := tx.Incident(ctx, id)
		return id, err
	}, func(Decision) bool { return true })
}

func (s *Service) decisions(ctx context.Context, sc evidence.Scope, of func(Tx) (incident.ID, error), want func(Decision) bool) (out []DecisionView, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		id, err := of(tx)
		if err != nil {
			return err
		}
		out, err = s.viewDecisions(ctx, tx, sc, id, want)
		return err
	})
	return out, err
}

func (s *Service) viewDecisions(ctx context.Context, tx Tx, sc evidence.Scope, id incident.ID, want func(Decision) bool) ([]DecisionView, error) {
	all, err := tx.Decisions(ctx, id)
	if err != nil {
		return nil, err
	}
	out := []DecisionView{}
	for _, d := range all {
		if !want(d) {
			continue
		}
		v, err := s.viewDecision(ctx, tx, sc, d)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Service) viewDecision(ctx context.Context, tx Tx, sc evidence.Scope, d Decision) (DecisionView, error) {
	v := DecisionView{Decision: d, Reopens: d.reopens()}
	switch err := mayConfirm(sc, d); {
	case d.State != DecisionProposed:
		v.WhyNot = "it is " + string(d.State)
	case err != nil:
		v.WhyNot = err.Error()
	default:
		v.CanConfirm = true
	}
	var err error
	v.Names, err = namesOf(ctx, tx, d.ProposedBy, d.DecidedBy)
	return v, err
}

// namesOf are the names of users; one who is gone is shown by id.
func namesOf(ctx context.Context, tx Tx, users ...string) (map[string]string, error) {
	names := map[string]string{}
	for _, id := range users {
		if id == "" || names[id] != "" {
			continue
		}
		u, err := tx.User(ctx, id)
		if err != nil && !incident.IsFault(err, incident.NotFound) {
			return nil, err
		}
		names[id] = cmp.Or(u.Name, u.Login, id)
	}
	return names, nil
}

// signers are the persons whose decision it was.
func (d Decision) signers() (users []string) {
	for _, u := range []string{d.ProposedBy, d.DecidedBy} {
		if u != "" && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	return users
}

// title is what the decision is about, in words.
func (d Decision) title() map[string]string {
	if d.Obligation != nil && len(d.Obligation.Title) > 0 {
		return d.Obligation.Title
	}
	return map[string]string{"en": d.Rule, "zh-Hans": d.Rule}
}

// duty is the row of the register with an id, nil when there is none.
func (in *situation) duty(id string) *Duty {
	i := slices.IndexFunc(in.duties, func(d Duty) bool { return d.ID == id })
	if id == "" || i < 0 {
		return nil
	}
	return &in.duties[i]
}

// dueOf is when a duty is due, for whoever has to decide about it.
func (in *situation) dueOf(duty string) *time.Time {
	row := in.duty(duty)
	if row == nil {
		return nil
	}
	return earliest(row.Obligation.Deadline, row.Obligation.Target)
}

// obligation is what was derived now for the same rule and addressee.
func (in *situation) obligation(o obligation.Obligation) (obligation.Obligation, bool) {
	for _, derived := range in.derived.Result.Obligations {
		if key(derived) == key(o) {
			return derived, true
		}
	}
	return obligation.Obligation{}, false
}

// owes says that the facts give a duty of a rule, or leave open whether they do. An empty addressee means any.
func (in *situation) owes(rule, addressee string) (why string, ok bool) {
	for _, o := range in.derived.Result.Obligations {
		if o.ID == rule && (addressee == "" || o.Addressee == addressee) {
			return "the facts say that this is owed: correct them, or apply an exemption", true
		}
	}
	var open []string
	for _, q := range in.derived.Result.OpenQuestions {
		if slices.Contains(q.Decides, rule) {
			open = append(open, q.Fact)
		}
	}
	if len(open) > 0 {
		return "it is open whether this is owed; settle first: " + strings.Join(open, ", "), true
	}
	return "", false
}

// whyNot says in words why a rule gives no duty.
func (in *situation) whyNot(rule string) map[string]string {
	for _, r := range in.law.NotOwed(in.input()) {
		if r.ID == rule {
			return r.Texts
		}
	}
	return nil
}

func (in *situation) input() obligation.Input {
	return obligation.Input{AsOf: in.asOf, Facts: in.object, Profile: in.profile}
}

// resting are the known facts at or below paths, as they are now. A path may leave out "anchors.".
func (in *situation) resting(paths []string) []RestingFact {
	out := []RestingFact{}
	for _, path := range slices.Sorted(maps.Keys(in.facts.Facts)) {
		f := in.facts.Facts[path]
		named := slices.ContainsFunc(paths, func(p string) bool {
			return path == p || strings.HasPrefix(path, p+".") || path == "anchors."+p
		})
		if !named || f.Value == nil || f.Certainty == incident.Claimed {
			continue
		}
		value, _ := json.Marshal(f.Value) // a fact's value came from JSON
		out = append(out, RestingFact{Path: path, Value: f.Value, Hash: hashOf(value), Certainty: f.Certainty, Source: f.Source,
			At: f.At, Actor: f.Actor, Revision: f.Revision, RecordedAt: f.RecordedAt})
	}
	return out
}

// noteDecision records a step of a decision.
func noteDecision(tx Tx, d Decision, kind string, commit map[string]string) {
	refs := map[string]string{"decision": d.ID, "kind": string(d.Kind), "rule": d.Rule, "state": string(d.State), "revision": strconv.FormatInt(d.FactRevision, 10)}
	for name, value := range map[string]string{"duty": d.Duty, "addressee": d.Addressee, "ends": d.Ends, "letter": d.Letter} {
		if value != "" {
			refs[name] = value
		}
	}
	if d.Exemption != nil {
		refs["exemption"] = d.Exemption.ID
	}
	note(tx, d.Incident, kind, refs, commit)
}
