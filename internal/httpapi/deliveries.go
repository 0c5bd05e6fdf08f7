package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

type toldView struct {
	notify.Told
	Deliveries []deliveryView `json:"deliveries"`
}

type foundView struct {
	Deliveries []deliveryView `json:"deliveries"`
	People     []toldView     `json:"people" doc:"Each recipient found: guardians and next of kin are found by the key of the person they stand for"`
}

func viewFound(people []notify.Told) foundView {
	v := foundView{Deliveries: []deliveryView{}, People: []toldView{}}
	for _, t := range people {
		rows := each(t.Deliveries, viewDelivery)
		v.Deliveries = append(v.Deliveries, rows...)
		v.People = append(v.People, toldView{t, rows})
	}
	return v
}

// deliveries are who got what: lists, search, proof, reconciliation and export.
func (a *api) deliveries(h huma.API) {
	type listIn struct {
		DocumentPath
		State       string `query:"state" enum:"pending,sending,in_doubt,accepted,failed,delivered,read,stopped,complained" doc:"complained: arrived, and complained about"`
		Duplicates  bool   `query:"duplicates" doc:"Only those that were once in doubt"`
		Unreachable bool   `query:"unreachable" doc:"Only people whom no channel has reached"`
		After       int64  `query:"after" default:"-1" doc:"Recipient number of the last row seen"`
		Limit       int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	register(h, a, a.operation("list-deliveries", http.MethodGet, "/dispatches/{id}/deliveries", "Who got what, by recipient number", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *listIn) (*body[deliveryList], error) {
			var state *notify.DeliveryState
			for s := notify.Pending; s <= notify.Complained; s++ {
				if s.String() == in.State {
					state = &s
				}
			}
			var list []notify.Delivery
			var err error
			if in.Unreachable {
				list, err = a.Notify.Unreachable(ctx, sc, in.ID, in.After, in.Limit)
			} else {
				list, err = a.Notify.Deliveries(ctx, sc, in.ID, state, in.Duplicates, in.After, in.Limit)
			}
			return &body[deliveryList]{Body: deliveryList{each(list, viewDelivery)}}, err
		})
	type searchIn struct {
		DocumentPath
		Body struct {
			PersonKey string `json:"person_key,omitempty"`
			Address   string `json:"address,omitempty" doc:"An exact e-mail address, phone number or device id"`
			Code      string `json:"code,omitempty" doc:"The check code in the notice that the person got"`
		}
	}
	register(h, a, a.operation("search-deliveries", http.MethodPost, "/dispatches/{id}/deliveries/search", "What one person got, with every outcome and receipt", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *searchIn) (*body[foundView], error) {
			people, err := a.Notify.Find(ctx, sc, in.ID, notify.Who{PersonKey: in.Body.PersonKey, Address: in.Body.Address, Code: in.Body.Code})
			return &body[foundView]{Body: viewFound(people)}, err
		})
	type proofIn struct {
		DocumentPath
		Seq     int64  `path:"seq" minimum:"0" doc:"Recipient number"`
		Channel string `query:"channel" doc:"Only this channel"`
	}
	register(h, a, a.operation("prove-delivery", http.MethodGet, "/dispatches/{id}/deliveries/{seq}/proof", "Proof of one recipient's outcomes and receipts: tocsin evidence verify checks it", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *proofIn) (*body[evidence.Proof], error) {
			p, err := a.Notify.Proof(ctx, sc, in.ID, in.Seq, in.Channel)
			return &body[evidence.Proof]{Body: p}, err
		})
	a.reconciliation(h)
	a.exports(h)
}

const tellEvery = 500 * time.Millisecond

func (a *api) reconciliation(h huma.API) {
	register(h, a, a.operation("reconcile-dispatch", http.MethodGet, "/dispatches/{id}/reconciliation", "The audience against what became of it, from the counters", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[notify.Reconciliation], error) {
			r, err := a.Notify.Reconciliation(ctx, sc, in.ID)
			return &body[notify.Reconciliation]{Body: r}, err
		})
	op := a.operation("recount-dispatch", http.MethodGet, "/dispatches/{id}/recount", "The same counted again from deliveries, batches and ledger", http.StatusOK)
	op.Description = "NDJSON: lines {done, total} while it counts, at last one line {reconciliation}."
	op.Responses = map[string]*huma.Response{"200": {Description: "Progress, then the reconciliation", Content: map[string]*huma.MediaType{"application/x-ndjson": {}}}}
	huma.Register(h, op, func(ctx context.Context, in *DocumentPath) (*huma.StreamResponse, error) {
		return a.pour(ctx, op, in.ID, "application/x-ndjson", "", func(sc evidence.Scope, w io.Writer) error { return a.recount(ctx, sc, in.ID, w) })
	})
}

func (a *api) recount(ctx context.Context, sc evidence.Scope, id string, w io.Writer) error {
	enc, told := json.NewEncoder(w), time.Now()
	r, err := a.Notify.Recount(ctx, sc, id, func(done, total int64) {
		if now := time.Now(); now.Sub(told) > tellEvery {
			told = now
			_ = enc.Encode(map[string]int64{"done": done, "total": total}) // who has gone ends ctx
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
		}
	})
	if err != nil {
		return err
	}
	return enc.Encode(map[string]notify.Reconciliation{"reconciliation": r})
}

func (a *api) exports(h huma.API) {
	op := a.operation("export-dispatch", http.MethodGet, "/dispatches/{id}/export", "Every delivery of every recipient, without addresses", http.StatusOK)
	op.Description = "Columns: recipient, person_key and role (only for who may read people), standing (over all channels), channel, state, class, code, provider, " +
		"provider_id, attempt, possible_duplicate, superseded (a further channel was begun), at, next_at, address (which of the person's on the channel: 2 for the second, and so on; empty for the first). A recipient nobody has sent to yet has a row without a channel."
	op.Responses = map[string]*huma.Response{"200": {Description: "The deliveries", Content: map[string]*huma.MediaType{"text/csv": {}, "application/x-ndjson": {}}}}
	type exportIn struct {
		DocumentPath
		Format string `query:"format" enum:"csv,ndjson" default:"csv"`
	}
	huma.Register(h, op, func(ctx context.Context, in *exportIn) (*huma.StreamResponse, error) {
		mediaType := map[string]string{"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}[in.Format]
		return a.pour(ctx, op, in.ID, mediaType, in.ID+"."+in.Format, func(sc evidence.Scope, w io.Writer) error {
			return a.Notify.ExportDeliveries(ctx, sc, in.ID, in.Format, w)
		})
	})
}

// pour answers with what write writes about a dispatch. Nobody must take half of it for the whole: what breaks
// after the first byte breaks the connection.
func (a *api) pour(ctx context.Context, op huma.Operation, id, mediaType, file string, write func(evidence.Scope, io.Writer) error) (*huma.StreamResponse, error) {
	sc := scope(ctx)
	if _, err := a.Notify.Reconciliation(ctx, sc, id); err != nil {
		return nil, a.fail(ctx, op.OperationID, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", mediaType)
		if file != "" {
			hc.SetHeader("Content-Disposition", `attachment; filename="`+file+`"`)
		}
		if err := write(sc, hc.BodyWriter()); err != nil {
			a.Log.ErrorContext(ctx, "an answer was cut short", "operation", op.OperationID, "dispatch", id, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}
