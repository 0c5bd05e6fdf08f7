package intake

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
)

// verisReader imports incident records of the VERIS schema 1.3. It takes what a record supports and
// invents nothing: records are not people, a year is not the first of January.
func verisReader() *reader {
	return &reader{
		name: "veris", version: "1", mode: incident.Imported,
		match: func(in *input) bool {
			v := in.view()
			for _, key := range []string{"incident_id", "victim", "action", "schema_version"} {
				if v.at(key).value == nil {
					return false
				}
			}
			return true
		},
		read: func(in *input) []reading { return []reading{readVERIS(in)} },
	}
}

// veris is one record on its way to a finding.
type veris struct {
	view
	f incident.Finding
}

func readVERIS(in *input) reading {
	v := &veris{view: in.view()}
	id := v.at("incident_id").text()
	if id == "" || len(id) > longestID {
		return refused(incident.Problem{Pointer: v.at("incident_id").pointer, Rule: "required", Message: "a record must name its incident, in at most 256 bytes"})
	}
	v.f.Warnings = below(in.doc.odd, in.prefix)
	source := incident.CleanText(v.at("source_id").text(), longestWord)
	v.f.Identity = identity("veris", strings.ToLower(source), strings.ToLower(id))
	v.f.Source = incident.Source{Tool: source, ID: id, URL: v.reference()}
	v.f.Title, v.f.Tags = v.title(id), v.tags()
	v.f.Summary = v.at("summary").text()
	v.f.Severity = verisRatings[v.at("impact", "overall_rating").text()]
	v.f.RevisedAt = v.revised()
	v.times()
	v.disclosure()
	v.systems()
	v.loss()
	return reading{finding: v.f, matchedBy: "source_id+incident_id"}
}

var verisRatings = map[string]string{"Catastrophic": "critical", "Damaging": "high", "Painful": "medium", "Distracting": "low", "Insignificant": "info"}

func (v *veris) add(path string, value any, from view) {
	v.f.Facts = append(v.f.Facts, incident.FactInput{Path: path, Value: value, Pointer: from.pointer})
}

func (v *veris) warn(at view, rule, message string) {
	v.f.Warnings = append(v.f.Warnings, incident.Problem{Pointer: at.pointer, Rule: rule, Message: message})
}

// reference is the first web address of the record's references.
func (v *veris) reference() string {
	for _, s := range strings.FieldsFunc(v.at("reference").text(), func(r rune) bool { return r == ';' || r == ' ' || r == '\n' || r == ',' }) {
		if isWeb(s) && len(s) <= 2048 {
			return s
		}
	}
	return ""
}

func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// title is made of victim and actions: the schema has none.
func (v *veris) title(id string) string {
	var what []string
	for _, action := range v.at("action").keys() {
		if action == "unknown" {
			continue
		}
		s := action
		if varieties := v.at("action", action, "variety").texts(); len(varieties) > 0 {
			s += " (" + strings.Join(varieties, ", ") + ")"
		}
		what = append(what, s)
	}
	parts := []string{v.at("victim", "victim_id").text(), strings.Join(what, ", ")}
	if parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" }); len(parts) > 0 {
		return strings.Join(parts, ": ")
	}
	return "VERIS " + id
}

// tags keep the record's classification. Whose data it was is a hint for the audience, never a count.
func (v *veris) tags() []string {
	var out []string
	for _, action := range v.at("action").keys() {
		out = append(out, "action:"+action)
	}
	if v.at("action", "malware", "variety").has("Ransomware") {
		out = append(out, "ransomware")
	}
	for _, s := range v.at("attribute", "confidentiality", "data_victim").texts() {
		out = append(out, "data-victim:"+strings.ToLower(s))
	}
	if s := v.at("security_incident").text(); s == "False positive" || s == "Near miss" {
		out = append(out, strings.ReplaceAll(strings.ToLower(s), " ", "-"))
	}
	for i, s := range out {
		out[i] = incident.CleanText(s, longestWord)
	}
	return out[:min(len(out), mostTags)]
}

func (v *veris) revised() time.Time {
	for _, key := range []string{"modified", "created"} {
		at := v.at("plus", key)
		s := at.text()
		if s == "" {
			continue
		}
		if m, ok := incident.ParseMoment(s); ok && m.Exact() {
			return m.Earliest.UTC()
		}
		v.warn(at, "date", "not a time as RFC 3339; it was left out")
	}
	return time.Time{}
}

// times are when it happened, as precisely as the record says, and when it was noticed.
func (v *veris) times() {
	at := v.at("timeline", "incident")
	date, ok := v.date(at)
	if !ok {
		return
	}
	v.add("occurred_at", date.String(), at)
	if at.at("time").value != nil {
		v.warn(at.at("time"), "zone", "a time of day without a zone; only the day was taken")
	}
	if seen, ok := later(date, v.at("timeline", "discovery")); ok {
		v.add("first_signal_at", seen, v.at("timeline", "discovery"))
	}
}

// date is year, year-month or day. What cannot be right is left out with a warning, never filled in.
func (v *veris) date(at view) (incident.Moment, bool) {
	part := func(key string, low, high int64) (int, bool) {
		p := at.at(key)
		if p.value == nil {
			return 0, false
		}
		n, ok := p.whole()
		if ok = ok && n >= low && n <= high; !ok {
			v.warn(p, "date", "not a possible "+key+"; it was left out")
		}
		return int(n), ok
	}
	year, ok := part("year", 1950, 2200)
	if !ok {
		return incident.Moment{}, false
	}
	layout := "2006"
	month, hasMonth := part("month", 1, 12)
	day, hasDay := part("day", 1, 31)
	t := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)
	if hasMonth {
		t, layout = time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC), "2006-01"
	}
	switch full := t.AddDate(0, 0, day-1); {
	case hasDay && !hasMonth:
		v.warn(at.at("day"), "date", "a day without a month; it was left out")
	case hasDay && full.Month() != t.Month():
		v.warn(at.at("day"), "date", "this month has no such day; it was left out")
	case hasDay:
		t, layout = full, "2006-01-02"
	}
	return incident.ParseMoment(t.Format(layout))
}

// later adds a duration to a date, no more precisely than either is known; not at all when the duration
// is finer than the date or not a whole number.
func later(date incident.Moment, duration view) (string, bool) {
	n, ok := duration.at("value").whole()
	if !ok || n < 0 || n > 10_000 {
		return "", false
	}
	t, known, count := date.Earliest, len(date.String()), int(n)
	const year, month, day = len("2006"), len("2006-01"), len("2006-01-02")
	switch unit := duration.at("unit").text(); {
	case unit == "Years" && known >= year:
		return t.AddDate(count, 0, 0).Format("2006"), true
	case unit == "Months" && known >= month:
		t = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		return t.AddDate(0, count, 0).Format("2006-01"), true
	case unit == "Weeks" && known >= day:
		return t.AddDate(0, 0, 7*count).Format("2006-01-02"), true
	case unit == "Days" && known >= day:
		return t.AddDate(0, 0, count).Format("2006-01-02"), true
	}
	return "", false
}
