package notify

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/incident"
)

// plain checks text written by a person or tool: UTF-8, no control characters but line breaks and tabs, at
// most limit runes. nil means it is fine.
func plain(pointer, s string, limit int) *incident.Problem {
	switch {
	case !utf8.ValidString(s):
		return &incident.Problem{Pointer: pointer, Rule: "utf-8", Message: "the text is not UTF-8"}
	case utf8.RuneCountInString(s) > limit:
		return &incident.Problem{Pointer: pointer, Rule: "length", Message: fmt.Sprintf("at most %d characters", limit)}
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return &incident.Problem{Pointer: pointer, Rule: "control", Message: "control characters are not allowed"}
	}
	return nil
}

// line checks text that must stand on one line, such as a subject or a name.
func line(pointer, s string, limit int) *incident.Problem {
	if fineLine(s, limit) {
		return nil
	}
	if strings.ContainsAny(s, "\n\t\u2028\u2029") {
		return &incident.Problem{Pointer: pointer, Rule: "one-line", Message: "must stand on one line"}
	}
	return plain(pointer, s, limit)
}

// fineLine says at one glance that nothing is wrong with a line.
func fineLine(s string, limit int) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return false
		}
	}
	return len(s) <= limit
}
