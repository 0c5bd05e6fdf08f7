package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

func (a *api) duties(h huma.API) {
	a.derive(h)
	register(h, a, a.operation("list-obligations", http.MethodGet, "/incidents/{id}/obligations", "The register of an incident's duties", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[dutyList], error) {
			v, err := a.Playbooks.Incident(ctx, sc, incident.ID(in.ID))
			return &body[dutyList]{Body: dutyList{viewDuties(v)}}, err
		})

	register(h, a, a.operation("list-tasks", http.MethodGet, "/incidents/{id}/tasks", "What waits for people", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[taskList], error) {
			v, err := a.Playbooks.Incident(ctx, sc, incident.ID(in.ID))
			return &body[taskList]{Body: taskList{each(v.Tasks, viewTask)}}, err
		})

	type completeIn struct {
		ID   string `path:"id" doc:"tsk_…"`
		Body struct {
			Note  string         `json:"note,omitempty"`
			Facts map[string]any `json:"facts,omitempty" doc:"Answers, nested as in a finding"`
		}
	}
	register(h, a, a.operation("complete-task", http.MethodPost, "/tasks/{id}/complete", "End a task; its answers become facts", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *completeIn) (*body[taskView], error) {
			facts, problems := incident.CheckFacts(normal(in.Body.Facts), "/facts")
			if len(problems) > 0 {
				return nil, incident.InvalidInput(problems)
			}
			t, err := a.Playbooks.CompleteTask(ctx, sc, in.ID, in.Body.Note, facts)
			return &body[taskView]{Body: viewTask(t)}, err
		})

	type timelineIn struct {
		IncidentPath
		After int64 `query:"after" minimum:"0" doc:"Sequence of the last entry seen"`
		Limit int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	register(h, a, a.operation("timeline", http.MethodGet, "/incidents/{id}/timeline", "The incident's ledger", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *timelineIn) (*body[entryList], error) {
			e, err := a.Playbooks.Timeline(ctx, sc, incident.ID(in.ID), in.After, in.Limit)
			return &body[entryList]{Body: entryList{e}}, err
		})
	a.practice(h)
}
