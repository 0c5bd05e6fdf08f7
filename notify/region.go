package notify

import (
	"slices"
	"strings"
)

// regionGroups are names that stand for several countries: the members of the European Union, and those of
// the European Economic Area besides (EEA Agreement, art. 126).
var regionGroups = map[string][]string{
	"EU": {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
		"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"},
	"EEA": {"EU", "IS", "LI", "NO"},
}

// country is the country of a jurisdiction: CN of CN-SH.
func country(jurisdiction string) string {
	c, _, _ := strings.Cut(jurisdiction, "-")
	return c
}

// within reports whether a country is a region or belongs to it.
func within(country, region string) bool {
	if country == region {
		return true
	}
	return slices.ContainsFunc(regionGroups[region], func(part string) bool { return within(country, part) })
}

// TransferKey is the key of a recorded legal basis: people who live in a region are served by a provider that
// is outside it.
func TransferKey(provider, from string) string { return provider + "/" + from }

// Allowed reports whether a provider may serve a person: where the person lives is one of its regions, or the
// notice's policy holds the legal basis of the transfer (TransferKey → basis). A provider without regions
// serves everybody. Whose jurisdiction is not known is at home with the operator, and so with the first
// provider of a channel alone: that is the caller's to know, Allowed says no.
func Allowed(p Provider, r Recipient, transfers map[string]string) bool {
	if p.Regions == nil {
		return true
	}
	lives := country(r.Jurisdiction)
	if lives == "" {
		return false
	}
	if slices.ContainsFunc(p.Regions, func(region string) bool { return within(lives, region) }) {
		return true
	}
	for key, basis := range transfers {
		id, from, _ := strings.Cut(key, "/")
		if id == p.ID && basis != "" && within(lives, from) {
			return true
		}
	}
	return false
}
