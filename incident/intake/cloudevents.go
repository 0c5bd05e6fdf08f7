package intake

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
)

// maxNested is how many envelopes may stand around a finding.
const maxNested = 3

// cloudEventsReader reads CloudEvents 1.0: structured, batched (unsolicited too: at most 1,000) and
// binary, over HTTP and NATS. What is inside is detected again.
func cloudEventsReader() *reader {
	return &reader{name: cloudEventsName, version: "1", mode: incident.Live, match: isCloudEvent, read: readCloudEvents}
}

const (
	cloudEventsName = "cloudevents"
	cloudEventsType = "application/cloudevents"
)

// contentType is the media type in lower case, without parameters.
func (h header) contentType() string {
	v, _ := h.get("Content-Type")
	v, _, _ = strings.Cut(v, ";")
	return strings.ToLower(strings.TrimSpace(v))
}

func isCloudEvent(in *input) bool {
	if _, ok := in.header.get("ce-specversion"); ok || strings.HasPrefix(in.header.contentType(), cloudEventsType) {
		return true
	}
	return isStructured(in.view())
}

func isStructured(v view) bool {
	for _, key := range []string{"specversion", "type", "source", "id"} {
		if _, ok := v.at(key).value.(string); !ok {
			return false
		}
	}
	return true
}

func readCloudEvents(in *input) []reading {
	mediaType := in.header.contentType()
	_, list := in.doc.value.([]any)
	_, binary := in.header.get("ce-specversion")
	switch structured := strings.HasPrefix(mediaType, cloudEventsType); {
	case structured && mediaType != cloudEventsType && !strings.HasSuffix(mediaType, "+json"):
		return []reading{refused(incident.Problem{Rule: "content-type", Message: "of the event formats only JSON is read"})}
	case structured && strings.HasPrefix(mediaType, cloudEventsType+"-batch"), list && !binary:
		return readBatch(in)
	case binary && !structured:
		return []reading{readBinary(in)}
	}
	return []reading{readStructured(in)}
}

// readBatch reads each event by itself, from its own bytes, so that one fault costs one event.
func readBatch(in *input) []reading {
	var items []json.RawMessage
	if err := json.Unmarshal(in.body, &items); err != nil {
		return []reading{refused(incident.Problem{Pointer: in.prefix, Rule: "type", Message: "a batch must be a list"})}
	}
	if len(items) > maxBatch {
		return []reading{refused(incident.Problem{Pointer: in.prefix, Rule: "limit", Message: "more than " + strconv.Itoa(maxBatch) + " events"})}
	}
	out := make([]reading, len(items))
	for i, view := range in.view().list() {
		one := &input{body: items[i], prefix: view.pointer, nested: in.nested + 1,
			doc: document{value: view.value, odd: below(in.doc.odd, view.pointer)}}
		out[i] = readStructured(one)
		out[i].pointer = view.pointer
	}
	return out
}

// event is an envelope's own attributes.
type event struct {
	attribute map[string]view
	problems  []incident.Problem
	warnings  []incident.Problem
}

func (e *event) fault(pointer, rule, message string) {
	e.problems = append(e.problems, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
}

// check requires what every event has.
func (e *event) check(where func(name string) string) {
	for _, name := range []string{"specversion", "id", "source", "type"} {
		v := e.attribute[name]
		s, ok := v.value.(string)
		switch {
		case !ok || s == "":
			e.fault(where(name), "required", "an event must have this attribute, as a string that is not empty")
		case name == "specversion" && s != "1.0":
			e.fault(where(name), "specversion", "only version 1.0 is read")
		case len(s) > 4*longestID:
			e.fault(where(name), "length", "must not be longer than "+strconv.Itoa(4*longestID)+" bytes")
		}
	}
}

// structured attributes are the members of the body.
func readStructured(in *input) reading {
	v := in.view()
	if _, ok := v.value.(map[string]any); !ok {
		return refused(incident.Problem{Pointer: in.prefix, Rule: "type", Message: "an event must be an object"})
	}
	e := &event{attribute: map[string]view{}}
	for _, key := range v.keys() {
		e.attribute[key] = v.at(key)
	}
	e.check(func(name string) string { return v.at(name).pointer })
	data, coded := e.attribute["data"], e.attribute["data_base64"]
	inner := &input{body: in.body, nested: in.nested + 1, doc: document{odd: in.doc.odd}}
	switch text, isText := data.value.(string); {
	case data.value != nil && coded.value != nil:
		e.fault(coded.pointer, "duplicate", "an event must not have data twice")
	case coded.value != nil:
		s, _ := coded.value.(string)
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			e.fault(coded.pointer, "base64", "must be base64")
			break
		}
		e.decode(inner, raw, coded.pointer)
	case data.value == nil:
		e.fault(v.at("data").pointer, "required", "an event without data says nothing about an incident")
	case isText: // JSON written as a string
		e.decode(inner, []byte(text), data.pointer)
	default:
		inner.doc.value, inner.prefix = data.value, data.pointer
		inner.doc.odd = below(in.doc.odd, data.pointer)
	}
	return e.open(in, inner)
}

