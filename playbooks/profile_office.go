package playbooks

import (
	"fmt"
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
