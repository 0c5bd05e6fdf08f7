package notify

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/incident"
)

// jsonRow decodes one NDJSON line in the wire form of a recipient; a field that is not known is a fault.
func jsonRow(row string, r *Recipient) *incident.Problem {
	if scan := (scanner{s: row}); scan.recipient(r) {
		return nil
	}
	*r = Recipient{}
	return jsonRowSlowly(row, r)
}

// jsonRowSlowly takes every way to write JSON, and says what is wrong.
func jsonRowSlowly(row string, r *Recipient) *incident.Problem {
	d := json.NewDecoder(strings.NewReader(row))
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
	case err != nil && json.Valid([]byte(row)):
		return problem(unknownField(row), "unknown-field", "not a known field")
	case err != nil:
		return problem("", "json", "not a JSON object on one line")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem("", "json", "more than one JSON value on the line")
	}
	return nil
}

// jsonCharacter is the character of a line at which it stops being JSON, counted from 1; 0 when it is.
func jsonCharacter(row string) int64 {
	var any json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal([]byte(row), &any); !errors.As(err, &syntax) {
		return 0
	}
	return int64(utf8.RuneCountInString(row[:min(max(0, int(syntax.Offset)-1), len(row))])) + 1
}

var recipientFields = jsonFields(reflect.TypeFor[Recipient]())

func jsonFields(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// unknownField points at the first field that is not known, if its name is a plain word: a key could also
// be somebody's address.
func unknownField(row string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(row), &object) != nil {
		return ""
	}
	var names []string
	for name := range object {
		if !slices.Contains(recipientFields, strings.ToLower(name)) && isWord(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "/" + slices.Min(names)
}
