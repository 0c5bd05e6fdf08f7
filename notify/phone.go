package notify

import (
	"errors"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

var errPhone = errors.New("not a valid phone number")

// mobilePrefixes are the third digits in use after 13 … 19 in the mainland's numbering plan. A plain
// mainland mobile number is the common case, and parsing it with the library costs as much as all the
// rest of importing a person. A prefix that is missing here is left to the library.
var mobilePrefixes = [10]string{
	3: "0123456789", 4: "57", 5: "012356789", 6: "2567", 7: "01235678", 8: "0123456789", 9: "012356789",
}

// phone brings a number into E.164. region is ISO 3166 and counts for numbers without a country code.
func phone(s, region string) (string, error) {
	if region == "" {
		region = "CN"
	}
	if e164, ok := mainlandMobile(s, region); ok {
		return e164, nil
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsValidNumber(n) || n.GetExtension() != "" {
		return "", errPhone
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// mainlandMobile recognises 11 digits, bare in the mainland or after +86, 0086 or 86.
func mainlandMobile(s, region string) (string, bool) {
	digits := s
	for _, code := range []string{"+86", "0086", "86"} {
		rest, found := strings.CutPrefix(s, code)
		if found && len(rest) == 11 && (code != "86" || region == "CN") {
			digits = rest
		}
	}
	if len(digits) != 11 || digits[0] != '1' || len(digits) == len(s) && region != "CN" {
		return "", false
	}
	for i := range digits {
		if digits[i] < '0' || digits[i] > '9' {
			return "", false
		}
	}
	if strings.IndexByte(mobilePrefixes[digits[1]-'0'], digits[2]) < 0 {
		return "", false
	}
	return "+86" + digits, true
}
