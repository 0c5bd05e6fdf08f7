package obligation

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/templates"
)

// DeriveJSON takes one input {as_of, facts, profile} and gives the result, or a problem document when the
// input is invalid. It serves POST /obligations/derive and each line of the command.
func (e *Engine) DeriveJSON(line []byte) (answer []byte, ok bool) {
	in, problems := ReadInput(line)
	var result Result
	if len(problems) == 0 {
		result, problems = e.Derive(in)
	}
	if len(problems) > 0 {
		return marshal(incident.Explain(incident.InvalidInput(problems))), false
	}
	return marshal(result), true
}

func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // plain structs of strings, numbers and times always encode
	return bytes.TrimRight(b.Bytes(), "\n")
}

// ReadInput decodes one derive input strictly: unknown keys are problems, numbers keep their digits.
func ReadInput(line []byte) (Input, []incident.Problem) {
	var in Input
	var problems []incident.Problem
	add := func(pointer, rule, message string) {
		problems = append(problems, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
	}
	var parts map[string]json.RawMessage
	if err := decodeOne(line, &parts); err != nil || parts == nil {
		add("", "json", "expected one JSON object with as_of, facts and profile")
		return in, problems
	}
	for _, key := range sortedKeys(parts) {
		at := pointerTo("", key)
		switch key {
		case "as_of":
			var s string
			_ = json.Unmarshal(parts[key], &s)
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				add(at, "time", "expected a time as RFC 3339")
			}
			in.AsOf = t
		case "facts":
			if err := decodeOne(parts[key], &in.Facts); err != nil {
				add(at, "object", "expected an object")
			}
		case "profile":
			problems = append(problems, readProfile("/profile", parts[key], &in.Profile)...)
		default:
			add(at, "known", "there is no key of this name; known: as_of, facts, profile")
		}
	}
	if _, ok := parts["as_of"]; !ok {
		add("/as_of", "required", "the time for which to derive is missing")
	}
	return in, problems
}

// ReadProfile decodes a profile strictly: unknown keys are problems, pointing below the profile itself.
func ReadProfile(raw []byte) (Profile, []incident.Problem) {
	var p Profile
	problems := readProfile("", raw, &p)
	return p, problems
}

func readProfile(at string, raw json.RawMessage, into *Profile) []incident.Problem {
	problems := unknownKeys(at, raw, reflect.TypeFor[Profile]())
	if problems == nil {
		var parts struct{ Org json.RawMessage }
		if decodeOne(raw, &parts) == nil && parts.Org != nil {
			problems = unknownKeys(at+"/org", parts.Org, reflect.TypeFor[templates.Organisation]())
		}
	}
	if err := decodeOne(raw, into); err != nil && len(problems) == 0 {
		pointer := at
		if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && te.Field != "" {
			pointer += "/" + strings.ReplaceAll(te.Field, ".", "/")
		}
		problems = append(problems, incident.Problem{Pointer: pointer, Rule: "type", Message: "the value has the wrong type"})
	}
	return problems
}

// unknownKeys lists the keys of an object that the struct t does not have.
func unknownKeys(at string, raw json.RawMessage, t reflect.Type) (problems []incident.Problem) {
	var keys map[string]json.RawMessage
	if err := decodeOne(raw, &keys); err != nil {
		return []incident.Problem{{Pointer: at, Rule: "object", Message: "expected an object"}}
	}
	known := map[string]bool{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	for _, key := range sortedKeys(keys) {
		if !known[key] {
			problems = append(problems, incident.Problem{Pointer: pointerTo(at, key), Rule: "known", Message: "there is no key of this name"})
		}
	}
	return problems
}

// decodeOne decodes exactly one JSON value; numbers in free-form values stay as written.
func decodeOne(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}
