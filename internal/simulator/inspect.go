package simulator

import (
	"bufio"
	"bytes"
	"io"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // decode what other charsets arrive in
)

// inspect verifies a message as channels.md section 12 asks of a sink and names the rule it breaks. Wire rules
// are checked on each message; the parts only when deep, since they differ between people in a few words.
func inspect(raw []byte, to string, deep bool) (textproto.MIMEHeader, string) {
	if rule := lines(raw); rule != "" {
		return nil, rule
	}
	head := header(raw)
	if head == nil {
		return nil, "bad-header"
	}
	for _, name := range []string{"From", "To", "Date", "Message-Id", "Subject", "Mime-Version", "Auto-Submitted"} {
		if len(head[name]) != 1 {
			return nil, "header-" + strings.ToLower(name)
		}
	}
	if head.Get("Cc") != "" || head.Get("Bcc") != "" || head.Get("List-Unsubscribe") != "" || head.Get("Precedence") != "" {
		return nil, "unwanted-header"
	}
	people, err := mail.ParseAddressList(head.Get("To"))
	if err != nil || len(people) != 1 || !strings.EqualFold(people[0].Address, to) {
		return nil, "to-is-not-the-recipient"
	}
	if _, err := mail.ParseAddress(head.Get("From")); err != nil {
		return nil, "bad-from"
	}
	if rule := signatures(head); rule != "" {
		return nil, rule
	}
	if deep {
		return head, parts(raw)
	}
	return head, ""
}

// header reads the header of a message; nil when it is none.
func header(raw []byte) textproto.MIMEHeader {
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw))).ReadMIMEHeader()
	if err != nil {
		return nil
	}
	return head
}

// signedFields must be covered by a DKIM signature (channels.md 5.1).
var signedFields = []string{"from", "to", "subject", "date", "message-id", "mime-version", "content-type"}

// signatures checks the form of DKIM signatures: their tags and which header fields they cover.
func signatures(head textproto.MIMEHeader) string {
	for _, signature := range head["Dkim-Signature"] {
		tags := map[string]string{}
		for tag := range strings.SplitSeq(signature, ";") {
			name, value, _ := strings.Cut(tag, "=")
			tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(value), "")
		}
		if tags["v"] != "1" || tags["a"] == "" || tags["d"] == "" || tags["s"] == "" || tags["bh"] == "" || tags["b"] == "" || tags["l"] != "" {
			return "dkim-tags"
		}
		covered := strings.Split(strings.ToLower(tags["h"]), ":")
		for _, name := range signedFields {
			if !slices.Contains(covered, name) {
				return "dkim-header-list"
			}
		}
		if head.Get("Feedback-Id") != "" && !slices.Contains(covered, "feedback-id") {
			return "dkim-header-list"
		}
	}
	return ""
}

// lines checks line ends and lengths.
func lines(raw []byte) string {
	for len(raw) > 0 {
		n := bytes.IndexByte(raw, '\n')
		if n < 0 {
			return "no-final-line-end"
		}
		line := raw[:n]
		if n == 0 || line[n-1] != '\r' {
			return "bare-lf"
		}
		if bytes.IndexByte(line[:n-1], '\r') >= 0 {
			return "bare-cr"
		}
		if n-1 > 998 {
			return "line-too-long"
		}
		raw = raw[n+1:]
	}
	return ""
}

var (
	remote = regexp.MustCompile(`(?i)<(img|script|iframe|form|link|object|embed|video|audio)\b|\b(src|background)\s*=|url\s*\(`)
	link   = regexp.MustCompile(`(?i)href\s*=\s*["']?([^"'\s>]+)`)
	trace  = regexp.MustCompile(`(?i)[?&](utm_|rid=|uid=|email=|click)|/(track|click|open)/`)
)

// parts checks for attachments, remote content, forms and tracking links.
func parts(raw []byte) string {
	m, err := message.Read(bytes.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return "not-mime"
	}
	rule := ""
	err = m.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, _ := e.Header.ContentType()
		if strings.HasPrefix(kind, "multipart/") {
			return nil
		}
		body, err := io.ReadAll(io.LimitReader(e.Body, 1<<20))
		if err != nil {
			return err
		}
		disposition, _, _ := e.Header.ContentDisposition()
		switch {
		case disposition == "attachment" || !strings.HasPrefix(kind, "text/"):
			rule = "attachment"
		case kind == "text/html" && remote.Match(body):
			rule = "remote-content"
		case kind == "text/html":
			for _, l := range link.FindAllSubmatch(body, -1) {
				if trace.Match(l[1]) {
					rule = "tracking-link"
				}
			}
		}
		return nil
	})
	if err != nil {
		return "not-mime"
	}
	return rule
}

// body is the decoded part of a kept message that a reader would see, and its type.
func body(raw string) (text []byte, kind string) {
	m, err := message.Read(strings.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return nil, ""
	}
	_ = m.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		if k, _, _ := e.Header.ContentType(); k == "text/html" || k == "text/plain" && kind == "" {
			text, _ = io.ReadAll(io.LimitReader(e.Body, 1<<20))
			kind = k
		}
		return nil
	})
	return text, kind
}
