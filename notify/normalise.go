package notify

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"

	"tocsin/incident"
	"tocsin/templates"
)

// Limits of one recipient.
const (
	maxName      = 200
	maxValue     = 500
	maxAddresses = 16
	maxVars      = 64
)

var (
	regionForm = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)
	wordForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	errEmail   = errors.New("not a valid e-mail address")

	// personal are the channels that lead to one person.
	personal = []string{templates.Email, templates.SMS, templates.Push}
)

// normaliser checks recipients and brings them into one form. It remembers the few locales and zones that
// an audience has; one goroutine uses it.
type normaliser struct{ locales, zones map[string]string }

func newNormaliser() *normaliser {
	return &normaliser{locales: map[string]string{}, zones: map[string]string{}}
}

// normalise changes r into its one form, or says what is wrong first. The problem never holds a value.
func (n *normaliser) normalise(r *Recipient) *incident.Problem {
	for _, check := range []func(*Recipient) *incident.Problem{n.words, n.place, addresses, guardians, choices, vars} {
		if p := check(r); p != nil {
			return p
		}
	}
	if r.PersonKey == "" && len(r.Emails)+len(r.Phones)+len(r.Push) == 0 {
		return problem("", "identity", "a person_key or an address is needed")
	}
	return nil
}

func (n *normaliser) words(r *Recipient) *incident.Problem {
	for _, f := range []struct {
		pointer string
		text    *string
	}{{"/person_key", &r.PersonKey}, {"/name", &r.Name}} {
		*f.text = strings.TrimSpace(*f.text)
		if p := line(f.pointer, *f.text, maxName); p != nil {
			return p
		}
	}
	if r.Customer != nil {
		return line("/customer", *r.Customer, maxName)
	}
	return nil
}

func (n *normaliser) place(r *Recipient) *incident.Problem {
	var ok bool
	if r.Locale, ok = lookup(n.locales, strings.TrimSpace(r.Locale), locale); !ok {
		return problem("/locale", "bcp-47", "not a language tag such as zh-Hans or en")
	}
	if r.Zone, ok = lookup(n.zones, strings.TrimSpace(r.Zone), zone); !ok {
		return problem("/zone", "iana-zone", "not a time zone such as Asia/Shanghai")
	}
	r.Jurisdiction = strings.ToUpper(strings.TrimSpace(r.Jurisdiction))
	if r.Jurisdiction != "" && !regionForm.MatchString(r.Jurisdiction) {
		return problem("/jurisdiction", "iso-3166", "not a country or region code such as CN or CN-SH")
	}
	return nil
}

// lookup remembers valid answers, of which there are few; an empty text is no answer and fine.
func lookup(known map[string]string, s string, parse func(string) (string, bool)) (string, bool) {
	if s == "" {
		return "", true
	}
	if v, ok := known[s]; ok {
		return v, true
	}
	v, ok := parse(s)
	if ok {
		known[s] = v
	}
	return v, ok
}

// locale is the canonical tag. Chinese is told apart by script, which is what messages are written in.
func locale(s string) (string, bool) {
	t, err := language.Parse(s)
	if err != nil || t == language.Und {
		return "", false
	}
	if base, _ := t.Base(); base.String() == "zh" {
		script, _ := t.Script()
		return "zh-" + script.String(), true
	}
	return t.String(), true
}

func zone(s string) (string, bool) {
	if s == "Local" {
		return "", false
	}
	_, err := time.LoadLocation(s)
	return s, err == nil
}

