package simulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const inFlight, connections = 16, 8

// BenchmarkSink measures the SMTP door against a bare sender in the same process: 4.6 KB a message, sixteen in
// flight on each connection.
func BenchmarkSink(b *testing.B) {
	s, err := Start(Options{Insecure: true, Sample: 10_000})
	require.NoError(b, err)
	defer s.Stop(context.Background())
	letter := sampleLetter(4600)
	per := (b.N + connections*inFlight - 1) / (connections * inFlight)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() { bareSender(b, s.SMTPAddr(), c, per, letter) })
	}
	wg.Wait()
	b.StopTimer()
	require.EqualValues(b, per*connections*inFlight, s.Journal.Summary().Channels["email"].Deliveries)
	require.Empty(b, s.Journal.Summary().Violations)
}

func sampleLetter(size int) []byte {
	head := "From: Acme <notice@acme.example>\r\nTo: <user0000000001@people.example>\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@acme.example>\r\n" +
		"Subject: Security notice\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	line := bytes.Repeat([]byte("x"), 76)
	out := []byte(head)
	for len(out) < size {
		out = append(append(out, line...), "\r\n"...)
	}
	return out
}

func bareSender(b *testing.B, addr string, c, rounds int, letter []byte) {
	conn, err := net.Dial("tcp", addr)
	require.NoError(b, err)
	defer conn.Close()
	in := make([]byte, 64<<10)
	replies := func(n int) {
		for n > 0 {
			got, err := conn.Read(in)
			require.NoError(b, err)
			n -= bytes.Count(in[:got], []byte("\n"))
		}
	}
	replies(1)
	io.WriteString(conn, "EHLO bench.example\r\n")
	replies(7)
	var out []byte
	letter = bytes.Clone(letter)
	at := bytes.Index(letter, []byte("0000000001"))
	number := func(to []byte, n int) {
		for i := 9; i >= 0; i-- {
			to[i] = byte('0' + n%10)
			n /= 10
		}
	}
	bdat := fmt.Sprintf("BDAT %d LAST\r\n", len(letter))
	for r := range rounds {
		out = out[:0]
		for i := range inFlight {
			n := (c*rounds+r)*inFlight + i
			number(letter[at:], n)
			out = append(out, "MAIL FROM:<b+0000000000.em.abcdef@bounce.acme.example> RET=HDRS ENVID=x\r\nRCPT TO:<user"...)
			number(out[bytes.LastIndexByte(out, '+')+1:], n)
			out = append(append(out, letter[at:at+10]...), "@people.example> NOTIFY=FAILURE\r\n"...)
			out = append(append(out, bdat...), letter...)
		}
		_, err := conn.Write(out)
		require.NoError(b, err)
		replies(3 * inFlight)
	}
}
