package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"tocsin/notify"
)

// Signer is one DKIM signature on every message (RFC 6376, RFC 8463). Ed25519 costs about 30 µs a message,
// RSA-2048 more than a millisecond: at a high rate leave RSA to the relay.
type Signer struct {
	Domain   string
	Selector string
	Key      crypto.Signer // Ed25519, or RSA of 2048 bits or more
}

// stamp is a DKIM-Signature field of one letter, ready up to the hash of the body.
type stamp struct {
	key   crypto.Signer
	hash  crypto.Hash // what the key wants to be told about the digest
	field []byte
}

const leastRSA = 2048

// twice are fields that are signed once more than they occur, so that none can be added.
var twice = []string{"From", "To", "Subject"}

// endorse prepares a letter to be signed: its fixed parts in canonical form, its signature fields.
func (l *letter) endorse(signers []Signer, now time.Time) error {
	if len(signers) == 0 {
		return nil
	}
	l.eight = nil // whoever passes it on to a relay without 8BITMIME would break its signature
	for i := range l.body {
		l.body[i].canon = relaxBody(l.body[i].fixed)
	}
	end := &l.body[len(l.body)-1]
	for bytes.HasSuffix(end.canon, []byte("\r\n\r\n")) {
		end.canon = end.canon[:len(end.canon)-2]
	}
	names := strings.Join(append(l.fields(), twice...), ":\r\n\t")
	for _, s := range signers {
		st := stamp{key: s.Key}
		algorithm := "rsa-sha256"
		switch key := s.Key.Public().(type) {
		case ed25519.PublicKey:
			algorithm = "ed25519-sha256"
		case *rsa.PublicKey:
			if key.N.BitLen() < leastRSA {
				return refuse(notify.ClassStop, "dkim-key-short")
			}
			st.hash = crypto.SHA256
		default:
			return refuse(notify.ClassStop, "dkim-key-unknown")
		}
		if !plainID(s.Domain) || !plainID(s.Selector) {
			return refuse(notify.ClassStop, "dkim-name-bad")
		}
		st.field = []byte("DKIM-Signature: v=1; a=" + algorithm + "; c=relaxed/relaxed;\r\n\td=" + s.Domain + ";\r\n\ts=" + s.Selector +
			"; t=" + strconv.FormatInt(now.Unix(), 10) + ";\r\n\th=" + names + ";\r\n\tbh=")
		l.stamps = append(l.stamps, st)
	}
	return nil
}

// fields are the names of the letter's header fields, in order.
func (l *letter) fields() []string {
	var out []string
	var head []byte
	for _, p := range l.head {
		head = append(append(head, p.fixed...), "x"...)
	}
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			out = append(out, name)
		}
	}
	return out
}

// sign appends the letter as one person gets it, with its signatures in front.
func (l *letter) sign(dst []byte, o *notify.Outgoing, to string) ([]byte, error) {
	sum := sha256.New()
	head := l.fillHead(nil, o, to)
	body := fillBody(head, l.body, o, sum)[len(head):]
	bodyHash := base64.StdEncoding.AppendEncode(nil, sum.Sum(nil))
	signed := relaxHeader(make([]byte, 0, 4<<10), head[:len(head)-2])
	for _, st := range l.stamps {
		start := len(dst)
		dst = append(append(append(dst, st.field...), bodyHash...), ";\r\n\tb="...)
		digest := sha256.Sum256(bytes.TrimRight(relaxHeader(signed, dst[start:]), "\r\n"))
		signature, err := st.key.Sign(rand.Reader, digest[:], st.hash)
		if err != nil {
			return dst, err
		}
		const width = 72
		for b := base64.StdEncoding.AppendEncode(nil, signature); len(b) > 0; b = b[min(width, len(b)):] {
			dst = append(append(dst, b[:min(width, len(b))]...), "\r\n\t"...)
		}
		dst = dst[:len(dst)-1]
	}
	return append(append(dst, head...), body...), nil
}

// relaxHeader appends header fields in the relaxed form of RFC 6376 3.4.2.
func relaxHeader(dst, fields []byte) []byte {
	for len(fields) > 0 {
		end := fieldEnd(fields)
		name, value, _ := bytes.Cut(fields[:end], []byte(":"))
		dst = append(append(dst, bytes.ToLower(bytes.TrimRight(name, " \t"))...), ':')
		start, gap := len(dst), false
		for _, b := range value {
			switch b {
			case ' ', '\t', '\r', '\n':
				gap = true
			default:
				if gap && len(dst) > start {
					dst = append(dst, ' ')
				}
				dst, gap = append(dst, b), false
			}
		}
		dst = append(dst, '\r', '\n')
		fields = fields[end:]
	}
	return dst
}

// fieldEnd is where the first field ends, its folded lines included.
func fieldEnd(fields []byte) int {
	for at := 0; ; {
		end := bytes.Index(fields[at:], []byte("\r\n"))
		if end < 0 {
			return len(fields)
		}
		at += end + 2
		if at == len(fields) || fields[at] != ' ' && fields[at] != '\t' {
			return at
		}
	}
}

// relaxBody is a piece of a body in the relaxed form of RFC 6376 3.4.4. Pieces end with lines.
func relaxBody(piece []byte) []byte {
	var out []byte
	gap := false
	for _, b := range piece {
		switch b {
		case ' ', '\t':
			gap = true
			continue
		case '\r', '\n':
		default:
			if gap {
				out = append(out, ' ')
			}
		}
		out, gap = append(out, b), false
	}
	return out
}
