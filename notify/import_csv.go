package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/incident"
)

// column says how one CSV column fills a recipient and which field of it that is.
type column struct {
	name  string // as in the header
	field string // JSON pointer
	set   func(r *Recipient, value string) *incident.Problem
}

// csvColumns are the known columns by name; var.<name> is any.
var csvColumns = map[string]column{
	"person_key":    textColumn("/person_key", func(r *Recipient) *string { return &r.PersonKey }),
	"name":          textColumn("/name", func(r *Recipient) *string { return &r.Name }),
	"locale":        textColumn("/locale", func(r *Recipient) *string { return &r.Locale }),
	"jurisdiction":  textColumn("/jurisdiction", func(r *Recipient) *string { return &r.Jurisdiction }),
	"zone":          textColumn("/zone", func(r *Recipient) *string { return &r.Zone }),
	"email":         listColumn("/emails", func(r *Recipient) *[]string { return &r.Emails }),
	"emails":        listColumn("/emails", func(r *Recipient) *[]string { return &r.Emails }),
	"phone":         listColumn("/phones", func(r *Recipient) *[]string { return &r.Phones }),
	"phones":        listColumn("/phones", func(r *Recipient) *[]string { return &r.Phones }),
	"data":          listColumn("/data", func(r *Recipient) *[]string { return &r.Data }),
	"channels":      listColumn("/channels", func(r *Recipient) *[]string { return &r.Channels }),
	"burnt":         listColumn("/burnt", func(r *Recipient) *[]string { return &r.Burnt }),
	"push_id":       textColumn("/push/0/id", func(r *Recipient) *string { return &device(r).ID }),
	"push_provider": textColumn("/push/0/provider", func(r *Recipient) *string { return &device(r).Provider }),
	"push_target":   textColumn("/push/0/target", func(r *Recipient) *string { return &device(r).Target }),
	"customer": {field: "/customer", set: func(r *Recipient, v string) *incident.Problem {
		r.Customer = &v
		return nil
	}},
	"minor": {field: "/minor", set: setMinor},
}

func textColumn(field string, at func(*Recipient) *string) column {
	return column{field: field, set: func(r *Recipient, v string) *incident.Problem {
		*at(r) = v
		return nil
	}}
}

// listColumn takes several values apart at semicolons.
func listColumn(field string, at func(*Recipient) *[]string) column {
	return column{field: field, set: func(r *Recipient, v string) *incident.Problem {
		for item := range strings.SplitSeq(v, ";") {
			if item = strings.TrimSpace(item); item != "" {
				*at(r) = append(*at(r), item)
			}
		}
		return nil
	}}
}

func setMinor(r *Recipient, v string) *incident.Problem {
	switch strings.ToLower(v) {
	case "true", "false":
		minor := strings.EqualFold(v, "true")
		r.Minor = &minor
		return nil
	}
	return problem("/minor", "boolean", "true, false or empty for unknown")
}

func device(r *Recipient) *PushTarget {
	if len(r.Push) == 0 {
		r.Push = make([]PushTarget, 1)
	}
	return &r.Push[0]
}

// csvHeader reads the header row. Its faults never repeat a name: without a header, the first row is a person.
func csvHeader(row string) ([]column, error) {
	names, err := csvFields(nil, row)
	if err != nil {
		return nil, incident.InvalidInput([]incident.Problem{*problem("/header", "csv", err.Error())})
	}
	var faults []incident.Problem
	columns := make([]column, len(names))
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		c, ok := csvColumns[name]
		if v, isVar := strings.CutPrefix(name, "var."); isVar && wordForm.MatchString(v) {
			c, ok = varColumn(v), true
		}
		taken := slices.ContainsFunc(columns[:i], func(o column) bool { return ok && o.field == c.field })
		switch at := fmt.Sprintf("/header/%d", i); {
		case !ok:
			faults = append(faults, *problem(at, "column", "not a known column; the first line must name the columns"))
		case taken:
			faults = append(faults, *problem(at, "unique", "a column stands twice"))
		}
		c.name = name
		columns[i] = c
	}
	tells := func(c column) bool {
		return slices.Contains([]string{"/person_key", "/emails", "/phones", "/push/0/id"}, c.field)
	}
	if len(faults) == 0 && !slices.ContainsFunc(columns, tells) {
		faults = append(faults, *problem("/header", "identity", "a column person_key, email, phone or push_id is needed"))
	}
	if len(faults) > 0 {
		return nil, incident.InvalidInput(faults)
	}
	return columns, nil
}

func varColumn(name string) column {
	return column{field: "/vars/" + name, set: func(r *Recipient, v string) *incident.Problem {
		if r.Vars == nil {
			r.Vars = map[string]string{}
		}
		r.Vars[name] = v
		return nil
	}}
}

// csvRow decodes one row under the header's columns.
func csvRow(columns []column) decoder {
	var fields []string
	return func(row []byte, r *Recipient) *incident.Problem {
		var err error
		if fields, err = csvFields(fields[:0], string(row)); err != nil {
			return problem("", "csv", err.Error())
		}
		if len(fields) != len(columns) {
			return problem("", "columns", fmt.Sprintf("the row has %d columns, the header %d", len(fields), len(columns)))
		}
		for i, c := range columns {
			value := strings.TrimSpace(fields[i])
			if value == "" {
				continue
			}
			if p := c.set(r, value); p != nil {
				return p
			}
		}
		if len(r.Push) > 0 && r.Push[0].ID == "" {
			r.Push = nil // a provider or target alone is no device
		}
		return nil
	}
}

// columnOf names the column that a field's pointer came from, as a person who made the file knows it.
func columnOf(columns []column, pointer string) string {
	for _, c := range columns {
		if pointer == c.field || strings.HasPrefix(pointer, c.field+"/") {
			return c.name
		}
	}
	return strings.TrimPrefix(pointer, "/")
}

var errQuotes = errors.New("quotes do not match; a value may not contain a line break")

// csvFields appends the values of one row (RFC 4180, on one line) to fields.
func csvFields(fields []string, row string) ([]string, error) {
	for {
		if !strings.HasPrefix(row, `"`) {
			value, rest, more := strings.Cut(row, ",")
			if strings.Contains(value, `"`) {
				return fields, errQuotes
			}
			if fields = append(fields, value); !more {
				return fields, nil
			}
			row = rest
			continue
		}
		value, rest, err := quoted(row[1:])
		if err != nil {
			return fields, err
		}
		fields = append(fields, value)
		if rest == "" {
			return fields, nil
		}
		if rest[0] != ',' {
			return fields, errQuotes
		}
		row = rest[1:]
	}
}

// quoted reads up to the closing quote; two quotes stand for one.
func quoted(s string) (value, rest string, err error) {
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", errQuotes
		}
		value, s = value+s[:i], s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			return value, s, nil
		}
		value, s = value+`"`, s[1:]
	}
}
