package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

func (a *api) duties(h huma.API) {
	type deriveIn struct {
		RawBody []byte `contentType:"application/json"`
	}
	derive := a.operation("derive", http.MethodPost, "/obligations/derive", "Duties, grades and open questions of a set of facts; nothing is stored", http.StatusOK)
	register(h, a, derive, func(_ context.Context, sc evidence.Scope, in *deriveIn) (*answer, error) {
		if err := access.Require(sc, access.Report); err != nil {
			if err = access.Require(sc, access.Read); err != nil {
				return nil, err
			}
		}
		out, problems := a.Engine.DeriveJSON(in.RawBody)
		if len(problems) > 0 {
			return nil, incident.InvalidInput(problems)
		}
		return &answer{Status: http.StatusOK, Body: out}, nil
	})

	type dutiesOut struct {
		Obligations []dutyView `json:"obligations"`
	}
	register(h, a, a.operation("list-obligations", http.MethodGet, "/incidents/{id}/obligations", "The register of an incident's duties", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *incidentPath) (*body[dutiesOut], error) {
			v, err := a.Playbooks.Incident(ctx, sc, incident.ID(in.ID))
			return &body[dutiesOut]{Body: dutiesOut{each(v.Duties, viewDuty)}}, err
		})

	type tasksOut struct {
		Tasks []taskView `json:"tasks"`
	}
	register(h, a, a.operation("list-tasks", http.MethodGet, "/incidents/{id}/tasks", "What waits for people", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *incidentPath) (*body[tasksOut], error) {
			v, err := a.Playbooks.Incident(ctx, sc, incident.ID(in.ID))
			return &body[tasksOut]{Body: tasksOut{each(v.Tasks, viewTask)}}, err
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
		incidentPath
		After int64 `query:"after" minimum:"0" doc:"Sequence of the last entry seen"`
		Limit int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type timelineOut struct {
		Entries []entryView `json:"entries"`
	}
	register(h, a, a.operation("timeline", http.MethodGet, "/incidents/{id}/timeline", "The incident's ledger", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *timelineIn) (*body[timelineOut], error) {
			e, err := a.Playbooks.Timeline(ctx, sc, incident.ID(in.ID), in.After, in.Limit)
			return &body[timelineOut]{Body: timelineOut{e}}, err
		})
}
