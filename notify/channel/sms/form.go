package sms

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/notify"
	"tocsin/templates"
)

// maxParam is how long one variable may be (channels.md section 2.2).
const maxParam = 35

// form is what is sent of a message: an approved template and the values of its parameters.
type form struct {
	sign, template string
	bare           string // template without variables
	names          []string
	values         []notify.Words
}

func refuse(class notify.Class, code string) *notify.Refusal {
	return &notify.Refusal{Channel: templates.SMS, Class: class, Code: code}
}

// slot accepts all that looks like one, so that an unlawful one is found and not sent as text.
func slot(string) bool { return true }

// impersonal refuses slots that would put more of a person into a short message than its code: a number may
// belong to somebody else by now.
func impersonal(m notify.FrozenMessage, words ...notify.Words) error {
	slots := slices.Clone(m.Slots)
	for _, w := range words {
		slots = append(slots, w.Slots()...)
	}
	if slices.ContainsFunc(slots, func(s string) bool { return !notify.ShortSlot(s) }) {
		return refuse(notify.ClassBug, "personal-slot")
	}
	return nil
}

// newForm checks what can be checked without a recipient: the approved template's code, the signature, and
// that no fixed parameter breaks the provider's rules. order names the parameters in their places; nil: all.
func newForm(m notify.FrozenMessage, f templates.SMSForm) (form, error) {
	made := form{sign: f.Sign, template: f.Template, bare: f.Bare, names: f.Order}
	if made.sign == "" {
		made.sign = m.Sign
	}
	if made.template == "" || made.sign == "" {
		return form{}, refuse(notify.ClassStop, "no-template-or-signature")
	}
	if made.names == nil {
		made.names = slices.Sorted(maps.Keys(m.Params))
	}
	for _, name := range made.names {
		text, ok := m.Params[name]
		if !ok {
			return form{}, refuse(notify.ClassBug, "no-such-parameter")
		}
		w := notify.ParseWords(text, slot)
		if len(w.Slots()) == 0 && !fits(text) {
			return form{}, refuse(notify.ClassStop, "parameter-rule")
		}
		made.values = append(made.values, w)
	}
	return made, impersonal(m, made.values...)
}

// fill is the values of the parameters for one person. code names what is wrong, ours whether the fault is
// not the person's data but our own.
func (f *form) fill(o *notify.Outgoing) (values []string, code string, ours bool) {
	values = make([]string, len(f.values))
	for i := range f.values {
		v, missing := f.values[i].Fill(o)
		switch {
		case missing != "":
			return nil, "slot-missing", missing != "brand"
		case !fits(v):
			return nil, "parameter-rule", !slices.Contains(f.values[i].Slots(), "brand")
		}
		values[i] = v
	}
	return values, "", false
}

// choose is the template that serves a person, and its values: the one without variables when the provider would
// refuse a value. refused has a class when neither serves.
func (f *form) choose(o *notify.Outgoing) (template string, values []string, refused notify.Verdict) {
	values, code, ours := f.fill(o)
	switch {
	case code == "":
		return f.template, values, notify.Verdict{}
	case ours:
		return "", nil, notify.Verdict{Class: notify.ClassBug, Code: code}
	case f.bare == "":
		return "", nil, notify.Verdict{Class: notify.ClassRcptSoft, Code: code}
	}
	return f.bare, nil, notify.Verdict{}
}

// fits is the provider's rule for a variable: 1 to 35 characters and no address of a web page.
func fits(v string) bool {
	if n := utf8.RuneCountInString(v); n < 1 || n > maxParam {
		return false
	}
	low := strings.ToLower(v)
	return !strings.Contains(low, "://") && !strings.Contains(low, "www.")
}

// object is the parameters as a JSON object of strings.
func (f *form) object(values []string) string {
	if len(values) == 0 {
		return ""
	}
	b := make([]byte, 0, 64*len(values))
	for i, v := range values {
		b = append(b, "{,"[min(i, 1)])
		b = appendString(append(appendString(b, f.names[i]), ':'), v)
	}
	return string(append(b, '}'))
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	plain := !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r > '~' })
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // a string always encodes
	}
	return append(b, quoted...)
}
