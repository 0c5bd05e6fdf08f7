package receipt

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"tocsin/notify"
)

const (
	maxDepth  = 4        // multiparts within each other
	maxParts  = 16       // of one message
	maxStatus = 64 << 10 // bytes of a delivery status
	maxGroups = 64       // recipients in one
)

// outID is the form of an outgoing id; whether it is ours is for the codec to say.
var outID = regexp.MustCompile(`^[0-9a-z]{1,13}\.[0-9a-z]{1,13}\.[a-z]{1,12}\.[a-z2-7]{16}$`)

// bounce is what a delivery status notification (RFC 3464) says.
type bounce struct {
	ids    []string // candidates for the outgoing id
	groups []textproto.Header
	at     time.Time
	parts  int
}

// smtpDSN reads a bounce, either a whole message or the body of a multipart/report. Mail that is no
// bounce, such as an auto-reply, gives no receipts.
func smtpDSN(contentType string, body []byte) ([]notify.Receipt, error) {
	e, err := entityOf(contentType, body)
	if err != nil {
		return nil, err
	}
	b := bounce{}
	b.at, _ = mail.ParseDate(e.Header.Get("Date")) // zero: when it came in will do
	for _, field := range []string{"To", "Delivered-To", "X-Original-To", "X-Envelope-To"} {
		b.addressed(e.Header.Get(field))
	}
	b.walk(e, 0)
	return b.receipts(), nil
}

func entityOf(contentType string, body []byte) (*message.Entity, error) {
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
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return nil, malformed("a mail message")
	}
	return e, nil
}

// walk collects the delivery status and the returned headers of a report.
func (b *bounce) walk(e *message.Entity, depth int) {
	if b.parts++; depth > maxDepth || b.parts > maxParts {
		return
	}
	if r := e.MultipartReader(); r != nil {
		for b.parts <= maxParts {
			part, err := r.NextPart()
			if part == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return
			}
			b.walk(part, depth+1)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(e.Header.Get("Content-Type"))
	if err != nil {
		return
	}
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		b.status(e.Body)
	case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
		b.returned(e.Body)
	}
}

// status reads the groups of fields: the first is about the message, each further one about a recipient.
func (b *bounce) status(body io.Reader) {
	r := bufio.NewReader(io.LimitReader(body, maxStatus))
	first := len(b.groups) == 0
	for n := 0; n < maxGroups; n++ {
		h, err := textproto.ReadHeader(r)
		if h.Len() > 0 {
			if first && !h.Has("Action") {
				b.candidate(h.Get("Original-Envelope-Id"))
			} else {
				b.groups = append(b.groups, h)
			}
			first = false
		}
		if err != nil {
			return
		}
		if _, err := r.Peek(1); err != nil {
			return
		}
	}
}

// returned reads the headers of the message that bounced, for servers that keep no envelope id.
func (b *bounce) returned(body io.Reader) {
	h, err := textproto.ReadHeader(bufio.NewReader(io.LimitReader(body, maxStatus)))
	if err != nil && h.Len() == 0 {
		return
	}
	b.addressed(h.Get("Return-Path"))
}

// addressed takes the outgoing id out of a return path b+<id>@….
func (b *bounce) addressed(field string) {
	local, _, found := strings.Cut(strings.Trim(strings.TrimSpace(field), "<>"), "@")
	if id, verp := strings.CutPrefix(strings.ToLower(local), "b+"); found && verp {
		b.candidate(id)
	}
}

func (b *bounce) candidate(id string) {
	if id = strings.ToLower(strings.TrimSpace(id)); outID.MatchString(id) && !slices.Contains(b.ids, id) {
		b.ids = append(b.ids, id)
	}
}

// actions that are no failure. A delay is none: the relay has the message and goes on trying.
var actions = map[string]notify.Class{
	"delivered": notify.ClassDelivered,
	"relayed":   notify.ClassAccepted,
	"expanded":  notify.ClassAccepted,
	"delayed":   notify.ClassAccepted,
}

func (b *bounce) receipts() []notify.Receipt {
	if len(b.ids) == 0 {
		return nil
	}
	var out []notify.Receipt
	for _, g := range b.groups {
		action := strings.ToLower(strings.TrimSpace(g.Get("Action")))
		status, _, _ := strings.Cut(strings.TrimSpace(g.Get("Status")), " ")
		class, fine := actions[action]
		switch {
		case fine:
		case action == "failed":
			class = mailClass(status, g.Get("Diagnostic-Code"))
		default:
			continue
		}
		for _, id := range b.ids {
			out = append(out, notify.Receipt{OutID: id, Class: class, Code: status, At: b.at.UTC()})
		}
	}
	return out
}
