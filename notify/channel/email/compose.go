package email

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	mime "github.com/jordan-wright/email"

	"tocsin/notify"
)

const maxSubject = 150 // characters; longer ones are cut off by readers anyway

var slotPattern = regexp.MustCompile(`\[\[([a-z][a-z0-9_]*)\]\]`)

// slotsOf is the set of slots a message may use: the two every notice knows and those it declares.
func slotsOf(m notify.FrozenMessage) func(string) bool {
	known := append([]string{"code", "ref"}, m.Slots...)
	return func(name string) bool { return slices.Contains(known, name) }
}

// compose builds the MIME message with the library, checks what the library does not, and cuts it.
func compose(m notify.FrozenMessage, domain string, date time.Time) (*letter, error) {
	from, ok := formatSender(m.From)
	if !ok {
		return nil, refuse(notify.ClassBug, "bad-sender")
	}
	if strings.ContainsFunc(m.Subject, unicode.IsControl) || utf8.RuneCountInString(m.Subject) > maxSubject || strings.TrimSpace(m.Subject) == "" {
		return nil, refuse(notify.ClassBug, "bad-subject")
	}
	if m.Text == "" && m.HTML == "" {
		return nil, refuse(notify.ClassBug, "empty-message")
	}
	if _, ok := formatSender("postmaster@" + domain); !ok {
		return nil, refuse(notify.ClassBug, "bad-domain")
	}
	known, marks := slotsOf(m), newMarks()
	e := mime.NewEmail()
	e.From, e.Subject = from, "-"
	e.Text = []byte(marks.plant(m.Text, known, putText))
	e.HTML = []byte(marks.plant(m.HTML, known, putHTML))
	e.Headers.Set("Message-Id", "-") // else the library writes one with our host name
	e.Headers.Set("Date", date.UTC().Format(time.RFC1123Z))
	raw, err := e.Bytes()
	if err != nil {
		return nil, refuse(notify.ClassBug, "not-composed")
	}
	header, body, err := split(raw)
	if err != nil {
		return nil, refuse(notify.ClassBug, "not-composed")
	}
	for name, value := range map[string]string{
		"From": from, "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		"Feedback-Id": m.Document + "." + strconv.Itoa(m.Version) + ":" + m.Document + ":notice:" + domain, "Content-Language": m.Locale,
	} {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return nil, refuse(notify.ClassBug, "bad-header")
		}
		header.Set(name, value)
	}
	head := func() []segment {
		return append(slices.Concat(headerParts(header), subjectParts(m.Subject, known)), segment{fixed: []byte("\r\n")})
	}
	l := newLetter(domain, head(), marks.cut(body))
	if body := eightBit(m, header, known); body != nil {
		header.Set("Content-Transfer-Encoding", "8bit")
		l.eight = newLetter(domain, head(), body)
		if short(m.Brand) {
			l.eight.brand = m.Brand
		}
	}
	return l, nil
}

// split parts a composed message into its header and its body.
func split(raw []byte) (textproto.MIMEHeader, []byte, error) {
	at := bytes.Index(raw, []byte("\r\n\r\n"))
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw[:at+4]))).ReadMIMEHeader()
	return header, raw[at+4:], err
}

// marks stand for slots while the library encodes the body.
type marks struct {
	prefix string
	found  []segment
}

func newMarks() *marks { return &marks{prefix: "q" + strings.ToLower(rand.Text()) + "x"} }

// plant puts a mark where a known slot stands.
func (k *marks) plant(text string, known func(string) bool, put func([]byte, string) []byte) string {
	return slotPattern.ReplaceAllStringFunc(text, func(s string) string {
		name := s[2 : len(s)-2]
		if !known(name) {
			return s
		}
		k.found = append(k.found, segment{slot: name, put: put})
		return k.prefix + strconv.Itoa(len(k.found)-1) + "x"
	})
}

const softBreak = "=\r\n"

// cut divides a quoted-printable body at the marks, wherever the encoder broke them over lines, so that each
// value stands between soft line breaks and is encoded and wrapped by itself.
func (k *marks) cut(body []byte) []segment {
	var pattern strings.Builder
	for _, c := range k.prefix {
		pattern.WriteRune(c)
		pattern.WriteString("(?:=\r\n)?")
	}
	pattern.WriteString("((?:[0-9](?:=\r\n)?)+)x")
	var out []segment
	at, after := 0, false
	for _, m := range regexp.MustCompile(pattern.String()).FindAllSubmatchIndex(body, -1) {
		n, _ := strconv.Atoi(strings.ReplaceAll(string(body[m[2]:m[3]]), softBreak, ""))
		s := k.found[n]
		s.fixed = breaks(body[at:m[0]], after, true)
		out = append(out, s)
		at, after = m[1], true
	}
	return append(out, segment{fixed: breaks(body[at:], after, false)})
}

// breaks adds the soft line breaks a fixed piece needs after and before a slot.
func breaks(piece []byte, after, before bool) []byte {
	p := string(piece)
	if after && p != "" && !strings.HasPrefix(p, "\r\n") && !strings.HasPrefix(p, softBreak) {
		p = softBreak + p
	}
	if before && !strings.HasSuffix(p, "\n") && (p != "" || after) {
		p += softBreak
	}
	return []byte(p)
}
