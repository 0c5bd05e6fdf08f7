package intake

import (
	"encoding/json"
	"strings"

	"tocsin/incident"
)

// reader is one outside format. A new format is one file with a reader, and one line in readers.
type reader struct {
	name    string
	version string        // counted up when the same bytes would give other facts
	mode    incident.Mode // of its incidents when nobody says
	match   func(in *input) bool
	read    func(in *input) []reading
}

// readers in the order in which auto asks them. Envelopes come first: what a header says is meant.
func readers() []*reader { return []*reader{cloudEventsReader(), nativeReader(), verisReader()} }

// input is what a reader sees: a decoded body, or the data inside of an envelope.
type input struct {
	header header
	body   []byte // as received: the original
	doc    document
	prefix string // pointer to doc in what was received
	nested int    // envelopes around doc
}

func (in *input) view() view { return view{in.doc.value, in.prefix} }

// reading is one item of an input: a finding, or what is wrong with it.
type reading struct {
	finding   incident.Finding
	matchedBy string // what the identity is made of
	mode      incident.Mode
	problems  []incident.Problem
	pointer   string // of the item in a batch
}

func refused(problems ...incident.Problem) reading { return reading{problems: problems} }

// identity names an incident at its source: format and key, in a form that no choice of keys confuses.
func identity(parts ...string) string {
	b, _ := json.Marshal(parts) // strings always marshal
	return string(b)
}

// header is looked up without regard to case: HTTP canonicalises names, NATS does not.
type header map[string]string

func (h header) get(name string) (string, bool) {
	if v, ok := h[name]; ok {
		return v, true
	}
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// kept are the headers that carry content. All others, credentials among them, are dropped.
func (h header) kept() map[string]string {
	out := map[string]string{}
	for k, v := range h {
		if k = strings.ToLower(k); strings.HasPrefix(k, "ce-") {
			out[k] = v
		}
	}
	return out
}

// detect finds the reader of an input by what it looks like; nil when none knows it.
func detect(in *input) *reader {
	for _, r := range readers() {
		if r.match(in) {
			return r
		}
	}
	return nil
}

func named(format string) *reader {
	for _, r := range readers() {
		if r.name == format {
			return r
		}
	}
	return nil
}

// Formats lists what POST /intake/{format} takes.
func Formats() []string {
	out := []string{"auto"}
	for _, r := range readers() {
		out = append(out, r.name)
	}
	return out
}

// apply reads an input and completes what every format has in common.
func (r *reader) apply(in *input) []reading {
	readings := r.read(in)
	for i := range readings {
		f := &readings[i].finding
		if f.Format == "" { // else an inner reader has done it
			f.Format = r.name
			f.Original = &incident.Original{Reader: r.name + "/" + r.version, Body: in.body}
			if readings[i].mode = f.Mode; f.Mode == "" {
				readings[i].mode = r.mode
			}
		}
	}
	return readings
}
