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

// addresses brings a person's addresses into their form, in place, and drops what is none.
func (n *normaliser) addresses(r *Recipient) *incident.Problem {
	if p := n.emails("/emails", &r.Emails); p != nil {
		return p
	}
	if p := n.phones("/phones", &r.Phones, r); p != nil {
		return p
	}
	if len(r.Push) > maxAddresses {
		return problem("/push", "count", "too many addresses")
	}
	kept := r.Push[:0]
	for i, t := range r.Push {
		if p := pushTarget(&t, "/push/"+strconv.Itoa(i)); p != nil {
			n.drop(t.ID, p)
			continue
		}
		kept = append(kept, t)
	}
	r.Push = kept
	return n.sharedOnes(r)
}

// drop leaves out a bad address: a person who has others is told all the same.
func (n *normaliser) drop(address string, p *incident.Problem) {
	n.dropped = append(n.dropped, *p)
	n.bad = append(n.bad, strings.TrimSpace(address))
}

func (n *normaliser) emails(pointer string, list *[]string) *incident.Problem {
	return n.each(pointer, "email", list, email)
}

// phones counts numbers without a country code to the country where r lives.
func (n *normaliser) phones(pointer string, list *[]string, r *Recipient) *incident.Problem {
	lives := country(r.Jurisdiction)
	return n.each(pointer, "phone", list, func(s string) (string, error) { return phone(s, lives) })
}

// each brings addresses of one kind into their form.
func (n *normaliser) each(pointer, rule string, list *[]string, form func(string) (string, error)) *incident.Problem {
	if len(*list) > maxAddresses {
		return problem(pointer, "count", "too many addresses")
	}
	kept := (*list)[:0]
	for i, s := range *list {
		v, err := form(strings.TrimSpace(s))
		if err != nil {
			n.drop(s, problem(pointer+"/"+strconv.Itoa(i), rule, err.Error()))
			continue
		}
		kept = append(kept, v)
	}
	*list = kept
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
func (n *normaliser) sharedOnes(r *Recipient) *incident.Problem {
	kept := r.Shared[:0]
	for i, s := range r.Shared {
		switch form := sameForm(r, s); {
		case owns(r, form):
			kept = append(kept, form)
		case !slices.Contains(n.bad, form):
			return problem("/shared/"+strconv.Itoa(i), "address", "not one of the person's own addresses")
		}
	}
	r.Shared = kept
	return nil
}

// verified checks the days on which addresses were last known to be the person's.
func (n *normaliser) verified(r *Recipient) *incident.Problem {
	if len(r.VerifiedAt) == 0 {
		return nil
	}
	out := make(map[string]string, len(r.VerifiedAt))
	for address, day := range r.VerifiedAt {
		if address != "" {
			address = sameForm(r, address)
		}
		if len(day) > len(time.DateOnly) && day[len(time.DateOnly)] == 'T' {
			day = day[:len(time.DateOnly)]
		}
		_, err := time.Parse(time.DateOnly, day)
		switch {
		case err != nil:
			return problem("/verified_at", "day", "a day is written 2026-03-01")
		case address == "" || owns(r, address):
			out[address] = day
		case !slices.Contains(n.bad, address):
			return problem("/verified_at", "address", "not one of the person's own addresses")
		}
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
	if p, err := phone(s, country(r.Jurisdiction)); err == nil {
		return p
	}
	return s
}

func owns(r *Recipient, address string) bool {
	return slices.Contains(r.Emails, address) || slices.Contains(r.Phones, address) ||
		slices.ContainsFunc(r.Push, func(p PushTarget) bool { return p.ID == address })
}
