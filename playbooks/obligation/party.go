package obligation

import (
	"slices"
	"strings"
	"time"

	"tocsin/templates"
)

// party is one addressee of a duty: one row.
type party struct {
	name   string
	others []string // who could be meant as well: the law does not say which
	code   string   // the place or customer that the name holds, "" for none
	zone   *time.Location
}

// holes of an addressee's name.
const (
	holeProvince = "province"
	holePlace    = "place"
	holeCustomer = "customer"
)

// cut divides an addressee's name at its placeholder.
func (to *addresseeDef) cut() []Fault {
	to.base = baseOf(to.Name)
	before, rest, found := strings.Cut(to.Name, "{")
	if !found {
		if to.Each != nil {
			return []Fault{to.At.fault("with each, the name needs {place} or {customer}: every row is somebody else")}
		}
		return nil
	}
	hole, after, closed := strings.Cut(rest, "}")
	to.before, to.after = before, after
	to.hole, to.region, _ = strings.Cut(hole, ":")
	if to.region == "" {
		to.region = "CN"
	}
	want := holeProvince
	switch {
	case to.Each == nil:
	case to.Each.Customers:
		want = holeCustomer
	default:
		want = holePlace
	}
	if !closed || to.hole != want {
		return []Fault{to.At.fault("the placeholder of this addressee's name is {%s}", want)}
	}
	return nil
}

// each checks the places of a list of rows.
func (l *law) each(e *eachDef) []Fault {
	if e == nil {
		return nil
	}
	set := 0
	var faults []Fault
	for _, region := range []string{e.Residents, e.Establishments} {
		if region != "" {
			set++
		}
		if region != "" && !l.regions.known(region) {
			faults = append(faults, e.At.fault("unknown region %q", region))
		}
	}
	if e.Customers {
		set++
	}
	if set != 1 {
		faults = append(faults, e.At.fault("each takes one of residents, establishments, customers"))
	}
	return faults
}

// parties are the addressees that one entry of a rule stands for, and the facts that would say who they are.
func (d *derivation) parties(r *ruleDef, to *addresseeDef) (all []party, missing []string) {
	switch {
	case to.Each == nil && to.hole == "":
		return []party{{name: to.Name, zone: r.zone}}, nil
	case to.Each == nil:
		return []party{d.province(r, to)}, nil
	case to.Each.Customers:
		return d.perCustomer(r, to)
	}
	codes, missing := d.places(to.Each)
	for _, code := range codes {
		all = append(all, party{name: to.before + code + to.after, code: code, zone: d.law.zoneOf(code, r.zone)})
	}
	if region := to.Each.Residents; len(all) == 0 && region != "" && d.facts.residents(d.law.regions, region).lo > 0 {
		return []party{{name: to.base, zone: r.zone}}, missing // somebody lives there, and nobody has said in which country
	}
	return all, missing
}

// province fills {province}: by default the operator's first establishment in the region. The law does not
// say which province counts for an operator with several sites, so the others are named beside it.
func (d *derivation) province(r *ruleDef, to *addresseeDef) party {
	p := party{zone: r.zone}
	add := func(code string) {
		if !d.law.regions.within(code, to.region) {
			return
		}
		name := to.before + code + to.after
		switch {
		case p.name == "":
			p.name, p.code = name, code
		case p.name != name && !slices.Contains(p.others, name):
			p.others = append(p.others, name)
		}
	}
	for _, v := range d.facts.get("profile.establishments").items {
		add(v.text)
	}
	for _, s := range d.facts.get("systems").items {
		add(s.fields["province"].text)
	}
	for _, v := range d.facts.get("processed_in").items {
		add(v.text)
	}
	if p.name == "" {
		p.name, p.code = to.before+to.region+to.after, to.region
	}
	return p
}

