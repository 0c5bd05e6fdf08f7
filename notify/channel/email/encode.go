package email

import (
	"html"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"unicode"
)

const hexDigits = "0123456789ABCDEF"

const width = 72 // of a line of values

// putText appends a value quoted-printable. Everything but letters, digits, - and _ is encoded, so that no
// value can end a line, start with a dot or look like a boundary.
func putText(dst []byte, value string) []byte {
	if asIs(value) {
		return append(dst, value...)
	}
	column := 0
	for i := 0; i < len(value); i++ {
		c := value[i]
		need := 3
		if plain(c) {
			need = 1
		}
		if column+need > width {
			dst = append(dst, softBreak...)
			column = 0
		}
		if need == 1 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		}
		column += need
	}
	return dst
}

// putHTML appends a value escaped for HTML text and attributes, quoted-printable.
func putHTML(dst []byte, value string) []byte {
	if asIs(value) {
		return append(dst, value...)
	}
	return putText(dst, html.EscapeString(value))
}

// asIs says that a value needs neither escape nor line break, as check codes and references never do.
func asIs(value string) bool {
	for i := range len(value) {
		if !plain(value[i]) {
			return false
		}
	}
	return len(value) <= width
}

// putWords appends a value as folded encoded words of a header. Control characters become spaces.
func putWords(dst []byte, value string) []byte {
	return append(dst, strings.Join(encodedWords(value), "\r\n ")...)
}

func plain(c byte) bool { return letters[c]&inValue != 0 }

// encodedWords writes text as RFC 2047 words short enough to follow a header name on a line of 78.
func encodedWords(text string) []string {
	const open, end, width = "=?UTF-8?q?", "?=", 64
	var words []string
	w := []byte(open)
	for _, r := range text {
		if unicode.IsControl(r) {
			r = ' '
		}
		var enc []byte
		for _, c := range []byte(string(r)) {
			if plain(c) && c != '_' {
				enc = append(enc, c)
			} else {
				enc = append(enc, '=', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		if len(w)+len(enc)+len(end) > width {
			words = append(words, string(w)+end)
			w = []byte(open)
		}
		w = append(w, enc...)
	}
	return append(words, string(w)+end)
}

// headerParts are the personal header fields and then the fixed ones, in order of name.
func headerParts(h textproto.MIMEHeader) []segment {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name != "Subject" && name != slotTo && name != slotID {
			for _, v := range h[name] {
				b.WriteString(fold(name, v))
			}
		}
	}
	return []segment{
		{fixed: []byte("To: "), slot: slotTo},
		{fixed: []byte("\r\nMessage-ID: "), slot: slotID},
		{fixed: []byte("\r\n" + b.String())},
	}
}

// fold breaks a header field at spaces so that no line is longer than 78 where that is possible.
func fold(name, value string) string {
	var b strings.Builder
	b.WriteString(name + ":")
	column := len(name) + 1
	for i, word := range strings.Fields(value) {
		if i > 0 && column+1+len(word) > 78 {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteString(" " + word)
		column += 1 + len(word)
	}
	return b.String() + "\r\n"
}

// subjectParts is the subject field. The library neither folds a long one nor knows slots, so it is ours.
func subjectParts(subject string, known func(string) bool) []segment {
	if simple(subject) {
		return []segment{{fixed: []byte("Subject: " + subject + "\r\n")}}
	}
	var out []segment
	text, sep, at := "Subject: ", "", 0
	add := func(piece string) {
		if piece != "" {
			text += sep + strings.Join(encodedWords(piece), "\r\n ")
			sep = "\r\n "
		}
	}
	for _, m := range slotPattern.FindAllStringSubmatchIndex(subject, -1) {
		name := subject[m[2]:m[3]]
		if !known(name) {
			continue
		}
		add(subject[at:m[0]])
		out = append(out, segment{fixed: []byte(text + sep), slot: name, put: putWords})
		text, sep, at = "", "\r\n ", m[1]
	}
	add(subject[at:])
	return append(out, segment{fixed: []byte(text + "\r\n")})
}

// simple reports whether a subject can stand as it is.
func simple(subject string) bool {
	return len(subject) <= 66 && !strings.Contains(subject, "=?") && !slotPattern.MatchString(subject) &&
		subject == strings.TrimSpace(subject) &&
		!strings.ContainsFunc(subject, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) })
}
