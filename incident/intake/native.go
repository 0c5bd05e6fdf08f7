package intake

import (
	"slices"
	"strconv"
	"time"

	"tocsin/incident"
)

// nativeReader reads our own format. It is strict: what it does not know is the caller's mistake.
func nativeReader() *reader {
	return &reader{
		name: "native", version: "1", mode: incident.Live,
		match: func(in *input) bool {
			_, ok := in.view().at("facts").value.(map[string]any)
			return ok
		},
		read: func(in *input) []reading { return []reading{readNative(in)} },
	}
}

// Native reads a native finding, as POST /incidents takes it. The fault lists all problems, with pointers
// below prefix.
func Native(body []byte, prefix string) (incident.Finding, error) {
	if len(body) > MaxBody {
		return incident.Finding{}, tooLarge()
	}
	doc, problems := decode(body, prefix)
	if len(problems) > 0 {
		return incident.Finding{}, incident.InvalidInput(problems)
	}
	r := nativeReader().apply(&input{body: body, doc: doc, prefix: prefix})[0]
	if len(r.problems) > 0 {
		return incident.Finding{}, incident.InvalidInput(r.problems)
	}
	r.finding.Mode = r.mode
	r.finding.Original.ContentType = "application/json"
	return r.finding, nil
}

const (
	longestID   = 256
	longestWord = 64
	mostTags    = 100
)

var (
	nativeFields = []string{"operator", "dedup_key", "mode", "title", "summary", "severity", "at", "source", "facts",
		"measures", "advice", "remedies", "cause", "tags"}
	nativeFacts = []string{"measures", "advice", "remedies", "cause"} // facts that stand beside the facts object
	severities  = []string{"info", "low", "medium", "high", "critical", "unknown"}
	modes       = []string{string(incident.Live), string(incident.Drill), string(incident.Imported)}
)

// native collects the faults of one native finding.
type native struct {
	view
	problems []incident.Problem
}

func readNative(in *input) reading {
	n := &native{view: in.view(), problems: below(in.doc.odd, in.prefix)}
	if _, ok := n.value.(map[string]any); !ok {
		n.fault(n.pointer, "type", "must be an object")
		return refused(n.problems...)
	}
	for _, key := range n.keys() {
		if !slices.Contains(nativeFields, key) {
			n.fault(incident.Pointer(n.pointer, key), "unknown-field", "there is no such field")
		}
	}
	f := incident.Finding{
		Operator: n.string(n.at("operator"), longestWord, false),
		Mode:     incident.Mode(n.word(n.at("mode"), modes)),
		Title:    n.string(n.at("title"), 0, true),
		Summary:  n.string(n.at("summary"), 0, false),
		Severity: n.word(n.at("severity"), severities),
		Tags:     n.tags(),
	}
	f.RevisedAt = n.time(n.at("at"))
	f.Source = n.source()
	n.facts(&f)
	r := reading{finding: f, problems: n.problems}
	r.finding.Identity, r.matchedBy = n.identity(f.Source)
	return r
}

func (n *native) fault(pointer, rule, message string) {
	if len(n.problems) < maxFaults {
		n.problems = append(n.problems, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
	}
}

func (n *native) string(v view, most int, required bool) string {
	s, ok := v.value.(string)
	switch {
	case v.value == nil && !required:
	case v.value == nil || ok && required && incident.CleanText(s, longestID) == "":
		n.fault(v.pointer, "required", "must be there and not empty")
	case !ok:
		n.fault(v.pointer, "type", "must be a string")
	case most > 0 && len(s) > most:
		n.fault(v.pointer, "length", "must not be longer than "+strconv.Itoa(most)+" bytes")
	}
	return s
}

func (n *native) word(v view, words []string) string {
	s := n.string(v, 0, false)
	if s != "" && !slices.Contains(words, s) || v.value == "" {
		n.fault(v.pointer, "enum", "is none of the words allowed here")
	}
	return s
}

func (n *native) time(v view) time.Time {
	s := n.string(v, 0, false)
	if s == "" {
		return time.Time{}
	}
	m, ok := incident.ParseMoment(s)
	if !ok || !m.Exact() {
		n.fault(v.pointer, "date", "must be a time as RFC 3339")
	}
	return m.Earliest
}

func (n *native) source() incident.Source {
	v := n.at("source")
	if _, ok := v.value.(map[string]any); !ok && v.value != nil {
		n.fault(v.pointer, "type", "must be an object")
		return incident.Source{}
	}
	for _, key := range v.keys() {
		if !slices.Contains([]string{"tool", "id", "url"}, key) {
			n.fault(incident.Pointer(v.pointer, key), "unknown-field", "there is no such field")
		}
	}
	s := incident.Source{Tool: n.string(v.at("tool"), longestWord, false), ID: n.string(v.at("id"), longestID, false),
		URL: n.string(v.at("url"), 2048, false)}
	if s.URL != "" && !isWeb(s.URL) {
		n.fault(v.at("url").pointer, "url", "must be an http or https address")
	}
	return s
}

func (n *native) tags() []string {
	v := n.at("tags")
	if _, ok := v.value.([]any); !ok && v.value != nil {
		n.fault(v.pointer, "type", "must be a list")
		return nil
	}
	if len(v.list()) > mostTags {
		n.fault(v.pointer, "length", "must not have more than "+strconv.Itoa(mostTags)+" items")
		return nil
	}
	var tags []string
	for _, item := range v.list() {
		tags = append(tags, incident.CleanText(n.string(item, longestWord, true), longestWord))
	}
	return tags
}

// facts checks the facts object and the facts that stand beside it.
func (n *native) facts(f *incident.Finding) {
	facts := n.at("facts")
	object, ok := facts.value.(map[string]any)
	if !ok && facts.value != nil {
		n.fault(facts.pointer, "type", "must be an object")
	}
	beside := map[string]any{}
	for _, key := range nativeFacts {
		v := n.at(key)
		if v.value == nil {
			continue
		}
		beside[key] = v.value
		if object[key] != nil {
			n.fault(v.pointer, "duplicate", "stands among the facts too")
		}
	}
	inputs, problems := incident.CheckFacts(object, facts.pointer)
	more, faults := incident.CheckFacts(beside, n.pointer)
	f.Facts = append(inputs, more...)
	for _, p := range append(problems, faults...) {
		n.fault(p.Pointer, p.Rule, p.Message)
	}
}

// identity is the caller's dedup_key, else the id at its source. A finding without either is always new.
func (n *native) identity(s incident.Source) (key, by string) {
	switch key = n.string(n.at("dedup_key"), longestID, false); {
	case key != "":
		return identity("native", key), "dedup_key"
	case s.ID != "":
		return identity("native", s.Tool, s.ID), "source"
	}
	return "", ""
}
