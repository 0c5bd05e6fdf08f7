package simulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

func decodeBase64(b []byte) []byte {
	out, _ := base64.StdEncoding.AppendDecode(nil, b) // what cannot be read is no password
	return out
}

// envelope reads the address in angle brackets and gives the parameters after it.
func envelope(line []byte, keyword string) (address, params []byte, ok bool) {
	if len(line) < len(keyword) || !bytes.EqualFold(line[:len(keyword)], []byte(keyword)) {
		return nil, nil, false
	}
	line = bytes.TrimLeft(line[len(keyword):], " ")
	if bytes.HasPrefix(line, []byte(`<"`)) {
		return quoted(line[2:])
	}
	end := bytes.IndexByte(line, '>')
	if end < 1 || line[0] != '<' {
		return nil, nil, false
	}
	return line[1:end], line[end+1:], true
}

// quoted reads an address whose local part stands in quotes, which are no part of it.
func quoted(line []byte) (address, params []byte, ok bool) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
			if i == len(line) {
				return nil, nil, false
			}
		case '"':
			end := bytes.IndexByte(line[i:], '>')
			if end < 0 {
				return nil, nil, false
			}
			return append(address, line[i+1:i+end]...), line[i+end+1:], true
		}
		address = append(address, line[i])
	}
	return nil, nil, false
}

// param is a parameter of MAIL or RCPT.
func param(params []byte, name string) []byte {
	for len(params) > 0 {
		params = bytes.TrimLeft(params, " ")
		word := params
		if i := bytes.IndexByte(params, ' '); i >= 0 {
			word, params = params[:i], params[i:]
		} else {
			params = nil
		}
		if len(word) > len(name) && word[len(name)] == '=' && bytes.EqualFold(word[:len(name)], []byte(name)) {
			return word[len(name)+1:]
		}
	}
	return nil
}

// token is what stands between + and @ in a return path of one's own for each recipient, or nil.
func token(from []byte) []byte {
	plus, at := bytes.IndexByte(from, '+'), bytes.IndexByte(from, '@')
	if plus < 1 || at < plus+2 || at+1 == len(from) {
		return nil
	}
	for _, b := range from[plus+1 : at] {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '.' && b != '-' {
			return nil
		}
	}
	return from[plus+1 : at]
}

// mail takes the return path, which must be per recipient, over TLS.
func (m *mailConn) mail(line []byte) {
	s, o := m.sim, &m.sim.opt
	from, params, ok := envelope(line, "MAIL FROM:")
	switch {
	case !ok:
		m.refuse("", "501 5.5.4 Syntax: MAIL FROM:<address>")
	case !m.encrypted && !o.Insecure:
		m.refuse("no-tls", "530 5.7.0 Must issue a STARTTLS command first")
	case o.Username != "" && !m.signed:
		m.refuse("no-auth", "530 5.7.0 Authentication required")
	case o.PerConnection > 0 && m.taken >= o.PerConnection:
		m.refuse("", "421 4.7.0 Too many messages on this connection")
		m.closed = true
	case token(from) == nil:
		m.refuse("no-verp", "550 5.7.1 Return path is not per recipient")
	case len(param(params, "ENVID")) == 0 || len(param(params, "RET")) == 0:
		m.refuse("no-dsn", "501 5.5.4 ENVID and RET expected")
	default:
		if m.hasMail {
			s.Journal.violate("mail-without-reset") // many relays answer 503
		}
		m.reset()
		m.from, m.envid = append(m.from[:0], from...), append(m.envid[:0], param(params, "ENVID")...)
		if f, struck := s.faults.strike("email", relay, AtMail, "", s.Now()); struck && m.strike(f) {
			return
		}
		m.hasMail = true
		m.reply("250 2.1.0 OK")
	}
}

// rcpt takes the one recipient.
func (m *mailConn) rcpt(line []byte) {
	to, params, ok := envelope(line, "RCPT TO:")
	notify := param(params, "NOTIFY")
	switch {
	case !m.hasMail:
		m.refuse("", "503 5.5.1 MAIL first")
		return
	case !ok || len(to) == 0:
		m.refuse("", "501 5.5.4 Syntax: RCPT TO:<address>")
		return
	case m.hasRcpt:
		m.refuse("second-recipient", "452 4.5.3 One recipient only")
		return
	case len(notify) == 0:
		m.refuse("no-dsn", "501 5.5.4 NOTIFY expected")
		return
	}
	m.to, m.notify = append(m.to[:0], to...), append(m.notify[:0], notify...)
	for i, b := range m.notify {
		if b >= 'a' && b <= 'z' {
			m.notify[i] = b - 'a' + 'A'
		}
	}
	if m.at(AtRcpt) {
		return
	}
	if m.kind = m.sim.faults.kind("email", m.to); m.kind != nil && m.kind.Fault.At == AtRcpt {
		m.strike(m.kind.Fault)
		m.kind = nil
		return
	}
	m.hasRcpt = true
	m.reply("250 2.1.5 OK")
}

