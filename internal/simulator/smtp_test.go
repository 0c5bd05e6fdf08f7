package simulator

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// dialogue is a client that says what it is told to.
type dialogue struct {
	t    require.TestingT
	conn net.Conn
	in   *bufio.Reader
}

func talk(t require.TestingT, s *Simulator) *dialogue {
	conn, err := net.Dial("tcp", s.SMTPAddr())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	d := &dialogue{t, conn, bufio.NewReader(conn)}
	require.Equal(t, "220", d.code())
	return d
}

// code reads a reply to its last line; "" is the end of the connection.
func (d *dialogue) code() string {
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if line[3] == ' ' {
			return line[:3]
		}
	}
}

func (d *dialogue) say(format string, a ...any) string {
	_, err := fmt.Fprintf(d.conn, format+"\r\n", a...)
	require.NoError(d.t, err)
	return d.code()
}

func (d *dialogue) encrypt(s *Simulator) {
	require.Equal(d.t, "220", d.say("STARTTLS"))
	c := tls.Client(d.conn, &tls.Config{RootCAs: s.RootCAs(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
	d.conn, d.in = c, bufio.NewReader(c)
	require.Equal(d.t, "250", d.say("EHLO client.example"))
}

const (
	mailLine = "MAIL FROM:<b+1.1.em.abcdef@bounce.acme.example> RET=HDRS ENVID=1.1.em.abcdef"
	dsnAsked = " NOTIFY=FAILURE,DELAY"
)

func letterTo(to string) string {
	return "From: Acme <notice@acme.example>\r\nTo: <" + to + ">\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@acme.example>\r\n" +
		"Subject: =?utf-8?q?=E5=AE=89=E5=85=A8?= notice\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n"
}

// send makes one transaction and gives the last reply.
func (d *dialogue) send(to, letter string) string {
	for _, line := range []string{mailLine, "RCPT TO:<" + to + ">" + dsnAsked, "DATA"} {
		if code := d.say("%s", line); code != "250" && code != "354" {
			return code
		}
	}
	return d.say("%s.", letter)
}

func TestMailRules(t *testing.T) {
	s, _ := started(t, Options{Username: "user", Password: "planted"})
	d := talk(t, s)
	require.Equal(t, "250", d.say("EHLO client.example"))
	require.Equal(t, "530", d.say(mailLine), "TLS is required")
	d.encrypt(s)
	require.Equal(t, "530", d.say(mailLine), "AUTH is required")
	require.Equal(t, "535", d.say("AUTH PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00user\x00wrong"))))
	require.Equal(t, "334", d.say("AUTH PLAIN"))
	require.Equal(t, "235", d.say("%s", base64.StdEncoding.EncodeToString([]byte("\x00user\x00planted"))))
	require.Equal(t, "550", d.say("MAIL FROM:<notice@acme.example> RET=HDRS ENVID=x"), "a return path for each recipient")
	require.Equal(t, "501", d.say("MAIL FROM:<b+1@bounce.acme.example>"), "DSN is asked for")
	require.Equal(t, "503", d.say("RCPT TO:<a@people.example>"))
	require.Equal(t, "250", d.say(mailLine))
	require.Equal(t, "501", d.say("RCPT TO:<a@people.example>"), "NOTIFY is asked for")
	require.Equal(t, "250", d.say("RCPT TO:<a@people.example>"+dsnAsked))
	require.Equal(t, "452", d.say("RCPT TO:<b@people.example>"+dsnAsked), "one recipient")
	require.Equal(t, "250", d.say("RSET"))
	require.Equal(t, "250", d.send("a@people.example", letterTo("a@people.example")))
	require.Equal(t, "554", d.send("a@people.example", letterTo("b@people.example")), "the letter is to somebody else")
	require.Equal(t, "221", d.say("QUIT"))
	require.Equal(t, 1, s.Journal.Count("email", "a@people.example", "1.1.em.abcdef"))
	require.Equal(t, map[string]int64{"no-tls": 1, "no-auth": 1, "no-verp": 1, "no-dsn": 2, "second-recipient": 1, "to-is-not-the-recipient": 1}, s.Journal.Summary().Violations)
	require.Equal(t, "安全 notice", s.Journal.Recent("email", "")[0].Heading())
}

// Nothing said before the handshake counts after it.
func TestNothingSlipsInBeforeTLS(t *testing.T) {
	s, _ := started(t, Options{})
	d := talk(t, s)
	_, err := io.WriteString(d.conn, "STARTTLS\r\n"+mailLine+"\r\n")
	require.NoError(t, err)
	require.Equal(t, "220", d.code())
	require.Equal(t, "", d.code())
	require.Equal(t, map[string]int64{"bytes-before-tls": 1}, s.Journal.Summary().Violations)
}

// What is announced is what is taken.
func TestExtensions(t *testing.T) {
	for mode, want := range map[string]struct {
		announced  []string
		violations map[string]int64
		bdat       string
	}{
		ExtensionsNone:       {nil, map[string]int64{"pipelining-not-announced": 1, "chunking-not-announced": 1}, "502"},
		ExtensionsPipelining: {[]string{"PIPELINING"}, map[string]int64{"chunking-not-announced": 1}, "502"},
		ExtensionsChunking:   {[]string{"PIPELINING", "CHUNKING"}, map[string]int64{}, "250"},
	} {
		t.Run(mode, func(t *testing.T) {
			s, _ := started(t, Options{Extensions: mode, Insecure: true})
			d := talk(t, s)
			_, err := io.WriteString(d.conn, "EHLO client.example\r\n")
			require.NoError(t, err)
			var announced []string
			for line := ""; !strings.HasPrefix(line, "250 "); {
				line, err = d.in.ReadString('\n')
				require.NoError(t, err)
				if word := strings.TrimSpace(line[4:]); word == "PIPELINING" || word == "CHUNKING" {
					announced = append(announced, word)
				}
			}
			require.Equal(t, want.announced, announced)
			letter := letterTo("a@people.example")
			_, err = fmt.Fprintf(d.conn, "%s\r\nRCPT TO:<a@people.example>%s\r\n", mailLine, dsnAsked)
			require.NoError(t, err)
			require.Equal(t, "250", d.code())
			require.Equal(t, "250", d.code())
			require.Equal(t, want.bdat, d.say("BDAT %d LAST\r\n%s", len(letter), strings.TrimSuffix(letter, "\r\n")))
			require.Equal(t, want.violations, s.Journal.Summary().Violations)
		})
	}
}

// A window of messages with one refused recipient in its middle: the others are taken, each answer is in place.
func TestWindowWithARefusal(t *testing.T) {
	s, _ := started(t, Options{Insecure: true})
	d := talk(t, s)
	var b strings.Builder
	var want []string
	for _, to := range []string{"a@people.example", "nouser@people.example", "c@people.example"} {
		letter := letterTo(to)
		fmt.Fprintf(&b, "%s\r\nRCPT TO:<%s>%s\r\nBDAT %d\r\n%sBDAT %d LAST\r\n%s", mailLine, to, dsnAsked, 100, letter[:100], len(letter)-100, letter[100:])
		if to[0] == 'n' {
			want = append(want, "250", "550", "503", "503")
		} else {
			want = append(want, "250", "250", "250", "250")
		}
	}
	_, err := io.WriteString(d.conn, b.String())
	require.NoError(t, err)
	for i, code := range want {
		require.Equal(t, code, d.code(), i)
	}
	require.EqualValues(t, 2, s.Journal.Summary().Channels["email"].Accepted)
	require.Empty(t, s.Journal.Summary().Violations)
}

// However a message is cut into writes and chunks, and whatever stands in it, it arrives as it was.
func TestMessagesArriveWhole(t *testing.T) {
	s, _ := started(t, Options{Insecure: true, Keep: 1})
	d := talk(t, s)
	rapid.Check(t, func(t *rapid.T) {
		d.t = t
		lines := rapid.SliceOfN(rapid.StringMatching(`\.{0,3}[ -~]{0,60}`), 0, 30).Draw(t, "lines")
		letter := letterTo("a@people.example") + strings.Join(append(lines, ""), "\r\n")
		wire := mailLine + "\r\nRCPT TO:<a@people.example>" + dsnAsked + "\r\n"
		replies := 2
		if rapid.Bool().Draw(t, "chunks") {
			rest := letter
			for len(rest) > 0 {
				n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
				last := ""
				if n == len(rest) {
					last = " LAST"
				}
				wire += fmt.Sprintf("BDAT %d%s\r\n%s", n, last, rest[:n])
				rest = rest[n:]
				replies++
			}
		} else {
			require.Equal(t, "250", d.say("%s", mailLine))
			require.Equal(t, "250", d.say("RCPT TO:<a@people.example>%s", dsnAsked))
			require.Equal(t, "354", d.say("DATA"))
			wire = strings.TrimSuffix(string(bytes.ReplaceAll([]byte("\r\n"+letter), []byte("\r\n."), []byte("\r\n.."))), "\r\n")[2:] + "\r\n.\r\n"
			replies = 1
		}
		for len(wire) > 0 {
			n := rapid.IntRange(1, len(wire)).Draw(t, "write")
			_, err := io.WriteString(d.conn, wire[:n])
			require.NoError(t, err)
			wire = wire[n:]
		}
		for range replies {
			require.Equal(t, "250", d.code())
		}
		require.Equal(t, letter, s.Journal.Recent("email", "")[0].Body)
	})
}

// A line end that is none does not end a message: nothing can be smuggled in behind it.
func TestNoSmuggling(t *testing.T) {
	s, _ := started(t, Options{Insecure: true})
	d := talk(t, s)
	smuggled := letterTo("a@people.example") + "x\n.\r\n" + mailLine + "\r\n"
	require.Equal(t, "554", d.send("a@people.example", smuggled))
	require.Equal(t, map[string]int64{"bare-lf": 1}, s.Journal.Summary().Violations)
	require.Empty(t, s.Journal.Recent("", ""))
}

func TestSignedHeaderList(t *testing.T) {
	const signed = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=acme.example; s=one; bh=eA==; b=eA==;\r\n h="
	for h, want := range map[string]string{
		"From:To:Subject:Date:Message-ID:MIME-Version:Content-Type":       "",
		"From:Subject:Date:Message-ID:MIME-Version:Content-Type":          "dkim-header-list",
		"From:To:Subject:Date:Message-ID:MIME-Version:Content-Type;l=100": "dkim-tags",
	} {
		_, rule := inspect([]byte(signed+h+"\r\n"+letterTo("a@people.example")), "a@people.example", true)
		require.Equal(t, want, rule, h)
	}
	_, rule := inspect([]byte(signed+"From:To:Subject:Date:Message-ID:MIME-Version:Content-Type\r\nFeedback-ID: a:b:c:d\r\n"+letterTo("a@people.example")), "a@people.example", false)
	require.Equal(t, "dkim-header-list", rule)
}

func TestMessagesPerConnection(t *testing.T) {
	s, _ := started(t, Options{Insecure: true, PerConnection: 2})
	d := talk(t, s)
	for i, want := range []string{"250", "250", "421"} {
		to := fmt.Sprintf("user%d@people.example", i)
		require.Equal(t, want, d.send(to, letterTo(to)))
	}
	require.Equal(t, "", d.code(), "the connection is closed")
}
