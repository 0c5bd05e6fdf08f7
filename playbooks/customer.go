package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks/obligation"
)

// Customer is a controller for whom the operator processes the data of an incident.
type Customer struct {
	ID        string
	ToldAt    *time.Time
	Residents []string // countries where its people live
	People    *int64
}

const (
	customersPath   = "customers"
	customerAddress = "customer:" // addressees of the duties towards one
	mostCustomers   = 10_000
)

// ImportCustomers makes a list the incident's customers; who is told already stays told.
func (s *Service) ImportCustomers(ctx context.Context, sc evidence.Scope, id incident.ID, list []Customer, reason string) (Reported, error) {
	if err := mayRecord(sc); err != nil {
		return Reported{}, err
	}
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		if _, err := tx.LockIncident(ctx, id); err != nil {
			return incident.Recorded{}, false, err
		}
		_, held, err := incident.Load(ctx, tx, id)
		if err != nil {
			return incident.Recorded{}, false, err
		}
		told := map[string]any{}
		for _, c := range customersOf(held) {
			told[fmt.Sprint(c["id"])] = c["told_at"]
		}
		facts, problems := customerFacts(list, told, tx.Now())
		if len(problems) > 0 {
			return incident.Recorded{}, false, incident.InvalidInput(problems)
		}
		return amend(ctx, tx, id, incident.Amendment{Source: "person", At: tx.Now(), Reason: reason, Facts: facts})
	})
}

// customerFacts is a list of customers as a fact.
func customerFacts(list []Customer, told map[string]any, now time.Time) ([]incident.FactInput, []incident.Problem) {
	c := &profileCheck{}
	c.want(len(list) > 0 && len(list) <= mostCustomers, "/customers", "items", "list from 1 to 10000 customers")
	seen := map[string]bool{}
	rows := make([]any, 0, len(list))
	for i, one := range list {
		at := fmt.Sprintf("/customers/%d", i)
		c.want(!seen[one.ID], at+"/id", "unique", "stands here twice")
		c.want(one.ToldAt == nil || !one.ToldAt.After(now), at+"/told_at", "past", "cannot lie in the future")
		seen[one.ID] = true
		row := map[string]any{"id": one.ID}
		switch {
		case one.ToldAt != nil:
			row["told_at"] = one.ToldAt.UTC().Format(time.RFC3339Nano)
		case told[one.ID] != nil:
			row["told_at"] = told[one.ID]
		}
		if one.People != nil {
			row["people"] = *one.People
		}
		if len(one.Residents) > 0 {
			var codes []any
			for _, code := range one.Residents {
				codes = append(codes, code)
			}
			row["residents"] = codes
		}
		rows = append(rows, row)
	}
	facts, problems := incident.CheckFacts(map[string]any{customersPath: rows}, "")
	return facts, append(c.problems, problems...)
}

// customersOf is the fact as it stands.
func customersOf(held incident.Snapshot) (rows []map[string]any) {
	list, _ := held.Facts[customersPath].Value.([]any)
	for _, v := range list {
		if row, ok := v.(map[string]any); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

// TellCustomer records that one customer was told, which meets the duties towards it.
func (s *Service) TellCustomer(ctx context.Context, sc evidence.Scope, id incident.ID, customer string, at time.Time, how string) (Reported, error) {
	if err := mayRecord(sc); err != nil {
		return Reported{}, err
	}
	how = strings.TrimSpace(how)
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		var none incident.Recorded
		c := &profileCheck{}
		c.want(!at.IsZero() && !at.After(tx.Now()), "/at", "past", "say when; that cannot lie in the future")
		c.want(how != "" && utf8.RuneCountInString(how) <= 200, "/how", "required", "say how it was told, in at most 200 characters")
		if len(c.problems) > 0 {
			return none, false, incident.InvalidInput(c.problems)
		}
		in, err := s.work(ctx, tx, id, false, false)
		if err != nil {
			return none, false, err
		}
		facts, err := toldFacts(in.facts, customer, at)
		if err != nil {
			return none, false, err
		}
		r, later, err := amend(ctx, tx, id, incident.Amendment{Source: "person", At: tx.Now(), Facts: facts})
		if err != nil {
			return r, later, err
		}
		refs := map[string]string{"addressee": customerAddress + customer, "revision": revision(r)}
		note(tx, id, "customer.told", refs, map[string]string{"at": at.UTC().Format(time.RFC3339Nano), "how": how})
		return r, later, meetTold(ctx, tx, in, customerAddress+customer, at.UTC())
	})
}

// toldFacts is the list of customers in which one has been told.
func toldFacts(held incident.Snapshot, customer string, at time.Time) ([]incident.FactInput, error) {
	rows := customersOf(held)
	i := slices.IndexFunc(rows, func(row map[string]any) bool { return row["id"] == customer })
	switch {
	case i < 0:
		return nil, incident.NewFault(incident.NotFound, "not found")
	case rows[i]["told_at"] != nil:
		return nil, incident.NewFault(incident.Conflict, "this customer was told already")
	}
	next := make([]any, len(rows))
	for k, row := range rows {
		copied := map[string]any{}
		for name, value := range row {
			copied[name] = value
		}
		next[k] = copied
	}
	next[i].(map[string]any)["told_at"] = at.UTC().Format(time.RFC3339Nano)
	return []incident.FactInput{{Path: customersPath, Value: next}}, nil
}

// meetTold meets the duties whose addressee was told outside of this program.
func meetTold(ctx context.Context, tx Tx, in *situation, addressee string, at time.Time) error {
	for i := range in.duties {
		row := &in.duties[i]
		if row.Obligation.Addressee != addressee || row.State == obligation.Met || !live(*row) {
			continue
		}
		row.State, row.Reason, row.MetAt = obligation.Met, ReasonTold, &at
		if err := putDuty(ctx, tx, row, "duty.met"); err != nil {
			return err
		}
	}
	return nil
}

func revision(r incident.Recorded) string { return strconv.FormatInt(r.Revision, 10) }
