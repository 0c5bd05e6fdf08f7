package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/intake"
	"tocsin/internal/access"
)

type page struct {
	After string `query:"after" doc:"Id of the last row seen"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (p page) page() incident.Page { return incident.Page{After: p.After, Limit: p.Limit} }

type body[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// IncidentPath is exported because huma reads only exported embedded structs.
type IncidentPath struct {
	ID string `path:"id" doc:"inc_…"`
}

func (a *api) incidents(h huma.API) {
	type reportIn struct {
		Key     string `header:"Idempotency-Key" doc:"Repeats with the same key and body get the first answer"`
		RawBody []byte `contentType:"application/json"`
	}
	post := a.operation("report-incident", http.MethodPost, "/incidents", "Report an incident as a native finding", http.StatusCreated, raw(a.finding(), "application/json"))
	post.Description = "Duties, clocks and the run are in the answer; drafts follow. A known dedup_key answers 200 with the same id."
	register(h, a, post, func(ctx context.Context, sc evidence.Scope, in *reportIn) (*answer, error) {
		return a.once(ctx, sc, "POST /incidents", in.Key, in.RawBody, func() (*answer, error) { return a.report(ctx, sc, in.Key, in.RawBody) })
	})

	register(h, a, a.operation("list-incidents", http.MethodGet, "/incidents", "List incidents, newest first", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *page) (*body[incidentList], error) {
			list, err := a.Playbooks.Incidents(ctx, sc, in.page())
			return &body[incidentList]{Body: incidentList{each(list, viewIncident)}}, err
		})

	register(h, a, a.operation("get-incident", http.MethodGet, "/incidents/{id}", "One incident: facts with history, grades, duties", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[incidentWhole], error) {
			v, err := a.Playbooks.Incident(ctx, sc, incident.ID(in.ID))
			return &body[incidentWhole]{ETag: etag(v.Incident.Revision), Body: viewWhole(v)}, err
		})

	type amendIn struct {
		IncidentPath
		IfMatch string `header:"If-Match"`
		Body    struct {
			Source  string         `json:"source,omitempty" doc:"Who says so; default the caller"`
			At      *time.Time     `json:"at,omitempty" doc:"When it was so; default now"`
			Reason  string         `json:"reason,omitempty" doc:"Needed to move an anchor later"`
			Title   *string        `json:"title,omitempty"`
			Summary *string        `json:"summary,omitempty"`
			Facts   map[string]any `json:"facts,omitempty" doc:"Nested as in a finding; null means now unknown"`
		}
	}
	register(h, a, a.operation("amend-incident", http.MethodPatch, "/incidents/{id}", "Change facts; duties are derived again", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *amendIn) (*body[reported], error) {
			match, err := version(in.IfMatch)
			if err != nil {
				return nil, err
			}
			facts, problems := incident.CheckFacts(normal(in.Body.Facts), "/facts")
			if len(problems) > 0 {
				return nil, incident.InvalidInput(problems)
			}
			am := incident.Amendment{Source: in.Body.Source, Reason: in.Body.Reason, Facts: facts, Title: in.Body.Title, Summary: in.Body.Summary, At: a.Clock.Now()}
			if in.Body.At != nil {
				am.At = in.Body.At.UTC()
			}
			r, err := a.Playbooks.Amend(ctx, sc, incident.ID(in.ID), match, am)
			return &body[reported]{ETag: etag(r.Revision), Body: viewReported(r)}, err
		})
	a.intake(h)
	a.evidencePack(h)
}

// finding describes the native finding: its facts are those of the derive input.
func (a *api) finding() *huma.Schema {
	var derive struct {
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(a.Engine.Schema(), &derive); err != nil {
		panic("describe finding: " + err.Error()) // the schema is made by our own code
	}
	text := &huma.Schema{Type: huma.TypeString}
	list := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{}}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"title"}, Properties: map[string]*huma.Schema{
		"operator": text, "dedup_key": text, "title": text, "summary": text, "severity": text,
		"mode":   {Type: huma.TypeString, Enum: []any{"live", "drill", "imported"}},
		"source": {Type: huma.TypeObject}, "cause": {Type: huma.TypeObject},
		"facts":    {Type: huma.TypeObject, Description: "The fact vocabulary: tocsin obligations derive --schema", Extensions: map[string]any{"x-facts": derive.Properties["facts"]}},
		"measures": list, "advice": list, "remedies": list, "tags": list,
	}}
}

// normal gives the numbers of a decoded object the form that CheckFacts takes.
func normal(object map[string]any) map[string]any {
	b, err := json.Marshal(object)
	if err != nil {
		return object
	}
	var out map[string]any
	if err := decodeNumbers(b, &out); err != nil {
		return object
	}
	return out
}

func (a *api) report(ctx context.Context, sc evidence.Scope, key string, raw []byte) (*answer, error) {
	if err := access.Require(sc, access.Report); err != nil {
		return nil, err
	}
	f, err := intake.Native(raw, "")
	if err != nil {
		return nil, err
	}
	if f.Operator == "" {
		f.Operator = sc.Operator
	}
	if f.Operator != sc.Operator {
		return nil, incident.NewFault(incident.NotFound, "not found")
	}
	if f.Identity == "" && key != "" { // a crash between commit and answer must not make a twin
		f.Identity = "native:key:" + sc.Actor.ID + ":" + key
	}
	r, err := a.Playbooks.Report(ctx, sc, f)
	if err != nil {
		return nil, err
	}
	status := http.StatusCreated
	if !r.Created {
		status = http.StatusOK
	}
	view := viewReported(r)
	out, err := jsonAnswer(status, view)
	if err == nil {
		out.ETag, out.Location = etag(r.Revision), Base+"/incidents/"+string(r.ID)
	}
	return out, err
}

func (a *api) intake(h huma.API) {
	type intakeIn struct {
		Format  string `path:"format" doc:"native, cloudevents, veris … or auto"`
		Mode    string `query:"mode" enum:"live,drill,imported" doc:"Default live; imported for veris"`
		DryRun  bool   `query:"dry_run" doc:"Store nothing; show per fact the pointer it came from"`
		Key     string `header:"Idempotency-Key"`
		RawBody []byte `contentType:"application/octet-stream"`
	}
	op := a.operation("intake", http.MethodPost, "/intake/{format}", "Take in a finding in any format", http.StatusAccepted, raw(nil, "application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "application/octet-stream"))
	op.Description = "Answered after commit. An alert that opens no incident answers with the rule that ignored it."
	register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *intakeIn) (*answer, error) {
		if err := access.Require(sc, access.Report); err != nil {
			return nil, err
		}
		return a.once(ctx, sc, "POST /intake/"+in.Format, in.Key, in.RawBody, func() (*answer, error) {
			got, err := a.Intake.Accept(ctx, sc, intake.Request{Format: in.Format, Header: requestHeaders(ctx), Body: in.RawBody, Mode: incident.Mode(in.Mode), DryRun: in.DryRun})
			if err != nil {
				return nil, err
			}
			return jsonAnswer(http.StatusAccepted, got)
		})
	})
}

func (a *api) evidencePack(h huma.API) {
	op := a.operation("evidence", http.MethodGet, "/incidents/{id}/evidence", "The evidence pack: tocsin evidence verify checks it", http.StatusOK)
	op.Responses = map[string]*huma.Response{"200": {Description: "A zip", Content: map[string]*huma.MediaType{"application/zip": {}}}}
	huma.Register(h, op, func(ctx context.Context, in *IncidentPath) (*huma.StreamResponse, error) {
		sc := scope(ctx)
		if _, err := a.Playbooks.Incident(ctx, sc, incident.ID(in.ID)); err != nil {
			return nil, a.fail(ctx, op.OperationID, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			hc.SetHeader("Content-Type", "application/zip")
			hc.SetHeader("Content-Disposition", `attachment; filename="`+in.ID+`.zip"`)
			if err := a.Evidence(ctx, sc, incident.ID(in.ID), hc.BodyWriter()); err != nil {
				a.Log.ErrorContext(ctx, "evidence pack was cut short", "incident", in.ID, "error", err)
				panic(http.ErrAbortHandler) // the reader must not take half a pack for a whole one
			}
		}}, nil
	})
}
