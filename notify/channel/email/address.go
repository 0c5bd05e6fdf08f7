package email

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// mailbox turns an address into its wire form without angle brackets: the domain in ASCII, the local part
// quoted where it must be. utf8 says that the local part needs SMTPUTF8.
func mailbox(address string) (wire string, utf8 bool, ok bool) {
	if len(address) > 254 || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || r == '<' || r == '>' }) {
		return "", false, false
	}
	a, err := mail.ParseAddress("<" + address + ">")
	if err != nil || a.Name != "" {
		return "", false, false
	}
	at := strings.LastIndexByte(a.Address, '@')
	domain, err := idna.Lookup.ToASCII(a.Address[at+1:])
	if err != nil || domain == "" || len(a.Address[:at]) > 64 {
		return "", false, false
	}
	local := a.Address[:at]
	wire = strings.Trim((&mail.Address{Address: local + "@" + domain}).String(), "<>")
	if len(wire) > 254 {
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
