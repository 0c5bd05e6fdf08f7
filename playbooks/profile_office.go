package playbooks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/playbooks/obligation"
)

// authorities checks the operator's own contacts: each is of somebody whom the rules name.
func (c *profileCheck) authorities(contacts map[string]string, named []string) {
	for addressee, contact := range contacts {
		at := incident.Pointer("/authorities", addressee)
		base, _, _ := strings.Cut(addressee, ":")
		c.want(slices.Contains(named, base) && (base == addressee || authorityForm.MatchString(addressee)), at, "addressee", "no rule names such an addressee")
		c.want(strings.TrimSpace(contact) != "" && utf8.RuneCountInString(contact) <= 200, at, "contact", "must be a contact of at most 200 characters")
	}
}

// standing checks authorisations given beforehand: two named persons, for rules that there are, until a day.
func (c *profileCheck) standing(all []obligation.Standing, known func(rule string) bool, now time.Time) {
	for i, a := range all {
		at := fmt.Sprintf("/standing/%d", i)
		c.want(len(a.Rules) > 0, at+"/rules", "required", "must name the rules that it covers")
		for k, id := range a.Rules {
			c.want(known(id), fmt.Sprintf("%s/rules/%d", at, k), "rule", "no rule has this id")
			c.want(!slices.Contains(a.Rules[:k], id), fmt.Sprintf("%s/rules/%d", at, k), "unique", "stands here twice")
		}
		c.want(nameForm.MatchString(a.Team), at+"/team", "team", "must be a team's id")
		c.want(utf8.RuneCountInString(a.Note) <= maxReason, at+"/note", "max-length", "at most 4000 characters")
		named := len(a.SignedBy) == 2 && strings.TrimSpace(a.SignedBy[0]) != "" && strings.TrimSpace(a.SignedBy[1]) != "" &&
			!strings.EqualFold(strings.TrimSpace(a.SignedBy[0]), strings.TrimSpace(a.SignedBy[1]))
		c.want(named, at+"/signed_by", "two", "must name two different persons who signed it")
		c.want(a.Until.After(now), at+"/until", "future", "must end in the future")
	}
}

var providerForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// transfers checks the legal bases on which people are served from outside their region.
func (c *profileCheck) transfers(all []obligation.Transfer) {
	for i, t := range all {
		at := fmt.Sprintf("/transfers/%d", i)
		c.want(providerForm.MatchString(t.Provider), at+"/provider", "provider", "must be a provider's id")
		c.want(t.From == "EU" || t.From == "EEA" || regionForm.MatchString(t.From) && len(t.From) == 2, at+"/from", "region", "must be a country such as DE, EU or EEA")
		c.want(strings.TrimSpace(t.Basis) != "" && utf8.RuneCountInString(t.Basis) <= 500, at+"/basis", "required", "must name the legal basis, in at most 500 characters")
		same := func(o obligation.Transfer) bool { return o.Provider == t.Provider && o.From == t.From }
		c.want(!slices.ContainsFunc(all[:i], same), at, "unique", "stands here twice")
	}
}

// signed says of each transfer who recorded it: whoever first wrote it so.
func signed(now, before []obligation.Transfer, by string) []obligation.Transfer {
	out := slices.Clone(now)
	for i := range out {
		out[i].By = by
		for _, o := range before {
			if o.Provider == out[i].Provider && o.From == out[i].From && o.Basis == out[i].Basis {
				out[i].By = o.By
			}
		}
	}
	return out
}
