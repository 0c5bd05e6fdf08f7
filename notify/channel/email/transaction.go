package email

import (
	"errors"
	"time"
)

// envelope of one letter: return path, recipient in wire form, and our id of the delivery.
type envelope struct {
	from, to, id string
	utf8         bool
}

// deliver runs one transaction: the envelope in one write where the relay pipelines, then the letter and its
// final dot in one write. It returns the reply that decided and the stage it came at. With an error no reply
// decided: at atFinal the relay may have the letter, before that it cannot.
func (c *conn) deliver(e envelope, letter []byte) (reply, stage, error) {
	c.used++
	announce := c.stepwise
	if _, ok := c.ext["PIPELINING"]; ok {
		announce = c.pipelined
	}
	r, at, err := announce(c.commands(e))
	if err != nil || refused(at, r) {
		return r, at, err
	}
	return c.hand(letter)
}

// stepwise sends the envelope as classic SMTP: a command, a reply.
func (c *conn) stepwise(commands [3]string) (reply, stage, error) {
	if c.reset {
		_, _ = c.w.WriteString("RSET\r\n")
		if err := c.flush(stepTime); err != nil {
			return reply{}, atMail, err
		}
		if err := c.readReset(); err != nil {
			return reply{}, atMail, err
		}
	}
	var r reply
	for s, command := range commands {
		_, _ = c.w.WriteString(command)
		var err error
		if r, err = c.command(nil); err != nil {
			return reply{}, stage(s), err
		}
		if refused(stage(s), r) {
			c.reset = true
			return r, stage(s), nil
		}
	}
	return r, atData, nil
}

// pipelined sends the envelope in one write and reads the replies together.
func (c *conn) pipelined(commands [3]string) (reply, stage, error) {
	if c.reset {
		_, _ = c.w.WriteString("RSET\r\n")
	}
	for _, command := range commands {
		_, _ = c.w.WriteString(command)
	}
	if err := c.flush(stepTime); err != nil {
		return reply{}, atMail, err
	}
	if err := c.readReset(); err != nil {
		return reply{}, atMail, err
	}
	var replies [3]reply
	for s := range replies {
		var err error
		if replies[s], err = c.read(nil); err != nil {
			return lostAmong(replies[:s], stage(s), err)
		}
	}
	for s, r := range replies {
		if refused(stage(s), r) {
			return r, stage(s), c.abandon(replies[atData])
		}
	}
	return replies[atData], atData, nil
}

// lostAmong says what a pipelined envelope came to when the connection went: a refusal that was read decides.
func lostAmong(read []reply, at stage, err error) (reply, stage, error) {
	for s, r := range read {
		if refused(stage(s), r) {
			return r, stage(s), errors.Join(errAfterReply, err)
		}
	}
	return reply{}, at, err
}

// commands are the envelope's three lines, with what the relay's extensions allow.
func (c *conn) commands(e envelope) [3]string {
	mail, rcpt := "MAIL FROM:<"+e.from+">", "RCPT TO:<"+e.to+">"
	if _, ok := c.ext["DSN"]; ok {
		mail += " RET=HDRS ENVID=" + e.id
		rcpt += " NOTIFY=FAILURE,DELAY"
	}
	if e.utf8 {
		mail += " SMTPUTF8"
	}
	return [3]string{mail + "\r\n", rcpt + "\r\n", "DATA\r\n"}
}

func (c *conn) readReset() error {
	if !c.reset {
		return nil
	}
	c.reset = false
	r, err := c.read(nil)
	if err == nil && r.code != 250 {
		return errProtocol
	}
	return err
}

func refused(s stage, r reply) bool {
	if s == atData {
		return r.code != 354
	}
	return r.code/100 != 2
}

// abandon ends a pipelined transaction of which a part was refused. A relay that wants data all the same
// gets an empty message for nobody, as RFC 2920 tells.
func (c *conn) abandon(data reply) error {
	c.reset = true
	if data.code != 354 {
		return nil
	}
	_, _ = c.w.WriteString(".\r\n")
	if err := c.flush(stepTime); err != nil {
		return errors.Join(errAfterReply, err)
	}
	if _, err := c.read(nil); err != nil {
		return errors.Join(errAfterReply, err)
	}
	return nil
}

// errAfterReply marks a connection lost after the reply that decided had come.
var errAfterReply = errors.New("lost after the reply")

// hand writes the letter. From the first byte of the write that holds the final dot the relay may have it.
func (c *conn) hand(letter []byte) (reply, stage, error) {
	if err := c.nc.SetDeadline(time.Now().Add(finalTime)); err != nil {
		return reply{}, atFinal, err
	}
	if _, err := c.w.Write(letter); err != nil {
		return reply{}, atFinal, err
	}
	if err := c.flush(finalTime); err != nil {
		return reply{}, atFinal, err
	}
	r, err := c.read(nil)
	if err == nil && r.code/100 == 3 {
		err = errProtocol
	}
	return r, atFinal, err
}
