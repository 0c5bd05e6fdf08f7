package notify

import (
	"errors"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"tocsin/incident"
)

var errEmail = errors.New("not a valid e-mail address")

// addresses brings a person's addresses into their form, in place.
func addresses(r *Recipient) *incident.Problem {
	if p := emails("/emails", r.Emails); p != nil {
		return p
	}
	if p := phones("/phones", r.Phones, r); p != nil {
		return p
	}
	if len(r.Push) > maxAddresses {
		return problem("/push", "count", "too many addresses")
	}
	for i := range r.Push {
		if p := pushTarget(&r.Push[i], "/push/"+strconv.Itoa(i)); p != nil {
			return p
		}
	}
	return sharedOnes(r)
}

func emails(pointer string, list []string) *incident.Problem {
	if len(list) > maxAddresses {
		return problem(pointer, "count", "too many addresses")
	}
	for i, s := range list {
		v, err := email(strings.TrimSpace(s))
		if err != nil {
			return problem(pointer+"/"+strconv.Itoa(i), "email", err.Error())
		}
		list[i] = v
	}
	return nil
}

// phones counts numbers without a country code to the country where r lives.
func phones(pointer string, list []string, r *Recipient) *incident.Problem {
	if len(list) > maxAddresses {
		return problem(pointer, "count", "too many addresses")
	}
	country, _, _ := strings.Cut(r.Jurisdiction, "-")
	for i, s := range list {
		v, err := phone(strings.TrimSpace(s), country)
		if err != nil {
			return problem(pointer+"/"+strconv.Itoa(i), "phone", err.Error())
		}
		list[i] = v
	}
	return nil
}

// email checks a bare address and gives it an ASCII domain in lower case. The local part stays as it is:
// only its owner's server knows whether case matters.
func email(s string) (string, error) {
	if plain, lower := plainEmail(s); plain && lower {
		return s, nil
	} else if plain {
		at := strings.LastIndexByte(s, '@')
		return s[:at] + strings.ToLower(s[at:]), nil
	}
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

// inLocal marks the characters that a local part has between its dots (RFC 5322 atext), in ASCII.
var inLocal = func() (in [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~" {
		in[c] = true
	}
	return in
}()

// plainEmail recognises the usual address, in ASCII with a plain domain: looking each up in the tables of
// Unicode would cost as much as all the rest of importing a person. lower says that its domain needs no
// change. What it does not recognise may still be an address.
func plainEmail(s string) (plain, lower bool) {
	at := strings.IndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 || s[0] == '.' || s[at-1] == '.' {
		return false, false
	}
	for i := range at {
		if c := s[i]; !inLocal[c] && (c != '.' || s[i-1] == '.') {
			return false, false
		}
	}
	lower = true
	label, dots := at+1, 0
	for i := at + 1; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			c := s[i]
			if 'A' <= c && c <= 'Z' {
				lower = false
			} else if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false, false
			}
			continue
		}
		if n := i - label; n < 1 || n > 63 || s[label] == '-' || s[i-1] == '-' || n > 3 && s[label+2] == '-' && s[label+3] == '-' {
			return false, false
		}
		if label = i + 1; i < len(s) {
			dots++
		}
	}
	return dots > 0, lower
}

// pushForms say what an installation's id looks like, by provider; of others only its length is known.
// FCM and APNs: channels.md section 4. Aliyun has ids, accounts and aliases of the operator's own.
var pushForms = map[string]struct {
	least, most int
	letters     string
}{
	"aliyun": {1, 128, ""},
	"fcm":    {20, 512, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:-"},
	"apns":   {64, 200, "0123456789abcdefABCDEF"},
}

func pushTarget(t *PushTarget, at string) *incident.Problem {
	t.Target = strings.ToUpper(strings.TrimSpace(t.Target))
	if t.Target == "" {
		t.Target = "DEVICE"
	}
	if t.Provider == "" {
		t.Provider = "aliyun"
	}
	form, known := pushForms[t.Provider]
	if !known {
		form.least, form.most = 1, 512
	}
	outside := func(c rune) bool {
		return c <= ' ' || c == ',' || c > '~' || form.letters != "" && !strings.ContainsRune(form.letters, c)
	}
	switch {
	case !slices.Contains([]string{"DEVICE", "ACCOUNT", "ALIAS"}, t.Target):
		return problem(at+"/target", "enum", "a target is DEVICE, ACCOUNT or ALIAS")
	case !isWord(t.Provider):
		return problem(at+"/provider", "enum", "not the name of a provider")
	case len(t.ID) < form.least || len(t.ID) > form.most || strings.ContainsFunc(t.ID, outside):
		return problem(at+"/id", "push-id", "not the form of this provider's device, account or alias ids")
	}
	return nil
}

// sharedOnes brings shared addresses into the form of the others; each must be one of them.
func sharedOnes(r *Recipient) *incident.Problem {
	for i, s := range r.Shared {
		if r.Shared[i] = sameForm(r, s); !owns(r, r.Shared[i]) {
			return problem("/shared/"+strconv.Itoa(i), "address", "not one of the person's own addresses")
		}
	}
	return nil
}

// verified checks the days on which addresses were last known to be the person's.
func verified(r *Recipient) *incident.Problem {
	if len(r.VerifiedAt) == 0 {
		return nil
	}
	out := make(map[string]string, len(r.VerifiedAt))
	for address, day := range r.VerifiedAt {
		if address != "" {
			if address = sameForm(r, address); !owns(r, address) {
				return problem("/verified_at", "address", "not one of the person's own addresses")
			}
		}
		if len(day) > len(time.DateOnly) && day[len(time.DateOnly)] == 'T' {
			day = day[:len(time.DateOnly)]
		}
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return problem("/verified_at", "day", "a day is written 2026-03-01")
		}
		out[address] = day
	}
	r.VerifiedAt = out
	return nil
}

// sameForm is an address in the form that it has among r's.
func sameForm(r *Recipient, s string) string {
	s = strings.TrimSpace(s)
	if e, err := email(s); err == nil {
		return e
	}
	country, _, _ := strings.Cut(r.Jurisdiction, "-")
	if p, err := phone(s, country); err == nil {
		return p
	}
	return s
}

func owns(r *Recipient, address string) bool {
	return slices.Contains(r.Emails, address) || slices.Contains(r.Phones, address) ||
		slices.ContainsFunc(r.Push, func(p PushTarget) bool { return p.ID == address })
}
