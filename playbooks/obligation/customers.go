package obligation

import (
	"maps"
	"slices"
)

// customers derives what the controllers owe for whom the operator processes the data, each from the
// moment it was told: from then on its own clock runs, whatever the operator does.
func (d *derivation) customers(e *Engine) {
	if d.facts.get("role").text != "entrusted" {
		return
	}
	entries, _ := d.in.Facts["customers"].([]any)
	same := map[string][]Obligation{} // many customers are told in one go, about people of the same places
	for i, c := range d.facts.get("customers").items {
		told := c.fields["told_at"]
		if !told.known {
			continue
		}
		key := told.text + told.since.String() + show(c.fields["residents"], "texts", "") + show(c.fields["people"], "number", "")
		owed, done := same[key]
		if !done {
			owed = d.owedBy(e, entries[i].(map[string]any))
			same[key] = owed
		}
		at := told.since.UTC()
		d.result.Customers = append(d.result.Customers, Customer{ID: customerID(c, i), ToldAt: &at, Obligations: owed})
	}
}

// ours are facts that say something of the operator, not of its customer.
var ours = []string{"customers", "closed_at", "first_signal_at", "plan_activated_at", "jurisdictions", "systems", "loss_cny", "assessments", "grading"}

// owedBy runs the law for a controller that became aware when it was told. Of its profile nothing is known
// but that it decides why and how the data is processed. What it has promised is not ours to say.
func (d *derivation) owedBy(e *Engine, customer map[string]any) []Obligation {
	facts := maps.Clone(d.in.Facts)
	for _, path := range ours {
		delete(facts, path)
	}
	told, people := customer["told_at"], customer["people"]
	facts["role"], facts["aware_at"] = "pi_processor", told
	facts["anchors"] = map[string]any{"informed-by-processor": told}
	facts["people"] = map[string]any{"count": people}
	if codes, ok := customer["residents"].([]any); ok {
		lives := map[string]any{}
		for _, code := range codes {
			lives[code.(string)] = nil // some people live there
		}
		if len(codes) == 1 {
			lives[codes[0].(string)] = people
		}
		facts["jurisdictions"] = lives
	}
	then, problems := e.evaluate(Input{AsOf: d.in.AsOf, Facts: facts, Profile: Profile{Roles: []string{"pi_processor"}}}, duties)
	if len(problems) > 0 {
		return []Obligation{}
	}
	d.changes = append(d.changes, then.changes...)
	owed := slices.DeleteFunc(then.result.Obligations, func(o Obligation) bool { return o.Urgency == "contract" })
	then.release()
	return owed
}
