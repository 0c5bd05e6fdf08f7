package email

import (
	"net/textproto"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/notify"
)

// maxLine is how long a line may be with characters as they are, of the 998 octets that mail allows.
const maxLine = 900

// eightBit is the body of a letter for a relay with 8BITMIME (RFC 6152): characters stand as they are, which takes
// a third of the room where they are Chinese. It is nil where a line is too long for that or a value is personal in
// a way that needs an encoding, and for a message of one part.
func eightBit(m notify.FrozenMessage, header textproto.MIMEHeader, known func(string) bool) []segment {
	_, boundary, several := strings.Cut(header.Get("Content-Type"), "boundary=")
	if !several {
		return nil
	}
	body := ""
	for _, part := range [][2]string{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		text := strings.ReplaceAll(part[1], "\r\n", "\n")
		if !asItIs(strings.ReplaceAll(text, "[[brand]]", strings.Repeat("x", maxPlain))) {
			return nil
		}
		body += "--" + boundary + "\r\nContent-Type: " + part[0] + "; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
			strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	}
	body += "--" + boundary + "--\r\n"
	var out []segment
	at := 0
	for _, slot := range slotPattern.FindAllStringSubmatchIndex(body, -1) {
		switch name := body[slot[2]:slot[3]]; {
		case !known(name):
		case name == "code" || name == "ref" || name == "brand":
			out = append(out, segment{fixed: []byte(body[at:slot[0]]), slot: name, put: putPlain})
			at = slot[1]
		default:
			return nil
		}
	}
	return append(out, segment{fixed: []byte(body[at:])})
}

// asItIs says that a text can travel without an encoding.
func asItIs(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > maxLine {
			return false
		}
	}
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// putPlain appends a value that needs no encoding.
func putPlain(dst []byte, value string) []byte { return append(dst, value...) }

// letterOn is the form of the letter that a person gets over a connection.
func (r *run) letterOn(c *conn, o *notify.Outgoing) *letter {
	if e := r.letter.eight; e != nil && c.eight && asIs(o.Code) && asIs(o.Ref) && (o.Brand == e.brand || short(o.Brand)) {
		return e
	}
	return r.letter
}

// maxPlain is how many bytes a value may have that stands in a line as it is.
const maxPlain = 100

// short says that a value may stand in text and in HTML as it is, at the start of a line too.
func short(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			return false
		}
	}
	return len(value) <= maxPlain && !strings.HasPrefix(value, ".") && utf8.ValidString(value)
}
