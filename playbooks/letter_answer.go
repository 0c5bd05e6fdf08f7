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

// AnswerLetter records the answer, which meets the letter's duty.
func (s *Service) AnswerLetter(ctx context.Context, sc evidence.Scope, id string, a Answer) (LetterView, error) {
	if err := mayRecord(sc); err != nil {
		return LetterView{}, err
	}
	var v LetterView
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		l, err := tx.Letter(ctx, id)
		if err != nil {
			return err
		}
		if _, err = tx.LockIncident(ctx, l.Incident); err != nil {
			return err
		}
		if l, err = tx.Letter(ctx, id); err != nil {
			return err
		}
		if l.State == LetterAnswered {
			return incident.NewFault(incident.Conflict, "the letter is answered already")
		}
		if problems := a.problems(l, tx.Now()); len(problems) > 0 {
			return incident.InvalidInput(problems)
		}
		if l.AnswerFile, err = keepProof(ctx, tx, l.Incident, "/file", a.File); err != nil {
			return err
		}
		if err := answered(ctx, tx, &l, a); err != nil {
			return err
		}
		if _, err := s.work(ctx, tx, l.Incident, false, false); err != nil {
			return err
		}
		v, err = viewLetter(ctx, tx, l)
		return err
	})
	return v, err
}

func (a Answer) problems(l Letter, now time.Time) []incident.Problem {
	c := &profileCheck{}
	c.want(!a.At.IsZero() && !a.At.After(now) && !a.At.Before(l.ReceivedAt), "/at", "past", "say when it was answered: after it came, and not in the future")
	c.want(strings.TrimSpace(a.Via) != "" && utf8.RuneCountInString(a.Via) <= 200, "/via", "required", "say how it was answered, in at most 200 characters")
	c.want(utf8.RuneCountInString(a.Receipt) <= 200, "/receipt_number", "max-length", "at most 200 characters")
	c.want(utf8.RuneCountInString(a.Text) <= 20_000, "/text", "max-length", "at most 20000 characters")
	return c.problems
}

// answered keeps the answer, meets the duty and ends the task.
func answered(ctx context.Context, tx Tx, l *Letter, a Answer) error {
	at := a.At.UTC().Truncate(time.Microsecond)
	l.State, l.AnsweredAt, l.AnsweredBy = LetterAnswered, &at, tx.Scope().Actor.ID
	l.Via, l.Receipt, l.Answer = strings.TrimSpace(a.Via), strings.TrimSpace(a.Receipt), strings.TrimSpace(a.Text)
	refs := map[string]string{"letter": l.ID, "kind": string(l.Kind), "addressee": l.Authority, "state": l.State}
	commit := map[string]string{"at": at.Format(time.RFC3339Nano), "via": l.Via, "receipt_number": l.Receipt, "text": l.Answer}
	if l.AnswerFile != nil {
		commit["file:"+l.AnswerFile.File] = l.AnswerFile.SHA256
	}
	if l.Duty != "" {
		d, err := tx.Duty(ctx, l.Duty)
		if err != nil {
			return err
		}
		d.State, d.Reason, d.MetAt = obligation.Met, ReasonAnswered, &at
		if err := putDuty(ctx, tx, &d, "duty.met"); err != nil {
			return err
		}
		refs["duty"] = d.ID
	}
	if err := endTaskOf(ctx, tx, &l.Task, TaskDone, l.AnsweredBy); err != nil {
		return err
	}
	note(tx, l.Incident, "letter.answered", refs, commit)
	return tx.PutLetter(ctx, *l)
}

// Letters lists an incident's, in order of recording.
func (s *Service) Letters(ctx context.Context, sc evidence.Scope, id incident.ID) (out []LetterView, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		if _, err := tx.Incident(ctx, id); err != nil {
			return err
		}
		out, err = lettersOf(ctx, tx, id)
		return err
	})
	return out, err
}

// Letter reads one.
func (s *Service) Letter(ctx context.Context, sc evidence.Scope, id string) (v LetterView, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return v, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		l, err := tx.Letter(ctx, id)
		if err != nil {
			return err
		}
		v, err = viewLetter(ctx, tx, l)
		return err
	})
	return v, err
}

// lettersOf shows an incident's letters.
func lettersOf(ctx context.Context, tx Tx, id incident.ID) ([]LetterView, error) {
	all, err := tx.Letters(ctx, id)
	if err != nil {
		return nil, err
	}
	return viewLetters(ctx, tx, id, all...)
}

// viewLetters shows letters of one incident.
func viewLetters(ctx context.Context, tx Tx, id incident.ID, letters ...Letter) ([]LetterView, error) {
	decisions, err := tx.Decisions(ctx, id)
	if err != nil {
		return nil, err
	}
	duties, err := tx.Duties(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]LetterView, 0, len(letters))
	for _, l := range letters {
		v := LetterView{Letter: l, Conflicts: conflicts(l, decisions, duties)}
		if v.Names, err = namesOf(ctx, tx, l.RecordedBy, l.AnsweredBy); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func viewLetter(ctx context.Context, tx Tx, l Letter) (LetterView, error) {
	all, err := viewLetters(ctx, tx, l.Incident, l)
	if err != nil {
		return LetterView{}, err
	}
	return all[0], nil
}

// conflicts are the duties whose clocks run on although a letter asks to wait.
func conflicts(l Letter, decisions []Decision, duties []Duty) []Conflict {
	out := []Conflict{}
	for _, d := range decisions {
		i := slices.IndexFunc(duties, func(row Duty) bool { return row.ID == d.Duty })
		if i < 0 || !slices.Contains(l.Holds, d.ID) {
			continue
		}
		if c, against := conflict(d, duties[i]); against {
			out = append(out, c)
		}
	}
	return out
}

// conflict says that a request to hold stands against a clock that runs on.
func conflict(d Decision, row Duty) (Conflict, bool) {
	asked := d.State == DecisionProposed || d.Standing()
	if !asked || !running(row) && row.State != obligation.AssessmentOpen && row.State != obligation.Waiting {
		return Conflict{}, false
	}
	o := row.Obligation
	c := Conflict{Duty: row.ID, Rule: o.ID, Title: o.Title, Addressee: o.Addressee, Deadline: o.Deadline}
	why := ConflictHold
	if o.Hold != nil {
		why = ConflictUndecided
	}
	c.Why = map[string]string{"en": Say(why, "en"), "zh-Hans": Say(why, "zh-Hans")}
	return c, true
}
