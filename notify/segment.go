package notify

import (
	"cmp"
	"slices"
	"strings"
)

// maxSegments is how many values of one kind are counted apart; the rarest others are counted together, and
// rare regions with their country.
const maxSegments = 200

// OtherValues is the value of a segment that counts all the rare ones of its kind.
const OtherValues = "other"

// UnknownValue is the value of the segments of those of whom nobody said where they live or what they read.
const UnknownValue = "unknown"

// MinorWithoutGuardian is the value of the segment of minors who are told themselves.
const MinorWithoutGuardian = "minor-without-guardian"

// Segment counts the people who have something in common, by the channels that reach them. A ladder is
// their usable channels, push>sms>email; or those they asked for in their order, a semicolon, and the
// others. sms-abroad and sms-landline are numbers of which some providers reach none; ? marks a channel of
// which others can read every address. On says what it means under a plan.
type Segment struct {
	Kind   string `json:"kind"` // all jurisdiction locale zone role data customer minor former
	Value  string `json:"value,omitempty"`
	Ladder string `json:"ladder"`
	People int64  `json:"people"`
}

// lives is where the people of a segment live; "" when that is not known.
func (s Segment) lives() string {
	if s.Kind != "jurisdiction" || s.Value == UnknownValue || s.Value == OtherValues {
		return ""
	}
	return s.Value
}

// traits are what segments count of a recipient. The kinds of data are joined: whole lists repeat, so a
// chunk has few different traits.
type traits struct {
	jurisdiction, locale, zone, role, data, customer, minor, ladder string
	former                                                          bool
}

func traitsOf(r *Recipient, ladder string) traits {
	t := traits{jurisdiction: r.Jurisdiction, locale: r.Locale, zone: r.Zone, role: r.Role, former: r.Former, ladder: ladder}
	if t.role == "" {
		t.role = "person"
	}
	if len(r.Data) > 0 {
		t.data = strings.Join(r.Data, ",")
	}
	if r.Customer != nil {
		t.customer = *r.Customer
	}
	if r.Minor != nil && *r.Minor {
		t.minor = MinorWithoutGuardian
		if r.Role == RoleGuardian {
			t.minor = RoleGuardian
		}
	}
	return t
}

// segments counts in bounded memory.
type segments map[string]map[string]map[string]int64 // kind, value, ladder

func newSegments(list []Segment) segments {
	s := segments{}
	for _, g := range list {
		s.add(g.Kind, g.Value, g.Ladder, g.People)
	}
	return s
}

func (s segments) add(kind, value, ladder string, people int64) {
	values := s[kind] // its keys are cloned: they come as parts of a whole chunk
	if values == nil {
		values = map[string]map[string]int64{}
		s[kind] = values
	}
	ladders := values[value]
	if ladders == nil {
		ladders = map[string]int64{}
		values[strings.Clone(value)] = ladders
	}
	if _, known := ladders[ladder]; !known {
		ladder = strings.Clone(ladder)
	}
	ladders[ladder] += people
}

// count adds the people of one chunk by their traits, and then joins what is too rare.
func (s segments) count(of []traits, people []int64) {
	for i, t := range of {
		n := people[i]
		if n == 0 {
			continue
		}
		s.add("all", "", t.ladder, n)
		for _, f := range [...]struct{ kind, value string }{
			{"jurisdiction", t.jurisdiction}, {"locale", t.locale}, {"zone", t.zone}, {"role", t.role}, {"customer", t.customer}, {"minor", t.minor},
		} {
			switch {
			case f.value != "":
				s.add(f.kind, f.value, t.ladder, n)
			case f.kind == "jurisdiction" || f.kind == "locale" || f.kind == "zone":
				s.add(f.kind, UnknownValue, t.ladder, n)
			}
		}
		for d := range strings.SplitSeq(t.data, ",") {
			if d != "" {
				s.add("data", d, t.ladder, n)
			}
		}
		if t.former {
			s.add("former", "true", t.ladder, n)
		}
	}
	for kind := range s {
		s.join(kind)
	}
}

func (s segments) join(kind string) {
	values := s[kind] // its keys are cloned: they come as parts of a whole chunk
	if len(values) <= maxSegments {
		return
	}
	size := func(value string) (n int64) {
		for _, people := range values[value] {
			n += people
		}
		return n
	}
	type sized struct {
		value string
		n     int64
	}
	var all []sized
	for v := range values {
		if v != OtherValues {
			all = append(all, sized{v, size(v)})
		}
	}
	slices.SortFunc(all, func(a, b sized) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.value, b.value)) })
	for _, rare := range all[maxSegments-1:] {
		into := OtherValues
		if kind == "jurisdiction" {
			into = country(rare.value) // who may serve people goes by it
		}
		if into == rare.value {
			continue
		}
		for ladder, people := range values[rare.value] {
			s.add(kind, into, ladder, people)
		}
		delete(values, rare.value)
	}
}

// list is the segments, those of all first, then by kind and value.
func (s segments) list() []Segment {
	var out []Segment
	for kind, values := range s {
		for value, ladders := range values {
			for ladder, people := range ladders {
				out = append(out, Segment{Kind: kind, Value: value, Ladder: ladder, People: people})
			}
		}
	}
	slices.SortFunc(out, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Ladder, b.Ladder))
	})
	return out
}
