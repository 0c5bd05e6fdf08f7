package simulator

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one SMTP connection after its greeting.
type session struct {
	sim    *Simulator
	conn   *smtp.Conn
	tls    bool
	signed bool
	taken  int
	from   string
	to     string
	mail   smtp.MailOptions
	rcpt   smtp.RcptOptions
}

func (s *Simulator) newSession(c *smtp.Conn) (*session, error) {
	_, encrypted := c.TLSConnectionState()
	return &session{sim: s, conn: c, tls: encrypted}, nil
}

// AuthMechanisms offers AUTH only when a user is configured.
func (s *session) AuthMechanisms() []string {
	if s.sim.opt.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks the one user.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.sim.opt.Username || password != s.sim.opt.Password {
			return smtp.ErrAuthFailed
		}
		s.signed = true
		return nil
	}), nil
}

// Reset forgets the transaction.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

func (s *session) refuse(violation string, code int, enhanced smtp.EnhancedCode, text string) error {
	s.sim.Journal.refuse("email", violation)
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

var verp = regexp.MustCompile(`^[a-z]+\+[A-Za-z0-9.-]+@[A-Za-z0-9.-]+$`)

// Mail takes the return path, which must be per recipient, over TLS.
func (s *session) Mail(from string, o *smtp.MailOptions) error {
	switch {
	case !s.tls:
		return s.refuse("no-tls", 530, smtp.EnhancedCode{5, 7, 0}, "Must issue a STARTTLS command first")
	case s.sim.opt.Username != "" && !s.signed:
		return s.refuse("no-auth", 530, smtp.EnhancedCode{5, 7, 0}, "Authentication required")
	case s.sim.opt.PerConnection > 0 && s.taken >= s.sim.opt.PerConnection:
		defer s.conn.Conn().Close()
		return s.refuse("", 421, smtp.EnhancedCode{4, 7, 0}, "Too many messages on this connection")
	case !verp.MatchString(from):
		return s.refuse("no-verp", 550, smtp.EnhancedCode{5, 7, 1}, "Return path is not per recipient")
	case o.EnvelopeID == "" || o.Return == "":
		return s.refuse("no-dsn", 501, smtp.EnhancedCode{5, 5, 4}, "ENVID and RET expected")
	}
	s.from, s.mail = from, *o
	if f, ok := s.sim.faults.strike("email", AtMail, ""); ok {
		return s.strike(f)
	}
	return nil
}

// Rcpt takes the one recipient.
func (s *session) Rcpt(to string, o *smtp.RcptOptions) error {
	if len(o.Notify) == 0 {
		return s.refuse("no-dsn", 501, smtp.EnhancedCode{5, 5, 4}, "NOTIFY expected")
	}
	if f, ok := s.sim.faults.strike("email", AtRcpt, to); ok {
		return s.strike(f)
	}
	switch magicMail(to) {
	case "nouser":
		return s.refuse("", 550, smtp.EnhancedCode{5, 1, 1}, "User unknown")
	case "full":
		return s.refuse("", 552, smtp.EnhancedCode{5, 2, 2}, "Mailbox full")
	case "greylist":
		if s.sim.receipts.first("greylist " + to) {
			return s.refuse("", 450, smtp.EnhancedCode{4, 2, 0}, "Greylisted, try again later")
		}
	}
	s.to, s.rcpt = to, *o
	return nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Data reads the message, checks it and takes it.
func (s *session) Data(r io.Reader) error {
	if f, ok := s.sim.faults.strike("email", AtData, s.to); ok {
		return s.strike(f)
	}
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	defer buffers.Put(b)
	if _, err := b.ReadFrom(r); err != nil {
		return err
	}
	head, violation := inspect(b.Bytes(), s.to, s.sim.Journal.sample())
	if violation != "" {
		return s.refuse(violation, 554, smtp.EnhancedCode{5, 6, 0}, "Message breaks the rule "+violation)
	}
	magic := magicMail(s.to)
	if magic == "blocked" {
		return s.refuse("", 550, smtp.EnhancedCode{5, 7, 1}, "Mail content denied")
	}
	f, struck := s.sim.faults.strike("email", AtFinal, s.to)
	if struck && !f.Accept {
		return s.strike(f)
	}
	s.taken++
	_, token, _ := strings.Cut(s.from, "+")
	token, _, _ = strings.Cut(token, "@")
	s.sim.Journal.accept(Entry{At: s.sim.opt.Clock.Now(), Channel: "email", Recipient: s.to, ID: token, Title: head.Get("Subject")}, b.String)
	s.report(magic, head)
	if struck {
		return s.strike(f)
	}
	return nil
}

// strike answers with a fault.
func (s *session) strike(f Fault) error {
	if f.Drop {
		s.conn.Conn().Close()
		return errors.New("dropped")
	}
	if !f.Accept {
		s.sim.Journal.refuse("email", "")
	}
	enhanced, text := smtp.NoEnhancedCode, f.Text
	if word, rest, ok := strings.Cut(f.Text, " "); ok {
		parts := strings.Split(word, ".")
		if len(parts) == 3 {
			text = rest
			for i, p := range parts {
				enhanced[i], _ = strconv.Atoi(p)
			}
		}
	}
	return &smtp.SMTPError{Code: f.Code, EnhancedCode: enhanced, Message: text}
}
