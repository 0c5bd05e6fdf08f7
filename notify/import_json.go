package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"

	"tocsin/incident"
)

// jsonRow decodes one NDJSON line in the wire form of a recipient; a field that is not known is a fault.
func jsonRow(row []byte, r *Recipient) *incident.Problem {
	d := json.NewDecoder(bytes.NewReader(row))
	d.DisallowUnknownFields()
	err := d.Decode(r)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		pointer := ""
		if wrong.Field != "" {
			pointer = "/" + strings.ReplaceAll(wrong.Field, ".", "/")
		}
		return problem(pointer, "type", "not the right kind of JSON value")
	case err != nil && json.Valid(row):
		return problem(unknownField(row), "unknown-field", "not a known field")
	case err != nil:
		return problem("", "json", "not a JSON object on one line")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem("", "json", "more than one JSON value on the line")
	}
	return nil
}

var recipientFields = jsonFields(reflect.TypeFor[Recipient]())

func jsonFields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// unknownField points at the first field that is not known, if its name is a plain word: a key could also
// be somebody's address.
func unknownField(row []byte) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(row, &object) != nil {
		return ""
	}
	var names []string
	for name := range object {
		if !slices.Contains(recipientFields, strings.ToLower(name)) && wordForm.MatchString(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "/" + slices.Min(names)
}
