package email

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// letters of a plain mailbox: those of an atom (RFC 5322 3.2.3), and those of a host name; and those that stand
// in a message as they are.
const (
	inLocal = 1 << iota
	inDomain
	inValue
)

var letters = func() (t [256]uint8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z':
			t[c] = inLocal | inDomain | inValue
		case 'A' <= c && c <= 'Z':
			t[c] = inLocal | inValue
		}
	}
	for _, c := range []byte("!#$%&'*+/=?^_`{|}~") {
		t[c] = inLocal
	}
	t['-'] = inLocal | inDomain | inValue
	t['_'] |= inValue
	return t
}()

const maxAddress, maxLocal, maxLabel = 254, 64, 63

// simpleMailbox says whether an address is dotted atoms at a lower-case host name, which is its own wire form.
func simpleMailbox(address string) bool {
	at := strings.IndexByte(address, '@')
	if at < 1 || at > maxLocal || len(address) > maxAddress {
		return false
	}
	start, want := 0, uint8(inLocal)
	for i := 0; i <= len(address); i++ {
		if i < len(address) && i != at && address[i] != '.' {
			if letters[address[i]]&want == 0 {
				return false
			}
			continue
		}
		if i == start {
			return false
		}
		if want == inDomain && (i-start > maxLabel || i-start > 3 && address[start+2:start+4] == "--" ||
			address[start] == '-' || address[i-1] == '-') {
			return false
		}
		start = i + 1
		if i == at {
			want = inDomain
		}
	}
	return true
}

// mailbox turns an address into its wire form without angle brackets: the domain in ASCII, the local part
// quoted where it must be. utf8 says that the local part needs SMTPUTF8.
func mailbox(address string) (wire string, utf8 bool, ok bool) {
	if simpleMailbox(address) {
		return address, false, true
	}
	return parsedMailbox(address)
}

func parsedMailbox(address string) (wire string, utf8 bool, ok bool) {
	if len(address) > maxAddress || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || r == '<' || r == '>' }) {
		return "", false, false
	}
	a, err := mail.ParseAddress("<" + address + ">")
	if err != nil || a.Name != "" {
		return "", false, false
	}
	at := strings.LastIndexByte(a.Address, '@')
	domain, err := idna.Lookup.ToASCII(a.Address[at+1:])
	if err != nil || domain == "" || len(a.Address[:at]) > maxLocal {
		return "", false, false
	}
	local := a.Address[:at]
	wire = strings.Trim((&mail.Address{Address: local + "@" + domain}).String(), "<>")
	if len(wire) > maxAddress {
		return "", false, false
	}
	return wire, strings.ContainsFunc(local, func(r rune) bool { return r > unicode.MaxASCII }), true
}

// formatSender checks a From value and gives its header form and its address.
func formatSender(from string) (string, bool) {
	if strings.ContainsFunc(from, unicode.IsControl) {
		return "", false
	}
	a, err := mail.ParseAddress(from)
	if err != nil {
		return "", false
	}
	wire, utf8, ok := mailbox(a.Address)
	if !ok || utf8 {
		return "", false
	}
	return (&mail.Address{Name: a.Name, Address: wire}).String(), true
}
