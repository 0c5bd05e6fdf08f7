package intake

import (
	"strings"

	"tocsin/incident"
)

// disclosure reads what happened to which data, and how sure the record is of it.
func (v *veris) disclosure() {
	status := v.at("security_incident")
	held := v.at("attribute", "confidentiality")
	disclosed := held.at("data_disclosure")
	if word := status.text(); word != "" && word != "False positive" {
		v.add("kind", "incident", status)
	}
	switch word := status.text(); {
	case word == "Confirmed" && disclosed.text() == "Potentially":
		v.add("confirmed", false, disclosed) // an incident for sure, a disclosure perhaps
	case word == "Confirmed":
		v.add("confirmed", true, status)
	case word == "Suspected", word == "Near miss":
		v.add("confirmed", false, status)
	case word == "False positive":
		v.add("confirmed", false, status)
		v.warn(status, "false-positive", "the source calls it a false positive: a person should decide")
	}
	event, from := v.dataEvent(disclosed)
	if event != "" {
		v.add("data_event", event, from)
	}
	if held.value != nil && disclosed.text() != "No" {
		v.data(held)
		v.records(held.at("data_total"))
		if len(held.at("state").list()) == 1 && held.at("state").has("Stored encrypted") {
			// A database says so, not the operator: claimed, until a person confirms it.
			v.f.Facts = append(v.f.Facts, incident.FactInput{Path: "encrypted_safe", Value: true, Certainty: incident.Claimed, Pointer: held.at("state").pointer})
		}
	}
	if event != "" || held.value != nil && disclosed.text() != "No" {
		v.countries()
	}
}

// dataEvent is the gravest thing the record says of the data; "unknown" when it may have been disclosed.
func (v *veris) dataEvent(disclosed view) (string, view) {
	theft := v.at("action", "physical", "variety")
	availability, integrity := v.at("attribute", "availability", "variety"), v.at("attribute", "integrity", "variety")
	switch {
	case disclosed.text() == "Yes":
		return "leaked", disclosed
	case theft.has("Theft") && disclosed.text() != "No":
		return "stolen", theft
	case availability.has("Obscuration"):
		return "encrypted", availability
	case integrity.has("Modify data"):
		return "tampered", integrity
	case availability.has("Loss"):
		return "lost", availability
	case disclosed.text() == "Potentially":
		return "unknown", disclosed
	}
	return "", view{}
}

var verisData = map[string]string{
	"Personal": "personal", "Medical": "health", "Bank": "bank", "Payment": "payment_card", "Credentials": "credentials",
	"Digital certificate": "credentials", "Secrets": "trade_secret", "Source code": "source_code", "Internal": "internal",
	"Classified": "classified", "System": "other", "Virtual currency": "other", "Copyrighted": "other",
}

// data are the kinds named. A list of unknown kinds only says nothing; beside known ones it says that
// there are more.
func (v *veris) data(held view) {
	from := held.at("data")
	var kinds []any
	more := false
	for _, item := range from.list() {
		variety := item.at("variety").text()
		kind, ok := verisData[variety]
		switch {
		case ok:
			kinds = append(kinds, kind)
		case variety == "" || variety == "Other":
			more = true
		default:
			more = true
			v.warn(item.at("variety"), "enum", "a kind of data that is not known here; it was left out")
		}
	}
	if len(kinds) == 0 {
		return
	}
	if more {
		kinds = append(kinds, "unknown")
	}
	v.checked("data", kinds, from)
}

// checked adds a fact in the vocabulary's own form.
func (v *veris) checked(path string, value any, from view) {
	inputs, problems := incident.CheckFacts(map[string]any{path: value}, "")
	for range problems {
		v.warn(from, "value", "not usable as it stands; it was left out")
	}
	for _, in := range inputs {
		in.Pointer = from.pointer
		v.f.Facts = append(v.f.Facts, in)
	}
}

// records is the total. How many people they belong to stays unknown, and that is said.
func (v *veris) records(total view) {
	if total.value == nil {
		return
	}
	n, ok := total.whole()
	if !ok || n < 0 {
		v.warn(total, "type", "not a whole number; it was left out")
		return
	}
	if n == 0 {
		v.warn(total, "minimum", "a disclosure of no records: the number was taken as unknown")
		return
	}
	v.add("records", n, total)
	v.add("people.certainty", "unknown", total)
}

// countries are where the victim is, which is where its people are as far as the record says. Their
// number is unknown.
func (v *veris) countries() {
	seen := map[string]bool{}
	for _, c := range v.at("victim", "country").list() {
		code := c.text()
		if code == "" || code == "Other" || seen[code] {
			continue
		}
		if len(code) != 2 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			v.warn(c, "pattern", "not a country code of two letters; it was left out")
			continue
		}
		seen[code] = true
		v.f.Facts = append(v.f.Facts, incident.FactInput{Path: "jurisdictions." + code, Certainty: "estimate", Pointer: c.pointer})
	}
}

// systems are the assets named; how long one was down only where there is one and the record measures it.
func (v *veris) systems() {
	from := v.at("asset", "assets")
	var systems []any
	seen := map[string]bool{}
	for _, item := range from.list() {
		name := incident.CleanText(item.at("variety").text(), longestID)
		if name == "" || strings.HasSuffix(name, "Unknown") || seen[name] {
			continue
		}
		seen[name] = true
		systems = append(systems, map[string]any{"name": name})
	}
	if len(systems) == 0 {
		return
	}
	availability := v.at("attribute", "availability")
	if minutes, ok := minutes(availability.at("duration")); ok && len(systems) == 1 && len(from.list()) == 1 && availability.at("variety").has("Interruption") {
		systems[0].(map[string]any)["down_minutes"] = minutes
	}
	v.checked("systems", systems, from)
}

func minutes(duration view) (int64, bool) {
	n, ok := duration.at("value").whole()
	per := map[string]int64{"Minutes": 1, "Hours": 60, "Days": 24 * 60, "Weeks": 7 * 24 * 60}[duration.at("unit").text()]
	return n * per, ok && per > 0 && n >= 0 && n < 100_000
}

// loss is taken only in the currency that grades are reckoned in.
func (v *veris) loss() {
	amount := v.at("impact", "overall_amount")
	if amount.value == nil {
		return
	}
	if v.at("impact", "iso_currency_code").text() != "CNY" {
		v.warn(amount, "currency", "a loss that is not in CNY, or in no currency; it was left out")
		return
	}
	v.checked("loss_cny", amount.value, amount)
}