// at strikes with a scripted fault, or the one of the recipient, and reports whether it replaced the answer.
func (m *mailConn) at(stage string) bool {
	if m.sim.faults.any.Load() {
		if f, struck := m.sim.faults.strike("email", relay, stage, string(m.to), m.sim.Now()); struck {
			return m.strike(f)
		}
	}
	if m.kind != nil && m.kind.Fault.At == stage {
		return m.strike(m.kind.Fault)
	}
	return false
}

// data takes a message that ends with a dot.
func (m *mailConn) data() {
	switch {
	case !m.hasRcpt:
		m.refuse("", "503 5.5.1 RCPT first")
		return
	case m.at(AtData):
		m.reset()
		return
	}
	if m.buffered() > 0 { // the message, before it was asked for
		m.sim.Journal.violate("data-before-354")
	}
	m.reply("354 Go ahead. End your data with <CR><LF>.<CR><LF>")
	body, long, ok := m.dotted()
	switch {
	case !ok:
		m.closed = true
	case long:
		m.refuse("too-big", "552 5.3.4 Message too big")
	default:
		m.message(body)
	}
	m.reset()
}

// chunkSize reads BDAT size [LAST].
func chunkSize(line []byte) (n int, last, ok bool) {
	rest := bytes.TrimLeft(line[4:], " ")
	i := 0
	for ; i < len(rest) && rest[i] >= '0' && rest[i] <= '9' && n <= maxMessage; i++ {
		n = 10*n + int(rest[i]-'0')
	}
	rest = bytes.TrimSpace(rest[i:])
	last = bytes.EqualFold(rest, []byte("LAST"))
	return n, last, i > 0 && n <= maxMessage && (last || len(rest) == 0)
}

// bdat takes a message in chunks. Octets are taken even when the chunk is refused.
func (m *mailConn) bdat(line []byte) {
	n, last, ok := chunkSize(line)
	if !ok {
		m.reply("501 5.5.4 Syntax: BDAT size [LAST]")
		m.closed = true // where the chunk ends is not known
		return
	}
	chunk, ok := m.take(n)
	switch {
	case !ok:
		m.closed = true
		return
	case m.sim.opt.Extensions != ExtensionsChunking:
		m.refuse("chunking-not-announced", "502 5.5.1 Not offered")
		m.reset()
		return
	case !m.hasRcpt:
		m.refuse("", "503 5.5.1 RCPT first")
		if last {
			m.reset()
		}
		return
	case len(m.chunks) == 0 && m.at(AtData):
		m.reset()
		return
	case len(m.chunks)+n > maxMessage:
		m.refuse("too-big", "552 5.3.4 Message too big")
		m.reset()
		return
	}
	if !last || len(m.chunks) > 0 {
		m.chunks = append(m.chunks, chunk...)
		chunk = m.chunks
	}
	if !last {
		m.reply("250 2.0.0 Continue")
		return
	}
	m.message(chunk)
	m.reset()
}

// message checks a message and takes it.
func (m *mailConn) message(raw []byte) {
	s := m.sim
	var head textproto.MIMEHeader
	if look, deep := s.Journal.due(); look {
		var violation string
		if head, violation = inspect(raw, string(m.to), deep); violation != "" {
			m.refuse(violation, "554 5.6.0 Message breaks the rule "+violation)
			return
		}
	}
	var f Fault
	struck := false
	if s.faults.any.Load() {
		f, struck = s.faults.strike("email", relay, AtFinal, string(m.to), s.Now())
	}
	if !struck && m.kind != nil && (m.kind.Fault.At == "" || m.kind.Fault.At == AtFinal) {
		f, struck = m.kind.Fault, true
	}
	if struck && f.refuses() && !f.Accept {
		m.strike(f)
		return
	}
	m.taken++
	s.Journal.accept("email", relay, m.to, token(m.from), func() Entry {
		if head == nil {
			head = header(raw)
		}
		return Entry{At: s.Now(), Title: head.Get("Subject"), Body: string(raw)}
	})
	m.report(f.Later, f.Error, raw, head)
	if struck && m.strike(f) {
		return
	}
	m.reply("250 2.0.0 OK: queued")
}

// strike makes a fault happen and reports whether it replaced the answer.
func (m *mailConn) strike(f Fault) bool {
	if f.Delay+f.Hang > 0 {
		m.flush()
		m.sim.pause(m.ctx, f.Delay+f.Hang)
	}
	if !f.refuses() {
		return false
	}
	if f.Code != 0 {
		if !f.Accept {
			m.sim.Journal.refuse("email", "")
		}
		m.reply(strings.TrimRight(strconv.Itoa(f.Code)+" "+f.Text, " "))
	}
	if f.Drop {
		if f.Code == 0 { // earlier answers may still be told
			m.flush()
		}
		m.closed = true
	}
	return true
}

// pause waits for real: a caller sees a provider that takes its time.
func (s *Simulator) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
