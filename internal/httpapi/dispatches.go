package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
)

// BodyStream hands the request's body on unread, so that an import of any size runs in constant memory.
type BodyStream struct {
	reader io.Reader
	Type   string `header:"Content-Type" doc:"text/csv or application/x-ndjson"`
}

// Resolve keeps the body's reader (huma calls it before the handler).
func (s *BodyStream) Resolve(ctx huma.Context) []error {
	s.reader = ctx.BodyReader()
	return nil
}

func (a *api) audiences(h huma.API) {
	type importIn struct {
		IncidentPath
		Name string `query:"name" default:"upload" doc:"What to call it"`
		BodyStream
	}
	op := a.operation("import-audience", http.MethodPost, "/incidents/{id}/audience", "Stream recipients as CSV or NDJSON", http.StatusCreated,
		func(o *huma.Operation) { o.MaxBodyBytes = -1; o.BodyReadTimeout = -1; o.Metadata["stream"] = true })
	op.Description = "Answers when the whole body is taken; GET /audiences/{id} shows live counts meanwhile. Faulty lines are rejects, the others are kept."
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-ndjson": {}, "text/csv": {}}}
	register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *importIn) (*body[audienceView], error) {
		mediaType, _, _ := mime.ParseMediaType(in.Type)
		format := map[string]string{"text/csv": "csv", "application/csv": "csv", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/jsonl": "ndjson"}[mediaType]
		if format == "" {
			return nil, incident.NewFault(incident.Unsupported, "send text/csv or application/x-ndjson")
		}
		aud, err := a.Notify.Import(ctx, sc, incident.ID(in.ID), in.Name, format, in.reader, nil)
		return &body[audienceView]{Body: viewAudience(aud)}, err
	})
	register(h, a, a.operation("get-audience", http.MethodGet, "/audiences/{id}", "An import with its counts", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[audienceView], error) {
			aud, err := a.Notify.Audience(ctx, sc, in.ID)
			return &body[audienceView]{Body: viewAudience(aud)}, err
		})
	register(h, a, a.operation("list-audiences", http.MethodGet, "/incidents/{id}/audiences", "An incident's audiences, newest first", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[audienceList], error) {
			list, err := a.Notify.Audiences(ctx, sc, incident.ID(in.ID))
			return &body[audienceList]{Body: audienceList{each(list, viewAudience)}}, err
		})
	type rejectsIn struct {
		DocumentPath
		After int64 `query:"after" minimum:"0" doc:"Line of the last reject seen"`
		Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	register(h, a, a.operation("list-rejects", http.MethodGet, "/audiences/{id}/rejects", "Lines that were not taken, and why", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *rejectsIn) (*body[rejectList], error) {
			r, err := a.Notify.Rejects(ctx, sc, in.ID, in.After, in.Limit)
			return &body[rejectList]{Body: rejectList{r}}, err
		})
}

func (a *api) dispatches(h huma.API) {
	register(h, a, a.operation("dispatch-notice", http.MethodPost, "/notices/{id}/dispatch", "Send an approved notice", http.StatusCreated),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[dispatchView], error) {
			p, err := a.Notify.Dispatch(ctx, sc, in.ID)
			return &body[dispatchView]{Body: viewDispatch(p)}, err
		})
	register(h, a, a.operation("get-dispatch", http.MethodGet, "/dispatches/{id}", "Progress; the states add up to the audience", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[dispatchView], error) {
			p, err := a.Notify.Progress(ctx, sc, in.ID)
			return &body[dispatchView]{Body: viewDispatch(p)}, err
		})
	register(h, a, a.operation("list-dispatches", http.MethodGet, "/incidents/{id}/dispatches", "An incident's dispatches", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[dispatchList], error) {
			list, err := a.Notify.Dispatches(ctx, sc, incident.ID(in.ID))
			return &body[dispatchList]{Body: dispatchList{each(list, viewDispatch)}}, err
		})
	type reasonIn struct {
		DocumentPath
		Body struct {
			Reason string `json:"reason" minLength:"1"`
		}
	}
	for verb, do := range map[string]func(context.Context, evidence.Scope, string, string) (notify.Progress, error){"pause": a.Notify.Pause, "stop": a.Notify.Stop} {
		register(h, a, a.operation(verb+"-dispatch", http.MethodPost, "/dispatches/{id}/"+verb, map[string]string{"pause": "Pause, with a reason", "stop": "Stop for good, with a reason"}[verb], http.StatusOK),
			func(ctx context.Context, sc evidence.Scope, in *reasonIn) (*body[dispatchView], error) {
				p, err := do(ctx, sc, in.ID, in.Body.Reason)
				return &body[dispatchView]{Body: viewDispatch(p)}, err
			})
	}
	register(h, a, a.operation("resume-dispatch", http.MethodPost, "/dispatches/{id}/resume", "Let a paused dispatch run on", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[dispatchView], error) {
			p, err := a.Notify.Resume(ctx, sc, in.ID)
			return &body[dispatchView]{Body: viewDispatch(p)}, err
		})
	a.deliveries(h)
}
