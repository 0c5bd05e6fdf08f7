package inbox_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/notify/receipt/inbox"
)

func TestOnlyOurReturnPathsAreTaken(t *testing.T) {
	k := &kept{}
	l, _ := door(t, inbox.Options{Apply: k.apply})
	token := codec(t, "k").OutID(1, 7, "email")
	path := "b+" + token + "@" + domain
	require.Equal(t, 250, send(t, l.Addr(), "", path, bounce(path)))
	require.Equal(t, 250, send(t, l.Addr(), "postmaster@mx.example.net", strings.ToUpper(path), bounce(path)))
	require.Equal(t, 250, send(t, l.Addr(), "", "b+"+token+"@b2.example.com", bounce(path)))
	one := notify.Receipt{Provider: "smtp-dsn", OutID: token, Class: notify.ClassRcptPerm, Code: "5.1.1", At: time.Date(2026, 3, 1, 4, 0, 5, 0, time.UTC)}
	got, _ := k.all()
	require.Empty(t, cmp.Diff([]notify.Receipt{one, one, one}, got))

	c, err := smtp.Dial(l.Addr())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Mail("", nil))
	said := map[string]bool{}
	for _, to := range []string{
		"b+" + codec(t, "x").OutID(1, 7, "email") + "@" + domain, // of another key
		"b+" + codec(t, "k").OutID(1, 7, "sms") + "@" + domain,   // of another channel
		"b+" + token[:len(token)-1] + "a@" + domain, "b+@" + domain, token + "@" + domain, "postmaster@" + domain,
		"b+" + token + "@elsewhere.example", "someone@example.org",
	} {
		err := c.Rcpt(to, nil)
		require.Error(t, err, to)
		said[err.Error()] = true
	}
	require.Len(t, said, 1, "every refusal is the same")
	require.Equal(t, map[string]int64{"plain": 3, "refused": 8, "with-sender": 1}, l.Counts())
}

func TestNothingIsAcknowledgedBeforeItIsStored(t *testing.T) {
	k := &kept{fail: errFull}
	l, _ := door(t, inbox.Options{Apply: k.apply})
	path := "b+" + codec(t, "k").OutID(1, 7, "email") + "@" + domain
	require.Equal(t, 451, send(t, l.Addr(), "", path, bounce(path)))
	k.set(nil)
	require.Equal(t, 250, send(t, l.Addr(), "", path, bounce(path)))
	got, _ := k.all()
	require.Len(t, got, 1)
	require.EqualValues(t, 1, l.Counts()["not-stored"])
}

func TestAStormSharesTransactionsAndAStopFinishesThem(t *testing.T) {
	k := &kept{gate: make(chan struct{}), entered: make(chan struct{}, 100)}
	l, stop := door(t, inbox.Options{Apply: k.apply, PerHost: 100})
	const peers = 30
	var all sync.WaitGroup
	for i := range peers {
		path := "b+" + codec(t, "k").OutID(1, int64(i), "email") + "@" + domain
		all.Go(func() { require.Equal(t, 250, send(t, l.Addr(), "", path, bounce(path))) })
	}
	<-k.entered // the first is being written, the others arrive meanwhile
	require.Eventually(t, func() bool { return l.Counts()["plain"] == peers }, 10*time.Second, time.Millisecond)
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	close(k.gate)
	all.Wait()
	<-ended
	got, calls := k.all()
	require.Len(t, got, peers)
	require.Less(t, calls, peers/2)
}

func TestThoseInTheWayAreTurnedAway(t *testing.T) {
	k := &kept{}
	l, _ := door(t, inbox.Options{Apply: k.apply, MaxBytes: 300 << 10})
	path := "b+" + codec(t, "k").OutID(1, 7, "email") + "@" + domain
	require.Equal(t, 552, send(t, l.Addr(), "", path, bounce(path)+strings.Repeat("x\r\n", 200<<10)))
	require.Equal(t, 250, send(t, l.Addr(), "", path, bounce(path)+strings.Repeat("x\r\n", 90<<10)), "more than is read, less than is refused")

	l, _ = door(t, inbox.Options{Apply: k.apply, PerHost: 2})
	greeting := func() (net.Conn, string) {
		c, err := net.Dial("tcp", l.Addr())
		require.NoError(t, err)
		line, err := bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
		return c, line[:3]
	}
	one, hello := greeting()
	require.Equal(t, "220", hello)
	two, hello := greeting()
	require.Equal(t, "220", hello)
	three, hello := greeting()
	require.Equal(t, "421", hello)
	require.NoError(t, three.Close())
	require.NoError(t, one.Close())
	require.Eventually(t, func() bool {
		c, hello := greeting()
		return c.Close() == nil && hello == "220"
	}, 10*time.Second, time.Millisecond, "a place that was left is given to another")
	require.NoError(t, two.Close())
}

func TestNobodyIsKeptWaitingForEver(t *testing.T) {
	k := &kept{}
	l, _ := door(t, inbox.Options{Apply: k.apply, Timeout: 50 * time.Millisecond})
	c, err := net.Dial("tcp", l.Addr())
	require.NoError(t, err)
	defer c.Close()
	fmt.Fprintf(c, "EHLO mx.example.net\r\nMAIL FROM:<>\r\nRCPT TO:<b+%s@%s>\r\nDATA\r\nSubject: slow", codec(t, "k").OutID(1, 7, "email"), domain)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	for r := bufio.NewReader(c); err == nil; {
		_, err = r.ReadString('\n')
	}
	require.NotErrorIs(t, err, errTimeout, "the door hung up")
	_, calls := k.all()
	require.Zero(t, calls)
}

var errTimeout = os.ErrDeadlineExceeded

func TestTheDoorOffersTLS(t *testing.T) {
	k := &kept{}
	server, client := certificate(t)
	l, _ := door(t, inbox.Options{Apply: k.apply, TLS: server})
	client.ServerName = "example.com"
	c, err := smtp.DialStartTLS(l.Addr(), client)
	require.NoError(t, err)
	defer c.Close()
	path := "b+" + codec(t, "k").OutID(1, 7, "email") + "@" + domain
	require.NoError(t, c.SendMail("", []string{path}, strings.NewReader(bounce(path))))
	got, _ := k.all()
	require.Len(t, got, 1)
}
