package templates

import (
	"strings"
	"unicode/utf8"
)

// The characters of a short message in the GSM 7-bit alphabet (3GPP TS 23.038, 6.2.1); those of its extension
// take two places. One character outside both makes the whole message UCS-2.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwice = "\f^{}\\[~]|€"
)

// Segments counts the billed parts of a short message with the longest values its slots take. In mainland China
// every message is counted as UCS-2, whatever stands in it.
func (m Message) Segments(mainland bool) int {
	text := strings.NewReplacer(slotCode, strings.Repeat("0", 13), slotRef, strings.Repeat("0", 12)).Replace(m.SMSText)
	if n, ok := gsmLength(text); ok && !mainland {
		return parts(n, 160, 153)
	}
	return parts(utf8.RuneCountInString(text), 70, 67)
}

// parts is how many messages n characters take: one holds more than each of several.
func parts(n, alone, each int) int {
	if n <= alone {
		return 1
	}
	return (n + each - 1) / each
}

func gsmLength(text string) (n int, ok bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			n++
		case strings.ContainsRune(gsmTwice, r):
			n += 2
		default:
			return 0, false
		}
	}
	return n, true
}
