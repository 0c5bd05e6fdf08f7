package notify

import (
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
	"person_key":      textColumn("/person_key", func(r *Recipient) *string { return &r.PersonKey }),
	"name":            textColumn("/name", func(r *Recipient) *string { return &r.Name }),
	"locale":          textColumn("/locale", func(r *Recipient) *string { return &r.Locale }),
	"jurisdiction":    textColumn("/jurisdiction", func(r *Recipient) *string { return &r.Jurisdiction }),
	"zone":            textColumn("/zone", func(r *Recipient) *string { return &r.Zone }),
	"email":           listColumn("/emails", func(r *Recipient) *[]string { return &r.Emails }),
	"emails":          listColumn("/emails", func(r *Recipient) *[]string { return &r.Emails }),
	"phone":           listColumn("/phones", func(r *Recipient) *[]string { return &r.Phones }),
	"phones":          listColumn("/phones", func(r *Recipient) *[]string { return &r.Phones }),
	"data":            listColumn("/data", func(r *Recipient) *[]string { return &r.Data }),
	"channels":        listColumn("/channels", func(r *Recipient) *[]string { return &r.Channels }),
	"burnt":           listColumn("/burnt", func(r *Recipient) *[]string { return &r.Burnt }),
	"shared":          listColumn("/shared", func(r *Recipient) *[]string { return &r.Shared }),
	"push_id":         textColumn("/push/0/id", func(r *Recipient) *string { return &device(r).ID }),
	"push_provider":   textColumn("/push/0/provider", func(r *Recipient) *string { return &device(r).Provider }),
	"push_target":     textColumn("/push/0/target", func(r *Recipient) *string { return &device(r).Target }),
	"brand":           textColumn("/brand", func(r *Recipient) *string { return &r.Brand }),
	"customer":        {field: "/customer", set: func(r *Recipient, v string) *incident.Problem { r.Customer = &v; return nil }},
	"verified_at":     {field: "/verified_at", set: setVerified},
	"minor":           flagColumn("/minor", func(r *Recipient, is bool) { r.Minor = &is }),
	"deceased":        flagColumn("/deceased", func(r *Recipient, is bool) { r.Deceased = is }),
	"business":        flagColumn("/business", func(r *Recipient, is bool) { r.Business = is }),
	"former":          flagColumn("/former", func(r *Recipient, is bool) { r.Former = is }),
	"no_app":          flagColumn("/no_app", func(r *Recipient, is bool) { r.NoApp = is }),
	"safe_contact":    flagColumn("/safe_contact", func(r *Recipient, is bool) { r.Safe = is }),
	"opted_out":       flagColumn("/opted_out", func(r *Recipient, is bool) { r.OptedOut = is }),
	"guardian1_name":  standInName("/guardians", 0, guardiansOf),
	"guardian1_phone": standInPhone("/guardians", 0, guardiansOf),
	"guardian1_email": standInEmail("/guardians", 0, guardiansOf),
	"guardian2_name":  standInName("/guardians", 1, guardiansOf),
	"guardian2_phone": standInPhone("/guardians", 1, guardiansOf),
	"guardian2_email": standInEmail("/guardians", 1, guardiansOf),
	"kin1_name":       standInName("/next_of_kin", 0, kinOf),
	"kin1_phone":      standInPhone("/next_of_kin", 0, kinOf),
	"kin1_email":      standInEmail("/next_of_kin", 0, kinOf),
	"kin2_name":       standInName("/next_of_kin", 1, kinOf),
	"kin2_phone":      standInPhone("/next_of_kin", 1, kinOf),
	"kin2_email":      standInEmail("/next_of_kin", 1, kinOf),
}

func textColumn(field string, at func(*Recipient) *string) column {
	return column{field: field, set: func(r *Recipient, v string) *incident.Problem {
		*at(r) = v
		return nil
	}}
}

// listColumn takes several values apart at semicolons and line breaks.
func listColumn(field string, at func(*Recipient) *[]string) column {
	return column{field: field, set: func(r *Recipient, v string) *incident.Problem {
		to := at(r)
		if strings.IndexByte(v, ';') < 0 && strings.IndexByte(v, '\n') < 0 {
			*to = append(*to, v)
			return nil
		}
		for more := true; more; {
			var item string
			i := strings.IndexAny(v, ";\n")
			if item, more = v, i >= 0; more {
				item, v = v[:i], v[i+1:]
			}
			if item = strings.TrimSpace(item); item != "" {
				*to = append(*to, item)
			}
		}
		return nil
	}}
}

