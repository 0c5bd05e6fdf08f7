package email_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/clock"
	"tocsin/internal/simulator"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
)

// Magic recipients behave as documented, and reports carry the id under which we sent.
func TestMagicRecipients(t *testing.T) {
	var mu sync.Mutex
	var mails []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		mails = append(mails, r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(b))
	}))
	defer hook.Close()
	fake := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := simulate(t, simulator.Options{Clock: fake, Callback: hook.URL + "/{provider}"})
	c := channel(t, s, nil)
	for i, want := range []struct {
		address string
		class   notify.Class
		report  string
	}{
		{"bounce@people.example", notify.ClassAccepted, "Action: failed\r\nStatus: 5.1.1"},
		{"delay@people.example", notify.ClassAccepted, "Action: delayed\r\nStatus: 4.4.1"},
		{"complain@people.example", notify.ClassAccepted, "Feedback-Type: abuse"},
		{"autoreply@people.example", notify.ClassAccepted, "I am away."},
		{"vanish@people.example", notify.ClassAccepted, ""},
		{"plain@people.example", notify.ClassAccepted, ""},
		{"nouser-7@people.example", notify.ClassRcptPerm, ""},
		{"full@people.example", notify.ClassRcptSoft, ""},
		{"blocked@people.example", notify.ClassRcptSoft, ""},
		{"greylist@people.example", notify.ClassRetryAt, ""},
		{"greylist@people.example", notify.ClassAccepted, ""},
	} {
		o := person(i, want.address)
		verdicts, err := channeltest.Deliver(t, c, notice(), o)
		require.NoError(t, err)
		require.Equal(t, want.class, verdicts[0].Class, want.address)
		fake.Advance(time.Minute)
		s.Flush(context.Background())
		mu.Lock()
		got := mails
		mails = nil
		mu.Unlock()
		if want.report == "" {
			require.Empty(t, got, want.address)
			continue
		}
		require.Len(t, got, 1, want.address)
		require.True(t, strings.HasPrefix(got[0], "/smtp-dsn message/rfc822 "), want.address)
		require.Contains(t, got[0], want.report)
		require.Contains(t, got[0], "\r\nTo: <b+"+o.OutID+"@bounce.acme.example>\r\n")
		if want.address != "autoreply@people.example" {
			require.Contains(t, got[0], "Original-Envelope-Id: "+o.OutID+"\r\n")
		}
	}
}
