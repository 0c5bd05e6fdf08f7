package notify

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
	maxStandIns  = 2   // guardians of a minor, next of kin
	maxKnown     = 500 // locales, zones and regions remembered
)

// personal are the channels that lead to one person.
var personal = []string{templates.Email, templates.SMS, templates.Push}

// normaliser checks recipients and brings them into one form. It remembers the few locales, zones and
// regions that an audience has; one goroutine uses it.
type normaliser struct {
	locales, zones, regions map[string]string

	dropped []incident.Problem // bad addresses of the last recipient, who is kept without them
	bad     []string           // their values
	unknown []incident.Problem // locale and zone of theirs that nobody knows, likewise
}

func newNormaliser() *normaliser {
	return &normaliser{locales: map[string]string{}, zones: map[string]string{}, regions: map[string]string{}}
}

// normalise changes r into its one form, or says what is wrong first. The problem never holds a value. Addresses
// that are none are dropped; a person is refused for them only when no other is left, so that a later line with
// a good one still counts. A locale or a zone that is none costs nobody the message.
func (n *normaliser) normalise(r *Recipient) *incident.Problem {
	n.dropped, n.bad, n.unknown = n.dropped[:0], n.bad[:0], n.unknown[:0]
	for _, check := range [...]func(*Recipient) *incident.Problem{words, n.place, n.addresses, n.places, choices, n.verified, vars} {
		if p := check(r); p != nil {
			return p
		}
	}
	anonymous, alone := r.PersonKey == "", len(r.Guardians)+len(r.NextOfKin) == 0
	switch none := len(r.Emails)+len(r.Phones)+len(r.Push) == 0; {
	case none && (anonymous || alone) && len(n.dropped) > 0:
		return &n.dropped[0]
	case none && anonymous:
		return problem("", "identity", "a person_key or an address is needed")
	}
	return nil
}

func words(r *Recipient) *incident.Problem {
	if strings.IndexByte(r.Name, '\n') >= 0 {
		r.Name = strings.Join(strings.Fields(r.Name), " ")
	}
	for _, f := range [...]struct {
		pointer string
		text    *string
	}{{"/person_key", &r.PersonKey}, {"/name", &r.Name}, {"/brand", &r.Brand}} {
		*f.text = strings.TrimSpace(*f.text)
		if p := line(f.pointer, *f.text, maxName); p != nil {
			return p
		}
	}
	switch {
	case r.Customer != nil:
		return line("/customer", *r.Customer, maxName)
	case r.Business:
		return problem("/customer", "required", "a business customer needs its name in customer")
	}
	return nil
}