func addresses(r *Recipient) *incident.Problem {
	region, _, _ := strings.Cut(r.Jurisdiction, "-")
	if p := each("/emails", "email", r.Emails, email); p != nil {
		return p
	}
	if p := each("/phones", "phone", r.Phones, func(s string) (string, error) { return phone(s, region) }); p != nil {
		return p
	}
	if len(r.Push) > maxAddresses {
		return problem("/push", "count", "too many addresses")
	}
	for i := range r.Push {
		t, at := &r.Push[i], fmt.Sprintf("/push/%d", i)
		t.Target = strings.ToUpper(strings.TrimSpace(t.Target))
		if t.Target == "" {
			t.Target = "DEVICE"
		}
		if t.Provider == "" {
			t.Provider = "aliyun"
		}
		switch {
		case !slices.Contains([]string{"DEVICE", "ACCOUNT", "ALIAS"}, t.Target):
			return problem(at+"/target", "enum", "a target is DEVICE, ACCOUNT or ALIAS")
		case !wordForm.MatchString(t.Provider):
			return problem(at+"/provider", "enum", "not the name of a provider")
		case t.ID == "" || len(t.ID) > 128 || strings.ContainsFunc(t.ID, func(c rune) bool { return c <= ' ' || c == ',' || c > '~' }):
			return problem(at+"/id", "push-id", "a device, account or alias id has 1 to 128 letters, without blanks and commas")
		}
	}
	return nil
}

// each brings the addresses of one channel into their form, in place.
func each(pointer, rule string, list []string, form func(string) (string, error)) *incident.Problem {
	if len(list) > maxAddresses {
		return problem(pointer, "count", "too many addresses")
	}
	for i, s := range list {
		v, err := form(strings.TrimSpace(s))
		if err != nil {
			return problem(fmt.Sprintf("%s/%d", pointer, i), rule, err.Error())
		}
		list[i] = v
	}
	return nil
}

// email checks a bare address and gives it an ASCII domain in lower case. The local part stays as it is:
// only its owner's server knows whether case matters.
func email(s string) (string, error) {
	if len(s) > 254 || strings.ContainsAny(s, " \t\r\n<>()\",;:\\[]") {
		return "", errEmail
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return "", errEmail
	}
	at := strings.LastIndexByte(s, '@')
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || at > 64 || !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".") {
		return "", errEmail
	}
	return s[:at+1] + strings.ToLower(domain), nil
}

func guardians(r *Recipient) *incident.Problem {
	region, _, _ := strings.Cut(r.Jurisdiction, "-")
	if len(r.Guardians) > maxAddresses {
		return problem("/guardians", "count", "too many guardians")
	}
	for i := range r.Guardians {
		g, at := &r.Guardians[i], fmt.Sprintf("/guardians/%d", i)
		if p := line(at+"/name", g.Name, maxName); p != nil {
			return p
		}
		if p := each(at+"/emails", "email", g.Emails, email); p != nil {
			return p
		}
		if p := each(at+"/phones", "phone", g.Phones, func(s string) (string, error) { return phone(s, region) }); p != nil {
			return p
		}
	}
	return nil
}

// choices checks the lists of words: channels and those burnt, kinds of data.
func choices(r *Recipient) *incident.Problem {
	for _, f := range []struct {
		pointer string
		list    []string
	}{{"/channels", r.Channels}, {"/burnt", r.Burnt}} {
		for i, c := range f.list {
			if !slices.Contains(personal, c) || slices.Contains(f.list[:i], c) {
				return problem(fmt.Sprintf("%s/%d", f.pointer, i), "channel", "each of email, sms and push at most once")
			}
		}
	}
	for i, d := range r.Data {
		if i >= maxVars || !wordForm.MatchString(d) {
			return problem(fmt.Sprintf("/data/%d", i), "data-kind", "not a kind of data such as name or id_number")
		}
	}
	return nil
}

func vars(r *Recipient) *incident.Problem {
	if len(r.Vars) > maxVars {
		return problem("/vars", "count", "too many values")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Vars)) {
		if !wordForm.MatchString(name) {
			return problem("/vars", "name", "a value's name has small letters, digits and underscores")
		}
		if p := line("/vars/"+name, r.Vars[name], maxValue); p != nil {
			return p
		}
	}
	return nil
}

func problem(pointer, rule, message string) *incident.Problem {
	return &incident.Problem{Pointer: pointer, Rule: rule, Message: message}
}
