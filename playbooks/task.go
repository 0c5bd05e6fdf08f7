package playbooks

import (
	"context"
	"strings"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

const maxNote = 4000 // characters

// CompleteTask ends a task; its answers become facts by the person. The note is the reason for what the
// answers change.
func (s *Service) CompleteTask(ctx context.Context, sc evidence.Scope, id, words string, answers []incident.FactInput) (Task, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return Task{}, err
	}
	if utf8.RuneCountInString(words) > maxNote {
		return Task{}, incident.InvalidInput([]incident.Problem{{Pointer: "/note", Rule: "max-length", Message: "at most 4000 characters"}})
	}
	var t Task
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		var err error
		if t, err = openTask(ctx, tx, id); err != nil {
			return err
		}
		later := false
		if len(answers) > 0 {
			a := incident.Amendment{Source: "person", At: tx.Now(), Reason: words, Facts: answers}
			if sc.Actor.Kind != evidence.Person {
				a.Source = sc.Actor.ID
			}
			if _, later, err = amend(ctx, tx, t.Incident, a); err != nil {
				return err
			}
		}
		now := tx.Now()
		t.State, t.DoneBy, t.DoneAt, t.Note = TaskDone, sc.Actor.ID, &now, strings.TrimSpace(words)
		if err := tx.UpdateTask(ctx, t); err != nil {
			return err
		}
		note(tx, t.Incident, "task.done", map[string]string{"task": t.ID, "run": t.Run, "step": t.Step}, map[string]string{"note": t.Note})
		in, err := s.work(ctx, tx, t.Incident, later, false)
		if err == nil && len(in.problems) > 0 {
			return incident.InvalidInput(in.problems)
		}
		return err
	})
	return t, err
}

// openTask locks the task's incident and reads the task, which must still be open.
func openTask(ctx context.Context, tx Tx, id string) (Task, error) {
	t, err := tx.Task(ctx, id)
	if err != nil {
		return t, err
	}
	if _, err = tx.LockIncident(ctx, t.Incident); err != nil {
		return t, err
	}
	if t, err = tx.Task(ctx, id); err != nil {
		return t, err
	}
	switch {
	case t.State != TaskOpen:
		return t, incident.NewFault(incident.Conflict, "the task is %s", t.State)
	case t.Kind == TaskDecide && tx.Scope().Actor.Kind != evidence.Person:
		return t, incident.NewFault(incident.Forbidden, "only a named person can decide about a duty")
	case t.Kind == TaskFile:
		return t, incident.NewFault(incident.Conflict, "record the filing on the report; that completes this task")
	case t.Kind == TaskAnswer:
		return t, incident.NewFault(incident.Conflict, "record the answer on the letter; that completes this task")
	case t.Decision != "" && len(t.For) == 0:
		return t, incident.NewFault(incident.Conflict, "confirm or refuse the decision; that completes this task")
	case t.Kind == TaskReview:
		return t, incident.NewFault(incident.Conflict, "approve or return the report; that completes this task")
	case t.Kind == TaskCorrect:
		return t, incident.NewFault(incident.Conflict, "edit the report and have it approved; that completes this task")
	}
	return t, nil
}

// Tasks lists open tasks over incidents, by due time.
func (s *Service) Tasks(ctx context.Context, sc evidence.Scope, p incident.Page) (tasks []Task, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		tasks, err = tx.OpenTasks(ctx, p)
		return err
	})
	return tasks, err
}