func (n *normaliser) place(r *Recipient) *incident.Problem {
	var ok bool
	if r.Locale, ok = lookup(n.locales, r.Locale, locale); !ok {
		n.unknown = append(n.unknown, *problem("/locale", "bcp-47", "not a language tag such as zh-Hans or en"))
	}
	if r.Zone, ok = lookup(n.zones, r.Zone, zone); !ok {
		n.unknown = append(n.unknown, *problem("/zone", "iana-zone", "not a time zone such as Asia/Shanghai"))
	}
	if r.Jurisdiction, ok = lookup(n.regions, r.Jurisdiction, region); !ok {
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
	v, ok := parse(strings.TrimSpace(s))
	if !ok {
		return "", false
	}
	if len(known) < maxKnown {
		known[strings.Clone(s)] = strings.Clone(v)
	}
	return v, true
}

// locale is the canonical tag. Chinese is told apart by script, which is what messages are written in.
func locale(s string) (string, bool) {
	t, err := language.Parse(s)
	if err != nil || t == language.Und {
		return "", s == ""
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

// provinces are the subdivisions of the mainland and its special regions in ISO 3166-2:CN. Of other
// countries the code's form is checked.
var provinces = strings.Fields("AH BJ CQ FJ GD GS GX GZ HA HB HE HI HK HL HN JL JS JX LN MO NM NX QH SC SD SH SN SX TJ TW XJ XZ YN ZJ")

func region(s string) (string, bool) {
	s = strings.ToUpper(s)
	country, part, parted := strings.Cut(s, "-")
	known, err := language.ParseRegion(country)
	switch {
	case s == "":
		return "", true
	case len(country) != 2 || err != nil || !known.IsCountry() || known.Canonicalize().String() != country:
		return "", false
	case !parted:
		return s, true
	case country == "CN":
		return s, slices.Contains(provinces, part)
	}
	return s, len(part) >= 1 && len(part) <= 3 && strings.Trim(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// places checks who is told in a person's place, and that it is clear who that is.
func (n *normaliser) places(r *Recipient) *incident.Problem {
	r.Guardians, r.NextOfKin = named(r.Guardians), named(r.NextOfKin)
	if p := n.standIns("/guardians", &r.Guardians, r); p != nil {
		return p
	}
	if p := n.standIns("/next_of_kin", &r.NextOfKin, r); p != nil {
		return p
	}
	switch {
	case len(r.Guardians) > 0 && r.Minor != nil && !*r.Minor:
		return problem("/minor", "guardians", "guardians are named, but minor is false")
	case len(r.NextOfKin) > 0 && !r.Deceased:
		return problem("/deceased", "next-of-kin", "next of kin are named, but deceased is not true")
	case len(r.NextOfKin) == 0 && r.Deceased:
		return problem("/next_of_kin", "next-of-kin", "somebody deceased cannot be told; name the next of kin")
	case len(r.Guardians) > 0:
		minor := true
		r.Minor = &minor
	}
	return nil
}

// named leaves out columns that are empty.
func named(list []Guardian) []Guardian {
	if len(list) == 0 {
		return nil
	}
	return slices.DeleteFunc(list, func(g Guardian) bool { return strings.TrimSpace(g.Name) == "" && len(g.Emails)+len(g.Phones) == 0 })
}

// standIns checks who is told in somebody's place. Of two, one without an address is dropped; when nobody has
// any, the person must not be told instead of them.
func (n *normaliser) standIns(pointer string, list *[]Guardian, r *Recipient) *incident.Problem {
	if len(*list) > maxStandIns {
		return problem(pointer, "count", "at most two")
	}
	kept, first := (*list)[:0], len(n.dropped)
	for i, g := range *list {
		at := pointer + "/" + strconv.Itoa(i)
		g.Name = strings.TrimSpace(g.Name)
		if p := line(at+"/name", g.Name, maxName); p != nil {
			return p
		}
		before := len(n.dropped)
		if p := n.emails(at+"/emails", &g.Emails); p != nil {
			return p
		}
		if p := n.phones(at+"/phones", &g.Phones, r); p != nil {
			return p
		}
		if len(g.Emails)+len(g.Phones) == 0 && len(n.dropped) == before {
			n.drop("", problem(at, "address", "a phone or an e-mail address is needed"))
		}
		if len(g.Emails)+len(g.Phones) > 0 {
			kept = append(kept, g)
		}
	}
	if len(kept) == 0 && len(*list) > 0 {
		return &n.dropped[first]
	}
	*list = kept
	return nil
}

// choices checks the lists of words: channels and those burnt, kinds of data.
func choices(r *Recipient) *incident.Problem {
	if p := channels("/channels", r.Channels); p != nil {
		return p
	}
	if p := channels("/burnt", r.Burnt); p != nil {
		return p
	}
	if r.Safe && len(r.Channels) == 0 {
		return problem("/channels", "safe-contact", "whoever is told over safe channels only needs them named")
	}
	for i, d := range r.Data {
		if i >= maxVars || !isWord(d) {
			return problem("/data/"+strconv.Itoa(i), "data-kind", "not a kind of data such as name or id_number")
		}
	}
	if len(r.Data) > 1 {
		slices.Sort(r.Data)
		r.Data = slices.Compact(r.Data)
	}
	return nil
}

func channels(pointer string, list []string) *incident.Problem {
	for i, c := range list {
		if !slices.Contains(personal, c) || slices.Contains(list[:i], c) {
			return problem(fmt.Sprintf("%s/%d", pointer, i), "channel", "each of email, sms and push at most once")
		}
	}
	return nil
}

func vars(r *Recipient) *incident.Problem {
	if len(r.Vars) > maxVars {
		return problem("/vars", "count", "too many values")
	}
	if len(r.Vars) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Vars)) {
		if !isWord(name) {
			return problem("/vars", "name", "a value's name has small letters, digits and underscores")
		}
		if p := line("/vars/"+name, r.Vars[name], maxValue); p != nil {
			return p
		}
	}
	return nil
}

// isWord says whether s is the name of a value, a kind or a provider: small letters, digits, underscores.
func isWord(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func problem(pointer, rule, message string) *incident.Problem {
	return &incident.Problem{Pointer: pointer, Rule: rule, Message: message}
}