func (e *event) decode(inner *input, body []byte, prefix string) {
	doc, problems := decode(body, prefix)
	e.problems = append(e.problems, problems...)
	inner.doc, inner.prefix = doc, prefix
}

// readBinary reads attributes from headers and data from the body.
func readBinary(in *input) reading {
	e := &event{attribute: map[string]view{}}
	where := func(name string) string { return "/headers/ce-" + name }
	for name, raw := range in.header.kept() {
		name = strings.TrimPrefix(name, "ce-")
		value, ok := headerText(raw)
		if !ok {
			e.fault(incident.Pointer("/headers", "ce-"+name), "header", "must be percent-encoded UTF-8")
			continue
		}
		e.attribute[name] = view{value, incident.Pointer("/headers", "ce-"+name)}
	}
	slices.SortFunc(e.problems, func(a, b incident.Problem) int { return strings.Compare(a.Pointer, b.Pointer) })
	if len(e.problems) == 0 {
		e.check(where)
	}
	return e.open(in, &input{body: in.body, doc: in.doc, prefix: in.prefix, nested: in.nested + 1})
}

// headerText undoes one percent-encoding and optional double quotes, as the HTTP and NATS bindings say.
func headerText(raw string) (string, bool) {
	s := strings.TrimSpace(raw)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		var b strings.Builder
		for i := 1; i < len(s)-1; i++ {
			if s[i] == '\\' && i+1 < len(s)-1 {
				i++
			}
			b.WriteByte(s[i])
		}
		s = b.String()
	}
	decoded, err := url.PathUnescape(s)
	return decoded, err == nil && utf8.ValidString(decoded) // overlong forms are no valid UTF-8
}

// open reads the data and fills in, from the envelope, what the data does not say.
func (e *event) open(in, inner *input) reading {
	if len(e.problems) > 0 {
		return refused(e.problems...)
	}
	if inner.nested > maxNested {
		return refused(incident.Problem{Pointer: inner.prefix, Rule: "limit", Message: "too many envelopes"})
	}
	r := e.reader(inner)
	if r == nil {
		return refused(incident.Problem{Pointer: inner.prefix, Rule: "format",
			Message: "this data was not recognised; formats: " + strings.Join(Formats(), ", ")})
	}
	readings := r.apply(inner)
	if len(readings) != 1 {
		return refused(incident.Problem{Pointer: inner.prefix, Rule: "type", Message: "an event must hold one finding, not a batch"})
	}
	out := readings[0]
	if len(out.problems) > 0 {
		return out
	}
	f := &out.finding
	f.Original = &incident.Original{Reader: cloudEventsName + "/1 " + f.Original.Reader, Body: in.body}
	if f.Identity == "" {
		source, _ := e.attribute["source"].value.(string)
		id, _ := e.attribute["id"].value.(string)
		f.Identity = identity(cloudEventsName, source, id)
		out.matchedBy = "source+id"
	}
	e.time(f)
	if f.Severity == "" {
		f.Severity = e.severity()
	}
	f.Warnings = append(f.Warnings, e.warnings...)
	return out
}

// reader is found by what the data looks like, else by a format named in type or dataschema.
func (e *event) reader(inner *input) *reader {
	if r := detect(inner); r != nil {
		return r
	}
	for _, name := range []string{"type", "dataschema"} {
		words := strings.FieldsFunc(strings.ToLower(e.attribute[name].text()), func(r rune) bool { return strings.ContainsRune("./:#?-_", r) })
		for _, w := range words {
			if r := named(w); r != nil && r.name != cloudEventsName {
				return r
			}
		}
	}
	return nil
}

// time of the event orders revisions and hints at detection where the data has no times of its own.
func (e *event) time(f *incident.Finding) {
	v := e.attribute["time"]
	if v.value == nil {
		return
	}
	s, _ := v.value.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		e.warnings = append(e.warnings, incident.Problem{Pointer: v.pointer, Rule: "date", Message: "not a time as RFC 3339; it was left out"})
		return
	}
	if f.RevisedAt.IsZero() {
		f.RevisedAt = t.UTC().Truncate(time.Microsecond)
	}
	f.DetectedAt = t.UTC().Truncate(time.Microsecond)
}

// severity by the OpenTelemetry scale.
func (e *event) severity() string {
	n, ok := e.attribute["severitynumber"].whole()
	if !ok {
		i, err := strconv.Atoi(e.attribute["severitynumber"].text())
		n, ok = int64(i), err == nil
	}
	switch {
	case !ok || n < 1 || n > 24:
		return ""
	case n >= 21:
		return "critical"
	case n >= 17:
		return "high"
	case n >= 13:
		return "medium"
	case n >= 9:
		return "low"
	}
	return "info"
}
