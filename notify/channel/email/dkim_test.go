package email_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/email"
)

// keys makes two signers and the DNS records they are checked against.
func keys(t testing.TB) ([]email.Signer, map[string]string) {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	spki, err := x509.MarshalPKIXPublicKey(long.Public())
	require.NoError(t, err)
	return []email.Signer{{Domain: "acme.example", Selector: "ed", Key: ed}, {Domain: "acme.example", Selector: "long", Key: long}},
		map[string]string{
			"ed._domainkey.acme.example":   "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(ed.Public().(ed25519.PublicKey)),
			"long._domainkey.acme.example": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(spki),
		}
}

func verify(t *testing.T, body string, dns map[string]string) []*dkim.Verification {
	t.Helper()
	v, err := dkim.VerifyWithOptions(strings.NewReader(body), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		return []string{dns[name]}, nil
	}})
	require.NoError(t, err)
	return v
}

// Both signatures hold for every person after a hop, in both ways of handing a message over, and cover what
// must not be changed or added.
func TestSignaturesHoldAfterAHop(t *testing.T) {
	signers, dns := keys(t)
	long := notice()
	long.Text = ".  dots and \t gaps \n\n[[code]]  \n   \n" + strings.Repeat("word  ", 50) + "[[ref]]\n\n\n"
	bare := notice()
	bare.HTML, bare.Text = "", "ends with [[code]]"
	for technique, extensions := range techniques {
		for name, m := range map[string]notify.FrozenMessage{"both parts": notice(), "gaps": long, "text only": bare} {
			t.Run(technique+" "+name, func(t *testing.T) {
				r := newRelay(t, true, append(extensions, "SMTPUTF8")...)
				c := over(t, r, func(o *email.Options) { o.DKIM = signers })
				out := people(30)
				out[7].Address = `"two  gaps"@people.example`
				verdicts, err := channeltest.Deliver(t, c, m, out...)
				require.NoError(t, err)
				for i, v := range verdicts {
					require.Equal(t, notify.ClassAccepted, v.Class, "%d %s", i, v.Code)
				}
				for _, got := range r.mails {
					checked := verify(t, got.body, dns)
					require.Len(t, checked, 2)
					for _, v := range checked {
						require.NoError(t, v.Err)
						require.Equal(t, "acme.example", v.Domain)
						for _, field := range []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Feedback-Id"} {
							require.Contains(t, strings.ToLower(fmt.Sprint(v.HeaderKeys)), strings.ToLower(field))
						}
					}
					for line := range strings.SplitSeq(got.body, "\r\n") {
						require.LessOrEqual(t, len(line), 100)
					}
					for _, forged := range []string{strings.Replace(got.body, "To: <", "To: <x", 1), "From: evil@evil.example\r\n" + got.body,
						"Subject: evil\r\n" + got.body, strings.TrimSuffix(got.body, "\r\n") + "more\r\n"} {
						for _, v := range verify(t, forged, dns) {
							require.Error(t, v.Err)
						}
					}
				}
			})
		}
	}
}

// A key that cannot sign is found when the message is prepared or stops the channel; nothing goes out unsigned.
func TestKeysThatCannotSign(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	signers, _ := keys(t)
	for code, s := range map[string]email.Signer{
		"dkim-key-short": {Domain: "acme.example", Selector: "s", Key: short},
		"dkim-name-bad":  {Domain: "acme.example; d=evil.example", Selector: "s", Key: signers[0].Key},
	} {
		c := email.New(email.Options{Addr: "127.0.0.1:1", Domain: "acme.example", Bounce: "b.acme.example", DKIM: []email.Signer{s}})
		_, err := c.Prepare(t.Context(), notice(), incident.Live)
		require.ErrorContains(t, err, code)
	}
	r := newRelay(t, true, "PIPELINING")
	c := over(t, r, func(o *email.Options) {
		o.DKIM = []email.Signer{{Domain: "acme.example", Selector: "s", Key: lost{signers[0].Key}}}
	})
	verdicts, err := channeltest.Deliver(t, c, notice(), people(3)...)
	require.NoError(t, err)
	require.Equal(t, notify.Verdict{Class: notify.ClassStop, Code: "dkim-failed"}, verdicts[0])
	require.Empty(t, r.arrived())
}

// lost is a key whose keeper does not answer.
type lost struct{ crypto.Signer }

func (lost) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return nil, fmt.Errorf("keeper is away")
}
