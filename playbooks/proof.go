package playbooks

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

const (
	maxProof  = 16 << 20 // bytes of one file
	maxProofs = 20
)

// keepProofs keeps what comes with a decision, and names each file by its hash.
func keepProofs(ctx context.Context, tx Tx, id incident.ID, pointer string, in []Attachment) ([]Proof, error) {
	if len(in) > maxProofs {
		return nil, incident.InvalidInput([]incident.Problem{{Pointer: pointer, Rule: "max-items", Message: "at most 20 files"}})
	}
	out := make([]Proof, 0, len(in))
	for i, a := range in {
		p, err := keepProof(ctx, tx, id, fmt.Sprintf("%s/%d", pointer, i), &a)
		if err != nil {
			return nil, err
		}
		out = append(out, *p)
	}
	return out, nil
}

// keepProof keeps one file beside the incident, or finds the one it names. nil stays nil.
func keepProof(ctx context.Context, tx Tx, id incident.ID, pointer string, a *Attachment) (*Proof, error) {
	if a == nil {
		return nil, nil
	}
	if a.File != "" {
		f, err := tx.File(ctx, a.File)
		if incident.IsFault(err, incident.NotFound) || err == nil && f.Incident != id {
			return nil, incident.InvalidInput([]incident.Problem{{Pointer: pointer + "/file", Rule: "file", Message: "this incident has no such file"}})
		}
		return &Proof{File: f.ID, Name: f.Name, ContentType: f.ContentType, SHA256: f.SHA256, Size: f.Size}, err
	}
	name := incident.CleanText(strings.TrimSpace(a.Name), 200)
	switch {
	case len(a.Body) == 0 || len(a.Body) > maxProof:
		return nil, incident.InvalidInput([]incident.Problem{{Pointer: pointer + "/data", Rule: "length", Message: "the file is empty or larger than 16 MiB"}})
	case name == "" || !utf8.ValidString(a.ContentType) || len(a.ContentType) > 200:
		return nil, incident.InvalidInput([]incident.Problem{{Pointer: pointer + "/name", Rule: "required", Message: "a file needs a name, and its type in at most 200 characters"}})
	}
	f := incident.File{ID: evidence.NewID("fil"), Incident: id, Name: name, ContentType: a.ContentType, SHA256: hashOf(a.Body),
		Size: int64(len(a.Body)), Body: a.Body, At: tx.Now()}
	if f.ContentType == "" {
		f.ContentType = http.DetectContentType(a.Body)
	}
	if err := tx.InsertFile(ctx, f); err != nil {
		return nil, fmt.Errorf("insert file: %w", err)
	}
	return &Proof{File: f.ID, Name: f.Name, ContentType: f.ContentType, SHA256: f.SHA256, Size: f.Size}, nil
}

// openTaskOf opens a task that is no step's.
func openTaskOf(ctx context.Context, tx Tx, id incident.ID, t Task) (string, error) {
	t.ID, t.Incident, t.State, t.CreatedAt = evidence.NewID("tsk"), id, TaskOpen, tx.Now()
	refs := map[string]string{"task": t.ID}
	for name, value := range map[string]string{"decision": t.Decision, "letter": t.Letter, "rules": t.Rules, "dispatch": t.Dispatch} {
		if value != "" {
			refs[name] = value
		}
	}
	note(tx, id, "task.opened", refs, nil)
	return t.ID, tx.InsertTask(ctx, t)
}

// endTaskOf ends such a task if it is still open, and forgets it.
func endTaskOf(ctx context.Context, tx Tx, id *string, state, by string) error {
	if *id == "" {
		return nil
	}
	t, err := tx.Task(ctx, *id)
	if err != nil {
		return err
	}
	*id = ""
	if t.State != TaskOpen {
		return nil
	}
	if t.State = state; state == TaskDone {
		now := tx.Now()
		t.DoneBy, t.DoneAt = by, &now
	}
	note(tx, t.Incident, "task."+state, map[string]string{"task": t.ID}, nil)
	return tx.UpdateTask(ctx, t)
}
