package email

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strconv"
	"time"
)

// conn is one connection to the relay, greeted, encrypted and signed in. It belongs to one goroutine at a
// time, which writes and reads: replies are so short that they wait in the socket while the next are written.
type conn struct {
	nc     net.Conn
	in     *bufio.Reader
	offers map[string]string // extensions by name

	pipelining, chunking, dsn, utf8, eight bool

	out    []byte // what is written next, kept for reuse
	text   []byte // of a reply of several lines, kept for reuse
	jobs   []job  // what is in flight, kept for reuse
	ends   []int  // where they end in out
	used   int    // messages begun
	taken  int    // messages answered, whatever the answer
	reset  bool   // the next transaction must begin with RSET
	closed bool   // the last reply was 421: the relay does nothing more here
	ending bool   // there was a 421
	until  time.Time
	since  time.Time // idle since
}

// reply of the relay. Its text is good until the next one is read and never leaves the package: relays
// repeat addresses in it.
type reply struct {
	code int
	text []byte
}

func (c *conn) use(nc net.Conn) { c.nc, c.in = nc, bufio.NewReaderSize(nc, 8<<10) }

// arm sets the connection's deadline. It is set anew only when it is off by a quarter, because that costs as
// much as writing a message does.
func (c *conn) arm() error {
	until := time.Now().Add(replyTime)
	if until.Sub(c.until) < replyTime/4 {
		return nil
	}
	c.until = until
	return c.nc.SetDeadline(until)
}

// write sends b in one piece and says how much of it left; what is not counted cannot have arrived whole.
func (c *conn) write(b []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	return c.nc.Write(b)
}

var errProtocol = errors.New("relay broke the protocol")

const maxReply = 128 // lines

// read reads one reply, of bounded length.
func (c *conn) read() (reply, error) {
	if c.in.Buffered() == 0 {
		if err := c.arm(); err != nil {
			return reply{}, err
		}
	}
	code, text, more, err := c.line()
	if err != nil {
		return reply{}, err
	}
	if c.closed = code == 421; c.closed {
		c.ending = true
		c.until = time.Now().Add(askTime)
		_ = c.nc.SetDeadline(c.until)
	}
	if !more {
		return reply{code, text}, nil
	}
	c.text = append(c.text[:0], text...)
	for range maxReply {
		next, text, more, err := c.line()
		if err != nil {
			return reply{}, err
		}
		if next != code {
			return reply{}, errProtocol
		}
		c.text = append(append(c.text, '\n'), text...)
		if !more {
			return reply{code, c.text}, nil
		}
	}
	return reply{}, errProtocol
}

// line reads one line of a reply; more says that it is not the last.
func (c *conn) line() (code int, text []byte, more bool, err error) {
	raw, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, false, err
	}
	raw = bytes.TrimRight(raw, "\r\n")
	if len(raw) < 3 || len(raw) > 3 && raw[3] != ' ' && raw[3] != '-' {
		return 0, nil, false, errProtocol
	}
	for _, d := range raw[:3] {
		if d < '0' || d > '9' {
			return 0, nil, false, errProtocol
		}
		code = code*10 + int(d-'0')
	}
	if code < 200 || code > 599 {
		return 0, nil, false, errProtocol
	}
	return code, raw[min(4, len(raw)):], len(raw) > 3 && raw[3] == '-', nil
}

// enhanced is the enhanced status code a reply's text begins with, or "".
func (r reply) enhanced() string {
	word, _, _ := bytes.Cut(r.text, []byte(" "))
	parts := bytes.Split(word, []byte("."))
	if len(parts) != 3 || len(word) > 9 || (string(parts[0]) != "2" && string(parts[0]) != "4" && string(parts[0]) != "5") {
		return ""
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(string(p), 10, 16); err != nil {
			return ""
		}
	}
	return string(word)
}

var queued = []byte("queued as ")

// queueID is the relay's name for the message, if it tells one in the usual way.
func (r reply) queueID() string {
	_, id, ok := bytes.Cut(r.text, queued)
	if !ok {
		return ""
	}
	if end := bytes.IndexByte(id, ' '); end >= 0 {
		id = id[:end]
	}
	if name := string(id); plainID(name) {
		return name
	}
	return ""
}

// plainID says whether an id can stand in commands and headers as it is.
func plainID(id string) bool {
	for i := range len(id) {
		if c := id[i]; !plain(c) && c != '.' || c == '_' {
			return false
		}
	}
	return id != "" && len(id) <= 60
}

// alive asks a rested connection whether the relay is still there.
func (c *conn) alive() bool {
	c.until = time.Now().Add(askTime)
	return c.nc.SetDeadline(c.until) == nil && c.expect("NOOP", 250, "relay-busy") == nil
}

// quit says goodbye without waiting for the answer.
func (c *conn) quit() {
	_ = c.nc.SetDeadline(time.Now().Add(time.Second))
	_, _ = c.nc.Write([]byte("QUIT\r\n"))
	_ = c.nc.Close()
}