// places are the countries of a region where affected people live, or where the operator is established.
func (d *derivation) places(e *eachDef) (codes, missing []string) {
	add := func(code, region string) {
		country, _, _ := strings.Cut(code, "-")
		if _, group := d.law.regions.Groups[code]; !group && d.law.regions.within(code, region) && !slices.Contains(codes, country) {
			codes = append(codes, country)
		}
	}
	if e.Establishments != "" {
		established := d.facts.get("profile.establishments")
		for _, v := range established.items {
			add(v.text, e.Establishments)
		}
		return codes, established.needs
	}
	for _, code := range d.facts.codes {
		n := d.facts.residence[code]
		if n.hi > 0 {
			add(code, e.Residents)
		}
		if n.lo > 0 && d.law.regions.Groups[code] != nil && d.law.regions.within(code, e.Residents) {
			missing = append(missing, "jurisdictions."+code) // in which of its countries do they live?
		}
	}
	if len(codes) == 0 {
		missing = union(missing, d.facts.residents(d.law.regions, e.Residents).needs)
	}
	return codes, missing
}

// perCustomer is a row for each controller for whom the operator processes; one for all while nobody has said
// who they are, since the duty is owed all the same.
func (d *derivation) perCustomer(r *ruleDef, to *addresseeDef) (all []party, missing []string) {
	list := d.facts.get("customers")
	if !list.known {
		return []party{{name: to.base, zone: r.zone}}, list.needs
	}
	for i, c := range list.items {
		id := customerID(c, i)
		all = append(all, party{name: to.before + id + to.after, code: id, zone: r.zone})
	}
	return all, list.needs
}

func customerID(c val, i int) string {
	if id := c.fields["id"]; id.known && id.text != "" {
		return id.text
	}
	return itoa(i + 1)
}

// zoneOf is the time zone of a country's authorities.
func (l *law) zoneOf(code string, otherwise *time.Location) *time.Location {
	if zone := l.regions.zones[code]; zone != nil {
		return zone
	}
	return otherwise
}

// reach names the addressee and says how to reach it: as the operator entered it, then as published for
// its province and the operator's sectors.
func (d *derivation) reach(to *addresseeDef, p party) (name words, contacts []Contact) {
	for _, key := range []string{p.name, to.base} {
		if own := d.in.Profile.Authorities[key]; own != "" {
			contacts = append(contacts, Contact{By: means(own), Value: own})
			break
		}
	}
	known := d.law.addressees[to.base]
	if known == nil {
		return nil, contacts
	}
	for _, c := range known.Contacts {
		if d.serves(c, p.code) {
			contacts = append(contacts, Contact{By: c.By, Value: c.Value, Note: c.Note, Source: c.Source, Confidence: c.Confidence})
		}
	}
	if p.code == "" {
		return known.Name, contacts
	}
	name = make(words, len(locales))
	for _, locale := range locales {
		place := p.code
		if n := templates.Name(p.code, locale); n != "" && to.hole != holeCustomer {
			place = n
		}
		name[locale] = known.Name.in(locale) + bracket.in(locale) + place + bracketed.in(locale)
	}
	return name, contacts
}

var (
	bracket   = words{"en": " (", "zh-Hans": "（"}
	bracketed = words{"en": ")", "zh-Hans": "）"}
)

// serves says whether a published contact is for this place and one of the operator's sectors.
func (d *derivation) serves(c *contactDef, code string) bool {
	if c.Region != "" && !d.law.regions.within(code, c.Region) {
		return false
	}
	sectors := d.facts.get("profile.sectors")
	return c.Sector == "" || slices.ContainsFunc(sectors.items, func(v val) bool { return v.text == c.Sector })
}

// means is how a contact that the operator entered is used.
func means(contact string) string {
	switch {
	case strings.HasPrefix(contact, "http"):
		return "site"
	case strings.Contains(contact, "@"):
		return "mail"
	case strings.Trim(contact, "+0123456789 ()-") == "":
		return "phone"
	}
	return "post"
}
