package receipt

import (
	"bytes"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // bounces come in GB18030 and others

	"tocsin/notify"
)

// Kind says what came to a return path.
type Kind string

// The kinds of mail.
const (
	Report    Kind = "report"     // a delivery status notification (RFC 3464)
	Complaint Kind = "complaint"  // an abuse report (RFC 5965)
	Plain     Kind = "plain"      // a bounce that only people can read
	AutoReply Kind = "auto-reply" // out of office, vacation: no bounce
	Other     Kind = "other"      // anything else: no word about a delivery
)

// outID is the form of an outgoing id; whether it is ours is for the codec to say.
var outID = regexp.MustCompile(`^[0-9a-z]{1,13}\.[0-9a-z]{1,13}\.[a-z]{1,12}[0-9]{0,2}\.[a-z2-7]{16}$`)

// Mail reads a message that came to a return path. token is the outgoing id of the envelope's recipient,
// which alone says whom it is about; "" when the envelope is not known: then the return path and the
// envelope id that the message names do, never its other addresses. What cannot be read is Other.
func Mail(token string, body []byte) (Kind, []notify.Receipt) {
	e, err := message.Read(bytes.NewReader(body))
	if e == nil || !readable(err) {
		return Other, nil
	}
	return letterOf(e, token)
}

// smtpDSN reads a callback that holds a bounce, either a whole message or the body of a multipart/report.
func smtpDSN(_ time.Time, contentType string, body []byte) ([]notify.Receipt, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, malformed("of a known content type")
	}
	var e *message.Entity
	switch kind {
	case "message/rfc822", "message/global":
		e, err = message.Read(bytes.NewReader(body))
	case "multipart/report":
		var h message.Header
		h.Set("Content-Type", contentType)
		e, err = message.New(h, bytes.NewReader(body))
	default:
		return nil, malformed("message/rfc822 or multipart/report")
	}
	if e == nil || !readable(err) {
		return nil, malformed("a mail message")
	}
	_, receipts := letterOf(e, "")
	return receipts, nil
}

func readable(err error) bool {
	return err == nil || message.IsUnknownCharset(err) || message.IsUnknownEncoding(err)
}

// letter is what was found in a message.
type letter struct {
	head   message.Header
	given  string   // the envelope's token
	ids    []string // candidates for the outgoing id
	groups []group
	abuse  string // Feedback-Type
	text   string // the beginning of what people read
	parts  int
}

func letterOf(e *message.Entity, token string) (Kind, []notify.Receipt) {
	l := letter{head: e.Header, given: token}
	l.candidate(token)
	for _, field := range []string{"To", "Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To"} {
		l.addressed(e.Header.Get(field))
	}
	l.walk(e, 0)
	kind, verdicts := l.verdicts()
	at, _ := mail.ParseDate(e.Header.Get("Date")) // zero: when it came in will do
	var receipts []notify.Receipt
	for _, v := range verdicts {
		for _, id := range l.ids {
			receipts = append(receipts, notify.Receipt{OutID: id, Class: v.Class, Code: v.Code, At: at.UTC().Truncate(time.Microsecond)})
		}
	}
	return kind, receipts
}

// verdicts is what the message says of a delivery. Structure is believed before words.
func (l *letter) verdicts() (Kind, []notify.Verdict) {
	switch {
	case l.abuse != "":
		if noComplaint[l.abuse] {
			return Other, nil
		}
		return Complaint, []notify.Verdict{{Class: notify.ClassDelivered, Code: "complaint"}}
	case len(l.groups) > 0:
		var out []notify.Verdict
		for _, g := range l.groups {
			if v, ok := g.verdict(); ok {
				out = append(out, v)
			}
		}
		return Report, out
	case !l.daemon():
		if l.automatic() {
			return AutoReply, nil
		}
		return Other, nil
	}
	if v, ok := l.plain(); ok {
		return Plain, []notify.Verdict{v}
	}
	return Other, nil
}

// addressed takes the outgoing id out of a return path b+<id>@….
func (l *letter) addressed(field string) {
	local, _, found := strings.Cut(strings.Trim(strings.TrimSpace(field), "<>"), "@")
	if id, verp := strings.CutPrefix(strings.ToLower(local), "b+"); found && verp {
		l.candidate(id)
	}
}

func (l *letter) candidate(id string) {
	id = strings.ToLower(strings.TrimSpace(id))
	if l.given != "" && id != strings.ToLower(l.given) {
		return
	}
	if outID.MatchString(id) && !slices.Contains(l.ids, id) {
		l.ids = append(l.ids, id)
	}
}
