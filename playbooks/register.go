package playbooks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// situation is an incident as one transaction sees it: what is held true and what follows from it.
type situation struct {
	incident  incident.Incident
	facts     incident.Snapshot
	object    map[string]any // the facts, nested
	profile   obligation.Profile
	derived   Derivation
	duties    []Duty
	problems  []incident.Problem   // why nothing can be derived from the facts
	submitted []incident.FactInput // filings that other duties start from, to be recorded
	law       *obligation.Engine   // the rules that it is derived with
	asOf      time.Time
	accepted  bool // a person has accepted this program's rules
}

// observe locks an incident and reads it.
func observe(ctx context.Context, tx Tx, id incident.ID) (*situation, error) {
	if _, err := tx.LockIncident(ctx, id); err != nil {
		return nil, err
	}
	return look(ctx, tx, id)
}

// look reads an incident as it stands.
func look(ctx context.Context, tx Tx, id incident.ID) (*situation, error) {
	s := &situation{}
	var err error
	if s.incident, s.facts, err = incident.Load(ctx, tx, id); err != nil {
		return nil, err
	}
	s.object = s.facts.Object()
	s.profile, _, err = tx.Profile(ctx)
	if incident.IsFault(err, incident.NotFound) {
		s.profile, err = obligation.Profile{Operator: tx.Scope().Operator}, nil
	}
	if err != nil {
		return nil, err
	}
	s.duties, err = tx.Duties(ctx, id)
	return s, err
}

// register derives what follows from the facts and brings the incident's duties in line. later accepts
// deadlines that move back; without it the earlier one stands.
func (s *Service) register(ctx context.Context, tx Tx, in *situation, later bool) error {
	before, err := tx.Derivation(ctx, in.incident.ID)
	if err != nil {
		return err
	}
	in.asOf = tx.Now()
	if in.law, err = s.rulesOf(ctx, tx, in, before); err != nil {
		return err
	}
	result, problems := in.law.Derive(in.input())
	profile, err := json.Marshal(in.profile)
	if err != nil {
		return fmt.Errorf("encode profile: %w", err)
	}
	in.derived = Derivation{Incident: in.incident.ID, FactRevision: in.facts.Revision, ProfileHash: hashOf(profile),
		RulesVersion: in.law.Version(), Result: result, At: tx.Now()}
	if in.problems = problems; len(problems) > 0 {
		in.derived.Result = unanswered(before, problems)
	}
	if before != nil && sameDerivation(*before, in.derived) {
		in.derived = *before
	} else if err := keep(ctx, tx, before, in.derived, profile, in.law); err != nil {
		return err
	}
	if len(problems) > 0 || in.incident.Mode == incident.Imported {
		return nil // nothing derivable leaves the register as it is; what is imported starts no clock
	}
	if err := reconcile(ctx, tx, in, before, later); err != nil {
		return err
	}
	return s.review(ctx, tx, in)
}

// keep stores a derivation and freezes the rules and the profile that it rests on.
func keep(ctx context.Context, tx Tx, before *Derivation, d Derivation, profile []byte, law *obligation.Engine) error {
	if before == nil || before.RulesVersion != d.RulesVersion {
		if err := tx.Freeze(ctx, templates.Artefact{Kind: "rules", Name: "law", Hash: d.RulesVersion, Body: law.Bundle(), At: tx.Now()}); err != nil {
			return err
		}
	}
	if before == nil || before.ProfileHash != d.ProfileHash {
		if err := tx.Freeze(ctx, templates.Artefact{Kind: "profile", Name: tx.Scope().Operator, Hash: d.ProfileHash, Body: profile, At: tx.Now()}); err != nil {
			return err
		}
	}
	result, err := json.Marshal(d.Result)
	if err != nil {
		return fmt.Errorf("encode derivation: %w", err)
	}
	note(tx, d.Incident, "derivation.made", map[string]string{"revision": fmt.Sprint(d.FactRevision),
		"digest": d.RulesVersion, "count": fmt.Sprint(len(d.Result.Obligations))}, map[string]string{"result": string(result)})
	return tx.PutDerivation(ctx, d)
}

