package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
)

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
