package notify

import (
	"slices"

	"tocsin/internal/seal"
)

// Roles of those who are told in somebody's place.
const (
	RoleGuardian  = "guardian"
	RoleNextOfKin = "next-of-kin"
)

// told are the recipients of a line about a person: the guardians of a minor, the next of kin of somebody
// deceased, else the person. Who is told in a person's place is found by that person's key, too, and
// stands for the same line: neither is anybody's duplicate by an own address.
func told(h *seal.Hasher, r *Recipient) []Recipient {
	stand, role := r.Guardians, RoleGuardian
	if r.Deceased {
		stand, role = r.NextOfKin, RoleNextOfKin
	}
	if len(stand) == 0 {
		return []Recipient{*r}
	}
	line := ""
	if all, known := indexes(nil, h, r); known && r.PersonKey == "" {
		line = string(all[0][:])
	}
	var out []Recipient
	for i, g := range stand {
		p := Recipient{
			PersonKey: r.PersonKey, Name: g.Name, Emails: unlike(g.Emails, stand[:i]), Phones: unlike(g.Phones, stand[:i]),
			Locale: r.Locale, Jurisdiction: r.Jurisdiction, Zone: r.Zone, Data: r.Data, Minor: r.Minor, Deceased: r.Deceased,
			Customer: r.Customer, Brand: r.Brand, Former: r.Former, Channels: r.Channels, Burnt: r.Burnt, Safe: r.Safe,
			Vars: r.Vars, Role: role, line: line,
		}
		if len(p.Emails)+len(p.Phones) > 0 || i == 0 {
			out = append(out, p)
		}
	}
	return out
}

// unlike leaves out the addresses that others have: whoever shares one gets one message.
func unlike(addresses []string, others []Guardian) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool {
		return slices.ContainsFunc(others, func(g Guardian) bool { return slices.Contains(g.Emails, a) || slices.Contains(g.Phones, a) })
	})
}
