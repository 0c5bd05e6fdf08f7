package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks"
)

// practice serves what else is decided and recorded while an incident is handled.
func (a *api) practice(h huma.API) {
	a.dutyDecisions(h)
	a.letters(h)
	a.plan(h)
	a.customers(h)
	a.ruleset(h)
	register(h, a, a.operation("undertake-obligation", http.MethodPost, "/obligations/{id}/undertake", "Have a voluntary duty worked off", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[dutyView], error) {
			d, err := a.Playbooks.Undertake(ctx, sc, in.ID)
			return &body[dutyView]{Body: viewDuty(d)}, err
		})
	op := a.operation("relief", http.MethodGet, "/incidents/{id}/relief", "The four grounds of relief of article 11 of the CAC measures, and what is missing", http.StatusOK, paper)
	register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *paperIn) (*paperOut, error) {
		r, err := a.Playbooks.Relief(ctx, sc, incident.ID(in.ID))
		if err != nil {
			return nil, err
		}
		return in.print(r, r.HTML)
	})
}

func reportedBody(r playbooks.Reported, err error) (*body[reported], error) {
	if err != nil {
		return nil, err
	}
	return &body[reported]{ETag: etag(r.Revision), Body: viewReported(r)}, nil
}

func (a *api) plan(h huma.API) {
	type planIn struct {
		IncidentPath
		Body struct {
			Name    string    `json:"name" minLength:"1" doc:"Which plan"`
			Version string    `json:"version,omitempty"`
			Level   string    `json:"level,omitempty" doc:"At which level"`
			By      string    `json:"by" minLength:"1" doc:"Who decided"`
			At      time.Time `json:"at"`
			Reason  string    `json:"reason,omitempty"`
		}
	}
	register(h, a, a.operation("activate-plan", http.MethodPost, "/incidents/{id}/plan", "Record that the emergency plan was started", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *planIn) (*body[reported], error) {
			b := in.Body
			return reportedBody(a.Playbooks.ActivatePlan(ctx, sc, incident.ID(in.ID), playbooks.Plan{Name: b.Name, Version: b.Version, Level: b.Level, By: b.By, At: b.At}, b.Reason))
		})
	type endIn struct {
		IncidentPath
		Body struct {
			At     time.Time `json:"at"`
			Reason string    `json:"reason,omitempty"`
		}
	}
	register(h, a, a.operation("end-plan", http.MethodPost, "/incidents/{id}/plan/end", "Record that the plan's response has ended", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *endIn) (*body[reported], error) {
			return reportedBody(a.Playbooks.EndPlan(ctx, sc, incident.ID(in.ID), in.Body.At, in.Body.Reason))
		})
}

// customerIn is a controller for whom we process.
type customerIn struct {
	ID        string     `json:"id" minLength:"1"`
	ToldAt    *time.Time `json:"told_at,omitempty"`
	Residents []string   `json:"residents,omitempty" doc:"Countries where its people live"`
	People    *int64     `json:"people,omitempty" minimum:"0"`
}

func (a *api) customers(h huma.API) {
	type customersIn struct {
		IncidentPath
		Body struct {
			Customers []customerIn `json:"customers" minItems:"1" maxItems:"10000"`
			Reason    string       `json:"reason,omitempty"`
		}
	}
	register(h, a, a.operation("import-customers", http.MethodPost, "/incidents/{id}/customers", "The customers for whom we process the data: each gets its own duty", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *customersIn) (*body[reported], error) {
			list := each(in.Body.Customers, func(c customerIn) playbooks.Customer {
				return playbooks.Customer{ID: c.ID, ToldAt: c.ToldAt, Residents: c.Residents, People: c.People}
			})
			return reportedBody(a.Playbooks.ImportCustomers(ctx, sc, incident.ID(in.ID), list, in.Body.Reason))
		})
	type toldIn struct {
		IncidentPath
		Customer string `path:"customer"`
		Body     struct {
			At  time.Time `json:"at"`
			How string    `json:"how" minLength:"1"`
		}
	}
	register(h, a, a.operation("tell-customer", http.MethodPost, "/incidents/{id}/customers/{customer}/told", "Record that a customer was told; it meets the duties towards it", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *toldIn) (*body[reported], error) {
			return reportedBody(a.Playbooks.TellCustomer(ctx, sc, incident.ID(in.ID), in.Customer, in.Body.At, in.Body.How))
		})
}

func (a *api) ruleset(h huma.API) {
	register(h, a, a.operation("get-ruleset", http.MethodGet, "/incidents/{id}/ruleset", "What this program's rules would change in an incident of older ones", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[playbooks.Ruleset], error) {
			r, err := a.Playbooks.Ruleset(ctx, sc, incident.ID(in.ID))
			return &body[playbooks.Ruleset]{Body: r}, err
		})
	type acceptIn struct {
		IncidentPath
		Body struct {
			Version string `json:"version" minLength:"1" doc:"current of the difference that you have seen"`
			Reason  string `json:"reason" minLength:"1"`
		}
	}
	register(h, a, a.operation("accept-ruleset", http.MethodPost, "/incidents/{id}/ruleset/accept", "Move the incident to this program's rules", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *acceptIn) (*body[reported], error) {
			return reportedBody(a.Playbooks.AcceptRuleset(ctx, sc, incident.ID(in.ID), in.Body.Version, in.Body.Reason))
		})
}