// unanswered keeps the last answer and puts the contradictions in the facts before its open questions.
func unanswered(before *Derivation, problems []incident.Problem) obligation.Result {
	var r obligation.Result
	if before != nil {
		r = before.Result
	}
	var open []obligation.Question
	for _, p := range problems {
		fact := strings.ReplaceAll(strings.TrimPrefix(p.Pointer, "/facts/"), "/", ".")
		open = append(open, obligation.Question{Fact: fact, Decides: []string{p.Rule}, Text: contradiction(p)})
	}
	known := func(q obligation.Question) bool {
		return slices.ContainsFunc(open, func(o obligation.Question) bool { return o.Fact == q.Fact })
	}
	r.OpenQuestions = append(open, slices.DeleteFunc(slices.Clone(r.OpenQuestions), known)...)
	return r
}

func contradiction(p incident.Problem) map[string]string {
	return map[string]string{"en": "These facts cannot all be right: " + p.Message + ". Which is?", "zh-Hans": "已填写的事实互相矛盾，请核对并更正这一项。"}
}

// sameDerivation compares answers; that time has passed without changing one makes no difference.
func sameDerivation(a, b Derivation) bool {
	return a.FactRevision == b.FactRevision && a.ProfileHash == b.ProfileHash && a.RulesVersion == b.RulesVersion &&
		same(timeless(a.Result), timeless(b.Result))
}

func timeless(r obligation.Result) obligation.Result {
	r.AsOf = time.Time{}
	return r
}

// same compares as stored: two values are the same when their JSON is.
func same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// reconcile makes the register say what was derived: duties appear, change, come back or lapse. A duty
// that is met stays met.
func reconcile(ctx context.Context, tx Tx, in *situation, before *Derivation, later bool) error {
	why, err := cause(ctx, tx, in, before)
	if err != nil {
		return err
	}
	derived := map[string]obligation.Obligation{}
	for _, o := range in.derived.Result.Obligations {
		derived[key(o)] = o
	}
	for i, d := range in.duties {
		o, owed := derived[key(d.Obligation)]
		delete(derived, key(d.Obligation))
		if d.Obligation.ID == LetterRule {
			o, owed = letterNow(d.Obligation, tx.Now()), true // an authority's own word: no rule gives or takes it
		}
		next, kind := follow(d, o, owed, why, later, tx.Now())
		if same(next, d) {
			continue
		}
		if err := putDuty(ctx, tx, &next, kind); err != nil {
			return err
		}
		in.duties[i] = next
	}
	for _, o := range in.derived.Result.Obligations {
		if _, fresh := derived[key(o)]; !fresh {
			continue
		}
		d := Duty{ID: evidence.NewID("obl"), Incident: in.incident.ID, Obligation: o, State: o.State, DerivedAt: tx.Now()}
		if err := putDuty(ctx, tx, &d, "duty.appeared"); err != nil {
			return err
		}
		in.duties = append(in.duties, d)
	}
	return nil
}

// follow is what becomes of one duty, and the ledger's word for it ("" when only its wording changed).
func follow(d Duty, o obligation.Obligation, owed bool, why string, later bool, now time.Time) (Duty, string) {
	switch {
	case owed && d.State == obligation.Met && nextRound(d, o):
		d.Obligation, d.State, d.Reason, d.MetBy, d.MetAt, d.DerivedAt = o, o.State, why, "", nil, now
		return d, "duty.appeared"
	case d.State == obligation.Met, !owed && d.State == obligation.Lapsed:
		return d, ""
	case !owed:
		d.State, d.Reason = obligation.Lapsed, why
		return d, "duty.lapsed"
	}
	next, back := d, d.State == obligation.Lapsed
	next.Obligation, next.Later = o, nil
	decided := d.Obligation.Provisional && !o.Provisional // a person decided when we became aware
	switch {
	case movesBack(d.Obligation, o) && !later && !decided: // nor does lapsing and coming back win time
		next.Obligation, next.Reason = withClock(o, d.Obligation, now), EarlierStands
		next.Later = &LaterClock{Anchor: o.Anchor, Start: o.Start, Deadline: o.Deadline, LegalLimit: o.LegalLimit}
	case back, !sameClock(d.Obligation, o):
		next.Reason = why
	case d.Reason == EarlierStands:
		next.Reason = ""
	}
	if d.State != obligation.Exempt && d.State != obligation.OnHold {
		next.State = next.Obligation.State
	}
	switch {
	case back:
		next.DerivedAt = now
		return next, "duty.appeared"
	case next.State == d.State && sameClock(d.Obligation, next.Obligation):
		return next, ""
	}
	return next, "duty.changed"
}

