package incident

import (
	"context"
	"fmt"
	"time"

	"tocsin/incident/evidence"
)

// Amendment is a change of facts by a person or tool (PATCH /incidents/{id}); a nil value means "now unknown".
type Amendment struct {
	Source         string
	At             time.Time
	Reason         string
	Facts          []FactInput
	Title, Summary *string
}

// reasonPath keeps why an amendment was made, beside the facts of its revision.
const reasonPath = "reason"

// Amend adds the amendment's facts as a new revision ("incident.revised"). Facts that only a person
// decides are left out with a warning when a tool amends.
func Amend(ctx context.Context, tx Tx, id ID, a Amendment) (Recorded, error) {
	inc, held, err := lock(ctx, tx, id)
	if err != nil {
		return Recorded{}, err
	}
	actor, now := tx.Scope().Actor, tx.Now()
	if a.At.After(now) {
		a.At = now // nobody's word outranks what is said later
	}
	inputs, warnings, problems := a.words()
	w := witness{actor: actor, source: amender(actor, a.Source), at: a.At, now: now}
	facts, more, faults := w.testify(append(inputs, a.Facts...))
	if problems = append(problems, faults...); len(problems) > 0 {
		return Recorded{}, InvalidInput(problems)
	}
	c := change{inc: inc, held: held, added: facts, kind: "incident.revised", reason: CleanText(a.Reason, longestText)}
	if c.reason != "" && len(c.news()) > 0 {
		why, _, _ := w.testify([]FactInput{{Path: reasonPath, Value: c.reason}})
		c.added = append(c.added, why...)
	}
	r, err := c.commit(ctx, tx)
	r.Warnings = append(warnings, more...)
	return r, err
}

// words are the amended title and summary as facts.
func (a Amendment) words() (inputs []FactInput, warnings, problems []Problem) {
	if a.Title != nil {
		title, masked := CleanTitle(*a.Title)
		if title == "" {
			problems = append(problems, Problem{Pointer: "/title", Rule: "required", Message: "must not be empty"})
		}
		if masked {
			warnings = append(warnings, personalInTitle())
		}
		inputs = append(inputs, FactInput{Path: TitlePath, Value: title, Pointer: "/title"})
	}
	if a.Summary != nil {
		inputs = append(inputs, FactInput{Path: SummaryPath, Value: CleanText(*a.Summary, longestText), Pointer: "/summary"})
	}
	return inputs, warnings, problems
}

// amender is the source of an amendment: the person, unless it names the tool it passes on.
func amender(actor evidence.Actor, source string) string {
	if source == "" && actor.Kind == evidence.Tool {
		source = actor.ID
	}
	return sourceName(actor, source, "")
}

// Load reads an incident with its facts resolved.
func Load(ctx context.Context, tx Tx, id ID) (Incident, Snapshot, error) {
	inc, err := tx.Incident(ctx, id)
	if err != nil {
		return Incident{}, Snapshot{}, fmt.Errorf("load incident: %w", err)
	}
	facts, err := tx.Facts(ctx, id)
	if err != nil {
		return Incident{}, Snapshot{}, fmt.Errorf("load facts: %w", err)
	}
	s := Resolve(facts)
	s.Revision = inc.Revision
	return inc, s, nil
}
