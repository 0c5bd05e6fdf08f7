package email

import (
	"bytes"
	"hash"
	"strconv"

	"tocsin/notify"
)

// letter is a message composed once: fixed bytes with gaps for what differs per person.
type letter struct {
	domain string
	head   []segment
	body   []segment
	slots  []string  // that a person must have a value for
	dotted []segment // body with the dots at line starts doubled, as DATA wants it; values start with none
	digits int       // that the length of a filled letter will likely have
	stamps []stamp   // signatures to put in front
	brand  string    // of an eight: what most people's brand is, known to fit
	eight  *letter   // for relays that take every character as it is; nil: none
}

// segment is fixed bytes and the slot that follows them; the last one has no slot.
type segment struct {
	fixed []byte
	canon []byte // fixed as DKIM hashes it; of a body
	slot  string
	put   func(dst []byte, value string) []byte
}

// Names of the gaps that every letter has; no slot of a message can have them.
const (
	slotTo = "To"
	slotID = "Message-Id"
)

// valueLength is what a personal value is taken to be long when the length of a letter is guessed.
const valueLength = 24

func newLetter(domain string, head, body []segment) *letter {
	l := &letter{domain: domain, head: joined(head), body: body}
	if end := &body[len(body)-1]; !bytes.HasSuffix(end.fixed, []byte("\r\n")) {
		end.fixed = append(end.fixed, '\r', '\n')
	}
	for i, p := range body {
		if i == 0 {
			p.fixed = stuff(p.fixed)
		} else {
			p.fixed = stuffInside(p.fixed)
		}
		l.dotted = append(l.dotted, p)
	}
	size := 0
	for _, parts := range [][]segment{l.head, l.body} {
		for _, p := range parts {
			size += len(p.fixed)
			if p.slot != "" {
				size += valueLength
				if p.slot != slotTo && p.slot != slotID {
					l.slots = append(l.slots, p.slot)
				}
			}
		}
	}
	l.digits = len(strconv.Itoa(size))
	return l
}

// joined merges neighbours without a slot between them.
func joined(parts []segment) []segment {
	var out []segment
	for _, s := range parts {
		if n := len(out); n > 0 && out[n-1].slot == "" {
			out[n-1] = segment{fixed: append(out[n-1].fixed, s.fixed...), slot: s.slot, put: s.put}
			continue
		}
		out = append(out, s)
	}
	return out
}

// complete says whether a person has a value for every slot.
func (l *letter) complete(o *notify.Outgoing) bool {
	for _, slot := range l.slots {
		if _, ok := o.Value(slot); !ok {
			return false
		}
	}
	return true
}

// fill appends the letter as one person gets it.
func (l *letter) fill(dst []byte, o *notify.Outgoing, to string) []byte {
	return fillBody(l.fillHead(dst, o, to), l.body, o, nil)
}

// fillDotted appends it in the form of DATA, without the final dot.
func (l *letter) fillDotted(dst []byte, o *notify.Outgoing, to string) []byte {
	return fillBody(l.fillHead(dst, o, to), l.dotted, o, nil)
}

func (l *letter) fillHead(dst []byte, o *notify.Outgoing, to string) []byte {
	for i := range l.head {
		p := &l.head[i]
		dst = append(dst, p.fixed...)
		switch p.slot {
		case "":
		case slotTo:
			dst = append(append(append(dst, '<'), to...), '>')
		case slotID: // the same each time: what is sent again in doubt can be known again
			dst = append(append(append(dst, '<'), o.OutID...), '@')
			dst = append(append(dst, l.domain...), '>')
		default:
			v, _ := o.Value(p.slot)
			dst = p.put(dst, v)
		}
	}
	return dst
}

// fillBody appends the body. What sum is given is the body as DKIM sees it.
func fillBody(dst []byte, body []segment, o *notify.Outgoing, sum hash.Hash) []byte {
	for i := range body {
		p := &body[i]
		dst = append(dst, p.fixed...)
		start := len(dst)
		if p.slot != "" {
			v, _ := o.Value(p.slot)
			dst = p.put(dst, v)
		}
		if sum != nil {
			_, _ = sum.Write(p.canon)
			_, _ = sum.Write(dst[start:])
		}
	}
	return dst
}

// stuffInside doubles the dots of all lines but the first.
func stuffInside(lines []byte) []byte {
	return bytes.ReplaceAll(lines, []byte("\r\n."), []byte("\r\n.."))
}

// stuff doubles the dots at line starts (RFC 5321 4.5.2). What it is given starts a line.
func stuff(lines []byte) []byte {
	lines = stuffInside(lines)
	if bytes.HasPrefix(lines, []byte(".")) {
		lines = append([]byte("."), lines...)
	}
	return lines
}
