package notify

import (
	"strings"

	"tocsin/templates"
)

// Coverage is a kind of phone number, and which kind a channel reaches.
type Coverage string

// The kinds of numbers. Neither mainland nor abroad are landlines of the mainland, which get no short message.
const (
	AllNumbers Coverage = ""
	Mainland   Coverage = "mainland" // mobile numbers of mainland China
	Abroad     Coverage = "abroad"   // of all other countries
	Landline   Coverage = "landline"
)

// Coverer is a channel that reaches numbers of one kind only.
type Coverer interface {
	Covers() Coverage
}

// CoverageOf is the kind of a number in E.164.
func CoverageOf(number string) Coverage {
	local, home := strings.CutPrefix(number, "+86")
	switch {
	case !home && len(number) > 7 && len(number) <= 16 && number[0] == '+' && number[1] != '0' && digitsOnly(number[1:]):
		return Abroad
	case home && len(local) == 11 && local[0] == '1' && local[1] >= '3' && digitsOnly(local):
		return Mainland
	}
	return Landline
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Reaches says whether a channel with this coverage can reach an address.
func (c Coverage) Reaches(address string) bool { return c == AllNumbers || c == CoverageOf(address) }

// The names of SMS in the ladder of a segment, by the kind of the number that the person is reached at.
var smsNames = map[Coverage]string{Mainland: templates.SMS, Abroad: templates.SMS + "-abroad", Landline: templates.SMS + "-landline"}
