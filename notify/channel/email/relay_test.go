package email_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// selfSigned makes a certificate for loopback and the pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// relay is a scripted server without extensions.
type relay struct {
	addr  string
	trust *tls.Config
	lines []string
	l     net.Listener
	wg    sync.WaitGroup
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	cert, roots := selfSigned(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	require.NoError(t, err)
	r := &relay{addr: l.Addr().String(), trust: &tls.Config{RootCAs: roots}, l: l}
	r.wg.Go(r.serve)
	t.Cleanup(r.stop)
	return r
}

func (r *relay) stop() { r.l.Close(); r.wg.Wait() }

func (r *relay) serve() {
	c, err := r.l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "220-hello\r\n220 there\r\n")
	in, data := bufio.NewScanner(c), false
	for in.Scan() {
		line := in.Text()
		switch {
		case data && line == ".":
			data = false
			io.WriteString(c, "250 2.0.0 Ok: queued as ABC123\r\n")
			continue
		case data:
			continue
		}
		r.lines = append(r.lines, line)
		switch {
		case line == "DATA":
			data = true
			io.WriteString(c, "354 go\r\n")
		case strings.HasPrefix(line, "RCPT TO:<no@"):
			io.WriteString(c, "550 5.1.1 unknown\r\n")
		default:
			io.WriteString(c, "250 ok\r\n")
		}
	}
}
