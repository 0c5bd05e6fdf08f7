package httpapi

import (
	"context"
	"net/http"
	"slices"

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

func (a *api) deliveries(h huma.API) {
	type listIn struct {
		DocumentPath
		State      string `query:"state" enum:"pending,sending,in_doubt,accepted,failed,delivered,read,stopped"`
		Duplicates bool   `query:"duplicates" doc:"Only those that were once in doubt"`
		After      int64  `query:"after" default:"-1" doc:"Recipient number of the last row seen"`
		Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	register(h, a, a.operation("list-deliveries", http.MethodGet, "/dispatches/{id}/deliveries", "Who got what, by recipient number", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *listIn) (*body[deliveryList], error) {
			var state *notify.DeliveryState
			for s := notify.Pending; s <= notify.Stopped; s++ {
				if s.String() == in.State {
					state = &s
				}
			}
			list, err := a.Notify.Deliveries(ctx, sc, in.ID, state, in.Duplicates, in.After, in.Limit)
			return &body[deliveryList]{Body: deliveryList{each(list, viewDelivery)}}, err
		})
	type searchIn struct {
		DocumentPath
		Body struct {
			PersonKey string `json:"person_key,omitempty"`
			Address   string `json:"address,omitempty" doc:"An exact e-mail address, phone number or device id"`
		}
	}
	register(h, a, a.operation("search-deliveries", http.MethodPost, "/dispatches/{id}/deliveries/search", "What one person got", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *searchIn) (*body[deliveryList], error) {
			if given := []string{in.Body.PersonKey, in.Body.Address}; slices.Index(given, "") < 0 || given[0] == given[1] {
				return nil, incident.InvalidInput([]incident.Problem{{Pointer: "/", Rule: "one-of", Message: "give person_key or address"}})
			}
			list, err := a.Notify.Search(ctx, sc, in.ID, in.Body.PersonKey, in.Body.Address)
			return &body[deliveryList]{Body: deliveryList{each(list, viewDelivery)}}, err
		})
}
