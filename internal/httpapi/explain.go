package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// explanationList is what is owed and what is not, in words.
type explanationList struct {
	Explanations []obligation.Explanation `json:"explanations"`
}

// derived is the answer to derive, with the explanations that were asked for.
type derived struct {
	obligation.Result
	Explanations []obligation.Explanation `json:"explanations,omitempty"`
}

// derive serves the pure function.
func (a *api) derive(h huma.API) {
	type deriveIn struct {
		Explain bool   `query:"explain" doc:"Also say in words why each duty is owed, why near misses are not, and how each clock is counted"`
		Locale  string `query:"locale" default:"en" enum:"en,zh-Hans" doc:"Of the explanations"`
		RawBody []byte `contentType:"application/json"`
	}
	op := a.operation("derive", http.MethodPost, "/obligations/derive", "Duties, grades and open questions of a set of facts; nothing is stored", http.StatusOK, raw(nil, "application/json"))
	register(h, a, op, func(_ context.Context, sc evidence.Scope, in *deriveIn) (*body[derived], error) {
		if err := access.Require(sc, access.Report); err != nil {
			if err = access.Require(sc, access.Read); err != nil {
				return nil, err
			}
		}
		var out derived
		input, problems := obligation.ReadInput(in.RawBody)
		switch {
		case len(problems) > 0:
		case in.Explain:
			out.Explanations, out.Result, problems = a.Engine.Explanations(input, in.Locale)
		default:
			out.Result, problems = a.Engine.Derive(input)
		}
		if len(problems) > 0 {
			return nil, incident.InvalidInput(problems)
		}
		return &body[derived]{Body: out}, nil
	})
}

// explanations serves why a duty is owed, why a near miss is not, and how each clock is counted.
func (a *api) explanations(h huma.API) {
	type explainIncident struct {
		IncidentPath
		Locale string `query:"locale" default:"en" enum:"en,zh-Hans"`
	}
	register(h, a, a.operation("explain-incident", http.MethodGet, "/incidents/{id}/explanations", "Why each duty is owed and each near miss is not, under the rules the incident keeps to", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *explainIncident) (*body[explanationList], error) {
			all, err := a.Playbooks.Explain(ctx, sc, incident.ID(in.ID), in.Locale)
			return &body[explanationList]{Body: explanationList{all}}, err
		})

	type explainDuty struct {
		ID     string `path:"id" doc:"obl_…"`
		Locale string `query:"locale" default:"en" enum:"en,zh-Hans"`
	}
	register(h, a, a.operation("explain-obligation", http.MethodGet, "/obligations/{id}/explanation", "One duty in words: its conditions with the facts filled in, its clock step by step, the law's own terms", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *explainDuty) (*body[obligation.Explanation], error) {
			d, _, err := a.Playbooks.Duty(ctx, sc, in.ID)
			if err != nil {
				return nil, err
			}
			x, err := a.Playbooks.ExplainDuty(ctx, sc, d, in.Locale)
			if err == nil && x == nil {
				err = incident.NewFault(incident.Conflict, "the facts as they stand no longer give this duty")
			}
			if err != nil {
				return nil, err
			}
			return &body[obligation.Explanation]{Body: *x}, nil
		})
}