func flagColumn(field string, set func(*Recipient, bool)) column {
	return column{field: field, set: func(r *Recipient, v string) *incident.Problem {
		switch strings.ToLower(v) {
		case "true", "yes", "1":
			set(r, true)
		case "false", "no", "0":
			set(r, false)
		default:
			return problem(field, "boolean", "true, false or empty for unknown")
		}
		return nil
	}}
}

// setVerified reads one day for all addresses, or address=day for some.
func setVerified(r *Recipient, v string) *incident.Problem {
	r.VerifiedAt = map[string]string{}
	for item := range strings.SplitSeq(v, ";") {
		address, day, apart := strings.Cut(item, "=")
		if !apart {
			address, day = "", item
		}
		r.VerifiedAt[strings.TrimSpace(address)] = strings.TrimSpace(day)
	}
	return nil
}

func guardiansOf(r *Recipient) *[]Guardian { return &r.Guardians }
func kinOf(r *Recipient) *[]Guardian       { return &r.NextOfKin }

func standIn(r *Recipient, of func(*Recipient) *[]Guardian, i int) *Guardian {
	list := of(r)
	for len(*list) <= i {
		*list = append(*list, Guardian{})
	}
	return &(*list)[i]
}

func standInName(field string, i int, of func(*Recipient) *[]Guardian) column {
	return textColumn(fmt.Sprintf("%s/%d/name", field, i), func(r *Recipient) *string { return &standIn(r, of, i).Name })
}

func standInPhone(field string, i int, of func(*Recipient) *[]Guardian) column {
	return listColumn(fmt.Sprintf("%s/%d/phones", field, i), func(r *Recipient) *[]string { return &standIn(r, of, i).Phones })
}

func standInEmail(field string, i int, of func(*Recipient) *[]Guardian) column {
	return listColumn(fmt.Sprintf("%s/%d/emails", field, i), func(r *Recipient) *[]string { return &standIn(r, of, i).Emails })
}

func device(r *Recipient) *PushTarget {
	if len(r.Push) == 0 {
		r.Push = append(r.Push, PushTarget{})
	}
	return &r.Push[0]
}

// csvHeader reads the header row. Its faults never repeat a name: without a header, the first row is a person.
func csvHeader(row string) (*csvForm, error) {
	f := &csvForm{delimiter: delimiter([]byte(row))}
	names, err := f.fields(nil, row)
	if err != nil {
		return nil, incident.InvalidInput([]incident.Problem{*problem("/header", "csv", err.Error())})
	}
	var faults []incident.Problem
	f.columns = make([]column, len(names))
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		c, ok := csvColumns[name]
		if v, isVar := strings.CutPrefix(name, "var."); isVar && isWord(v) {
			c, ok = varColumn(v), true
		}
		taken := slices.ContainsFunc(f.columns[:i], func(o column) bool { return ok && o.field == c.field })
		switch at := fmt.Sprintf("/header/%d", i); {
		case !ok:
			faults = append(faults, *problem(at, "column", "not a known column; the first line must name the columns"))
		case taken:
			faults = append(faults, *problem(at, "unique", "a column stands twice"))
		}
		c.name = name
		f.columns[i] = c
	}
	tells := func(c column) bool {
		return slices.Contains([]string{"/person_key", "/emails", "/phones", "/push/0/id"}, c.field)
	}
	if len(faults) == 0 && !slices.ContainsFunc(f.columns, tells) {
		faults = append(faults, *problem("/header", "identity", "a column person_key, email, phone or push_id is needed"))
	}
	if len(faults) > 0 {
		return nil, incident.InvalidInput(faults)
	}
	return f, nil
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

// decoder decodes rows, in one goroutine.
func (f *csvForm) decoder() decoder {
	var values []string
	return func(row string, r *Recipient) *incident.Problem {
		var err error
		if values, err = f.fields(values[:0], row); err != nil {
			return problem("", "csv", err.Error())
		}
		if len(values) != len(f.columns) {
			return problem("", "columns", fmt.Sprintf("the columns of the row and of the header differ: %d, %d", len(values), len(f.columns)))
		}
		for i := range f.columns {
			value := strings.TrimSpace(values[i])
			if value == "" {
				continue
			}
			if p := f.columns[i].set(r, value); p != nil {
				return p
			}
		}
		if len(r.Push) > 0 && r.Push[0].ID == "" {
			r.Push = nil // a provider or target alone is no device
		}
		return nil
	}
}

// place names the column that a field's pointer came from, as a person who made the file knows it, and the
// character at which its value begins.
func (f *csvForm) place(row, pointer string) (name string, character int64) {
	for i, c := range f.columns {
		if pointer == c.field || strings.HasPrefix(pointer, c.field+"/") {
			return c.name, f.character(row, i)
		}
	}
	return strings.TrimPrefix(pointer, "/"), 0
}
