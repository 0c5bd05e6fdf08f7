package notify

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner decodes a recipient that is written in the usual way, several times as fast as encoding/json does.
// What it does not understand it leaves to that: it never tells what is wrong. Its texts are parts of s.
type scanner struct {
	s    string
	i    int
	fail bool
}

// recipient reads one object and nothing after it.
func (c *scanner) recipient(r *Recipient) bool {
	var seen uint64
	c.object(func(name string) {
		bit := c.member(name, r)
		if seen&bit != 0 {
			c.fail = true // of members that stand twice the standard library decides
		}
		seen |= bit
	})
	c.space()
	return !c.fail && c.i == len(c.s)
}

func (c *scanner) member(name string, r *Recipient) uint64 {
	text := func(bit uint64, at *string) uint64 { c.optional(at); return bit }
	list := func(bit uint64, at *[]string) uint64 { *at = c.list(*at); return bit }
	flag := func(bit uint64, at *bool) uint64 { *at, _ = c.boolean(); return bit }
	switch name {
	case "person_key":
		return text(1<<0, &r.PersonKey)
	case "name":
		return text(1<<1, &r.Name)
	case "locale":
		return text(1<<2, &r.Locale)
	case "jurisdiction":
		return text(1<<3, &r.Jurisdiction)
	case "zone":
		return text(1<<4, &r.Zone)
	case "emails":
		return list(1<<5, &r.Emails)
	case "phones":
		return list(1<<6, &r.Phones)
	case "data":
		return list(1<<7, &r.Data)
	case "channels":
		return list(1<<8, &r.Channels)
	case "burnt":
		return list(1<<9, &r.Burnt)
	case "shared":
		return list(1<<10, &r.Shared)
	case "brand":
		return text(1<<11, &r.Brand)
	case "minor":
		if is, known := c.boolean(); known {
			r.Minor = &is
		}
		return 1 << 12
	case "customer":
		if !c.null() {
			customer := c.text()
			r.Customer = &customer
		}
		return 1 << 13
	case "former":
		return flag(1<<14, &r.Former)
	case "no_app":
		return flag(1<<15, &r.NoApp)
	case "opted_out":
		return flag(1<<16, &r.OptedOut)
	case "push":
		r.Push = c.push(r.Push)
		return 1 << 17
	case "vars":
		r.Vars = c.pairs()
		return 1 << 18
	case "verified_at":
		r.VerifiedAt = c.pairs()
		return 1 << 19
	}
	c.fail = true
	return 0
}

func (c *scanner) push(out []PushTarget) []PushTarget {
	if c.null() {
		return nil
	}
	if out = out[:0]; out == nil {
		out = []PushTarget{}
	}
	c.array(func() {
		var p PushTarget
		var seen [3]bool
		c.object(func(name string) {
			i, at := 0, &p.Provider
			switch name {
			case "provider":
			case "target":
				i, at = 1, &p.Target
			case "id":
				i, at = 2, &p.ID
			default:
				c.fail = true
			}
			c.fail, seen[i] = c.fail || seen[i], true
			c.optional(at)
		})
		out = append(out, p)
	})
	return out
}

func (c *scanner) pairs() (out map[string]string) {
	if c.null() {
		return nil
	}
	out = map[string]string{}
	c.object(func(name string) { out[name] = c.text() })
	return out
}

// list reads texts in the place of others.
func (c *scanner) list(out []string) []string {
	if c.null() {
		return nil
	}
	if out = out[:0]; out == nil {
		out = []string{}
	}
	c.array(func() { out = append(out, c.text()) })
	return out
}

func (c *scanner) optional(at *string) {
	if !c.null() {
		*at = c.text()
	}
}

// object calls member before each value, which it must read.
func (c *scanner) object(member func(name string)) {
	c.sequence('{', '}', func() {
		name := c.text()
		c.need(':')
		if !c.fail {
			member(name)
		}
	})
}

func (c *scanner) array(item func()) { c.sequence('[', ']', item) }

func (c *scanner) sequence(open, end byte, item func()) {
	c.need(open)
	if c.at(end) {
		c.i++
		return
	}
	for !c.fail {
		item()
		if c.at(end) {
			c.i++
			return
		}
		c.need(',')
	}
}

func (c *scanner) space() {
	for c.i < len(c.s) && (c.s[c.i] == ' ' || c.s[c.i] == '\t' || c.s[c.i] == '\r' || c.s[c.i] == '\n') {
		c.i++
	}
}

// at says whether the next character is b.
func (c *scanner) at(b byte) bool {
	c.space()
	return c.i < len(c.s) && c.s[c.i] == b
}

func (c *scanner) need(b byte) {
	if c.fail = c.fail || !c.at(b); !c.fail {
		c.i++
	}
}

func (c *scanner) word(w string) bool {
	c.space()
	if !strings.HasPrefix(c.s[c.i:], w) {
		return false
	}
	c.i += len(w)
	return true
}

func (c *scanner) null() bool { return c.word("null") }

func (c *scanner) boolean() (is, known bool) {
	switch {
	case c.word("true"):
		return true, true
	case c.word("false"):
		return false, true
	}
	c.fail = c.fail || !c.null()
	return false, false
}

// text reads a string.
func (c *scanner) text() string {
	c.need('"')
	for from := c.i; c.i < len(c.s) && !c.fail; c.i++ {
		switch b := c.s[c.i]; {
		case b == '"':
			c.i++
			return c.s[from : c.i-1]
		case b == '\\':
			return c.escaped([]byte(c.s[from:c.i]))
		case b < ' ':
			c.fail = true
		}
	}
	c.fail = true
	return ""
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads the rest of a string of which out came before the first escape.
func (c *scanner) escaped(out []byte) string {
	for c.i < len(c.s) {
		b := c.s[c.i]
		c.i++
		switch {
		case b == '"':
			return string(out)
		case b < ' ':
			c.fail = true
			return ""
		case b != '\\':
			out = append(out, b)
		case strings.HasPrefix(c.s[c.i:], "u"):
			out = utf8.AppendRune(out, c.unit())
		case c.i < len(c.s) && escapes[c.s[c.i]] != 0:
			out = append(out, escapes[c.s[c.i]])
			c.i++
		default:
			c.fail = true
			return ""
		}
	}
	c.fail = true
	return ""
}

// unit reads uXXXX, or two that stand for one character.
func (c *scanner) unit() rune {
	one := c.hex()
	if !utf16.IsSurrogate(one) {
		return one
	}
	if !strings.HasPrefix(c.s[c.i:], `\u`) {
		c.fail = true
		return 0
	}
	c.i++
	both := utf16.DecodeRune(one, c.hex())
	c.fail = c.fail || both == utf8.RuneError
	return both
}

func (c *scanner) hex() (r rune) {
	if c.i+5 > len(c.s) {
		c.fail = true
		return 0
	}
	for _, b := range []byte(c.s[c.i+1 : c.i+5]) {
		switch {
		case '0' <= b && b <= '9':
			b -= '0'
		case 'a' <= b && b <= 'f':
			b -= 'a' - 10
		case 'A' <= b && b <= 'F':
			b -= 'A' - 10
		default:
			c.fail = true
		}
		r = r<<4 | rune(b)
	}
	c.i += 5
	return r
}
