package store

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/playbooks"
)

// InsertRun starts the record of a playbook's run.
func (t *Tx) InsertRun(ctx context.Context, r playbooks.Run) error {
	_, err := t.exec(ctx, "insert run", `
		INSERT INTO run (operator_id, id, incident_id, playbook, revision, hash, state, started_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.op, r.ID, string(r.Incident), r.Playbook, r.Revision, r.Hash, r.State, at(&r.StartedAt))
	return err
}

// UpdateRun writes a run's state; its definition is frozen.
func (t *Tx) UpdateRun(ctx context.Context, r playbooks.Run) error {
	n, err := t.exec(ctx, "update run", `UPDATE run SET state = $3 WHERE operator_id = $1 AND id = $2`, t.op, r.ID, r.State)
	if err == nil && n == 0 {
		return notFound("run")
	}
	return err
}

// Runs lists an incident's, in order of start.
func (t *Tx) Runs(ctx context.Context, id incident.ID) ([]playbooks.Run, error) {
	scan := func(s scanner) (playbooks.Run, error) {
		r := playbooks.Run{Incident: id}
		return r, s.Scan(&r.ID, &r.Playbook, &r.Revision, &r.Hash, &r.State, at(&r.StartedAt))
	}
	return all(ctx, t, "read runs", scan, `
		SELECT id, playbook, revision, hash, state, started_at FROM run
		WHERE operator_id = $1 AND incident_id = $2 ORDER BY id`, t.op, string(id))
}

// stepPlace stands for one step, for a reason that may print facts.
func stepPlace(run, step, item string) string { return "step/" + run + "/" + step + "/" + item }

// PutStep writes the row of a step, new or changed.
func (t *Tx) PutStep(ctx context.Context, s playbooks.Step) error {
	owner, err := t.owner(ctx, "run", s.Run)
	if err != nil {
		return err
	}
	key, err := t.Key(ctx, owner)
	if err != nil {
		return err
	}
	body, err := sealJSON(key, stepPlace(s.Run, s.ID, s.Item), s.Reason)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "put step", `
		INSERT INTO step (operator_id, run_id, id, item, state, document_id, task_id, due_at, updated_at, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (operator_id, run_id, id, item) DO UPDATE SET state = excluded.state, document_id = excluded.document_id,
			task_id = excluded.task_id, due_at = excluded.due_at, updated_at = excluded.updated_at, body = excluded.body`,
		t.op, s.Run, s.ID, s.Item, string(s.State), s.Document, s.Task, maybe(&s.DueAt), at(&s.UpdatedAt), body)
	return err
}

// Steps lists a run's steps by id and repetition.
func (t *Tx) Steps(ctx context.Context, run string) ([]playbooks.Step, error) {
	owner, err := t.owner(ctx, "run", run)
	if err != nil {
		return nil, err
	}
	key, err := t.Key(ctx, owner)
	if err != nil {
		return nil, err
	}
	scan := func(r scanner) (playbooks.Step, error) {
		s := playbooks.Step{Run: run}
		var body []byte
		if err := r.Scan(&s.ID, &s.Item, &s.State, &s.Document, &s.Task, maybe(&s.DueAt), at(&s.UpdatedAt), &body); err != nil {
			return s, err
		}
		return s, openJSON(key, stepPlace(run, s.ID, s.Item), body, &s.Reason)
	}
	return all(ctx, t, "read steps", scan, `
		SELECT id, item, state, document_id, task_id, due_at, updated_at, body FROM step
		WHERE operator_id = $1 AND run_id = $2 ORDER BY id, item`, t.op, run)
}

// InsertTask adds a task.
func (t *Tx) InsertTask(ctx context.Context, k playbooks.Task) error {
	body, err := t.sealFor(ctx, k.Incident, "task", k.ID, k)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert task",
		`INSERT INTO task (operator_id, id, incident_id, state, due_at, body) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.op, k.ID, string(k.Incident), k.State, dueOrder(k.DueAt), body)
	return err
}

// UpdateTask writes everything of a task but its id and incident.
func (t *Tx) UpdateTask(ctx context.Context, k playbooks.Task) error {
	body, err := t.sealFor(ctx, k.Incident, "task", k.ID, k)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update task",
		`UPDATE task SET state = $4, due_at = $5, body = $6 WHERE operator_id = $1 AND id = $2 AND incident_id = $3`,
		t.op, k.ID, string(k.Incident), k.State, dueOrder(k.DueAt), body)
	if err == nil && n == 0 {
		return notFound("task")
	}
	return err
}

// Task reads one.
func (t *Tx) Task(ctx context.Context, id string) (playbooks.Task, error) {
	return sealedRow[playbooks.Task](ctx, t, "task", id)
}

// Tasks lists an incident's, in order of creation.
func (t *Tx) Tasks(ctx context.Context, id incident.ID) ([]playbooks.Task, error) {
	return sealed[playbooks.Task](ctx, t, "task", `x.incident_id = $2 ORDER BY x.id`, string(id))
}

// OpenTasks lists what waits for people over all incidents, by due time.
func (t *Tx) OpenTasks(ctx context.Context, p incident.Page) ([]playbooks.Task, error) {
	return sealed[playbooks.Task](ctx, t, "task", `x.state = 'open'
		AND ($2 = '' OR (x.due_at, x.id) > ((SELECT due_at FROM task WHERE operator_id = $1 AND id = $2), $2))
		ORDER BY x.due_at, x.id LIMIT $3`, p.After, limited(p.Limit, 50, 500))
}

// PutTimer sets a timer, or moves it.
func (t *Tx) PutTimer(ctx context.Context, m playbooks.Timer) error {
	_, err := t.exec(ctx, "put timer", `
		INSERT INTO timer (operator_id, id, incident_id, kind, due_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (operator_id, id) DO UPDATE SET due_at = excluded.due_at`,
		t.op, m.ID, string(m.Incident), m.Kind, at(&m.DueAt))
	return err
}

// DeleteTimer ends a timer; that there is none is no error.
func (t *Tx) DeleteTimer(ctx context.Context, id string) error {
	_, err := t.exec(ctx, "delete timer", `DELETE FROM timer WHERE operator_id = $1 AND id = $2`, t.op, id)
	return err
}

// DueTimers lists timers due by now, the oldest first.
func (t *Tx) DueTimers(ctx context.Context, now time.Time, limit int) ([]playbooks.Timer, error) {
	scan := func(s scanner) (m playbooks.Timer, err error) {
		return m, s.Scan(&m.ID, &m.Incident, &m.Kind, at(&m.DueAt))
	}
	return all(ctx, t, "read due timers", scan, `
		SELECT id, incident_id, kind, due_at FROM timer WHERE operator_id = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3`,
		t.op, at(&now), limited(limit, 100, 1000))
}