// nextRound reports that a duty that repeats is owed again: what starts its clock has moved on since it was met.
func nextRound(d Duty, o obligation.Obligation) bool {
	if !o.Repeats || o.Start == nil || d.MetAt == nil || d.Obligation.Start != nil && !o.Start.After(*d.Obligation.Start) {
		return false
	}
	return !o.Start.Before(d.MetAt.Truncate(time.Microsecond)) // its own filing may be what starts the next round
}

// movesBack reports that a deadline would come later than the one we hold, or vanish.
func movesBack(old, derived obligation.Obligation) bool {
	return old.Deadline != nil && (derived.Deadline == nil || derived.Deadline.After(*old.Deadline))
}

// withClock is an obligation with the clock of another, at an instant.
func withClock(o, clock obligation.Obligation, now time.Time) obligation.Obligation {
	o.Anchor, o.AnchorFrom, o.AnchorNote = clock.Anchor, clock.AnchorFrom, clock.AnchorNote
	o.Start, o.Deadline, o.LegalLimit = clock.Start, clock.Deadline, clock.LegalLimit
	o.Provisional, o.Imprecise = clock.Provisional, clock.Imprecise
	switch {
	case o.State == obligation.AssessmentOpen:
	case now.Before(*o.Deadline):
		o.State = obligation.Running
	default:
		o.State = obligation.Overdue
	}
	return o
}

func sameClock(a, b obligation.Obligation) bool {
	return a.Anchor == b.Anchor && a.Provisional == b.Provisional && sameTime(a.Start, b.Start) &&
		sameTime(a.Deadline, b.Deadline) && sameTime(a.LegalLimit, b.LegalLimit)
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

func key(o obligation.Obligation) string { return o.ID + " " + o.Addressee }

// putDuty stores a duty and, when kind says that something happened to it, records that.
func putDuty(ctx context.Context, tx Tx, d *Duty, kind string) error {
	d.UpdatedAt = tx.Now()
	if kind != "" {
		refs := map[string]string{"duty": d.ID, "rule": d.Obligation.ID, "addressee": d.Obligation.Addressee, "state": string(d.State)}
		commit := map[string]string{"reason": d.Reason, "rule_version": d.Obligation.RuleVersion}
		if d.Obligation.Deadline != nil {
			commit["deadline"] = d.Obligation.Deadline.UTC().Format(time.RFC3339Nano)
		}
		if d.MetBy != "" {
			refs["document"] = d.MetBy
		}
		note(tx, d.Incident, kind, refs, commit)
	}
	return tx.PutDuty(ctx, *d)
}

// cause says in words what has changed since the last derivation.
func cause(ctx context.Context, tx Tx, in *situation, before *Derivation) (string, error) {
	switch {
	case before == nil:
		return "", nil
	case before.FactRevision != in.facts.Revision:
		facts, err := tx.Facts(ctx, in.incident.ID)
		if err != nil {
			return "", err
		}
		var paths []string
		for _, f := range facts {
			if f.Revision > before.FactRevision && isFact(f.Path) {
				paths = append(paths, f.Path)
			}
		}
		slices.Sort(paths)
		return FactsChanged + ": " + strings.Join(slices.Compact(paths), ", "), nil
	case before.ProfileHash != in.derived.ProfileHash:
		return ProfileChanged, nil
	case before.RulesVersion != in.derived.RulesVersion:
		return RulesChanged, nil
	}
	return TimeWentOn, nil
}

// note writes to the incident's ledger and publishes the event of the same name.
func note(tx Tx, id incident.ID, kind string, refs, commit map[string]string) {
	tx.AppendLedger(evidence.Draft{Chain: string(id), Kind: kind, Refs: refs, Commit: commit})
	tx.Emit(incident.Event{Kind: kind, Incident: id, Refs: refs})
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
