package call_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/internal/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const phone = "+8613900000007"

var ok = call.Options{Endpoint: "127.0.0.1:1", KeyID: "planted-id", KeySecret: "planted-secret", Insecure: true}

// made makes a call that carries a number, and says what became of it.
func made(ctx context.Context, t *testing.T, l *call.Line) *call.Error {
	t.Helper()
	ctx, cancel := l.Lasting(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Scheme+"://"+l.Endpoint+"/?to="+phone, http.NoBody)
	require.NoError(t, err)
	resp, err := l.Carry(r)
	if err == nil {
		require.NoError(t, resp.Body.Close())
		return nil
	}
	e := l.Broken("Send", err)
	for _, planted := range []string{phone, phone[3:], ok.KeyID, ok.KeySecret} {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, *e), planted)
	}
	return e
}

func line(t *testing.T, h http.HandlerFunc) *call.Line {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o := ok
	o.Endpoint = strings.TrimPrefix(s.URL, "http://")
	l, err := call.New("example", o)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// Only what provably never left may be sent again without asking.
func TestBrokenCalls(t *testing.T) {
	require.Nil(t, made(t.Context(), t, line(t, func(http.ResponseWriter, *http.Request) {})))

	e := made(t.Context(), t, line(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	require.Equal(t, call.InDoubt, e.Class)
	require.Equal(t, "call example Send: no-answer (IN_DOUBT)", e.Error())

	followed := 0
	e = made(t.Context(), t, line(t, func(w http.ResponseWriter, r *http.Request) {
		followed++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	require.Equal(t, call.Stop, e.Class)
	require.Equal(t, 1, followed)

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	o := ok
	o.Endpoint = strings.TrimPrefix(gone.URL, "http://")
	l, err := call.New("example", o)
	require.NoError(t, err)
	e = made(t.Context(), t, l)
	require.Equal(t, call.Retry, e.Class)
	require.Equal(t, "unreachable", e.Code)
}

// A call that was begun may end after its context did, but not long after; one that was not is never begun.
func TestCancelledCalls(t *testing.T) {
	arrived := make(chan struct{})
	l := line(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	l.Grace = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	e := made(ctx, t, l)
	require.Equal(t, call.InDoubt, e.Class)
	require.ErrorIs(t, e, context.Canceled)

	e = made(ctx, t, line(t, func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	require.ErrorIs(t, e, context.Canceled)
}

// What a provider says is kept only where it can be a code or an id.
func TestFaultKeepsNoText(t *testing.T) {
	l := line(t, func(http.ResponseWriter, *http.Request) {})
	e := l.Fault("Send", call.Business, phone+" is bad", strings.Repeat("x", 81), http.StatusOK)
	require.Equal(t, "unprintable", e.Code)
	require.Equal(t, "unprintable", e.RequestID)
	require.Equal(t, "call example Send: isv.X_1 (BUSINESS), request r-1", l.Fault("Send", call.Business, "isv.X_1", "r-1", http.StatusOK).Error())
}

func TestOptions(t *testing.T) {
	_, err := call.New("example", ok)
	require.NoError(t, err)
	for name, change := range map[string]func(*call.Options){
		"no endpoint":        func(o *call.Options) { o.Endpoint = "" },
		"no key":             func(o *call.Options) { o.KeyID = "" },
		"no secret":          func(o *call.Options) { o.KeySecret = "" },
		"plain to the world": func(o *call.Options) { o.Endpoint = "sms.example.com" },
		"endpoint is a URL":  func(o *call.Options) { o.Endpoint = "https://127.0.0.1/" },
	} {
		t.Run(name, func(t *testing.T) {
			o := ok
			change(&o)
			_, err := call.New("example", o)
			require.Error(t, err)
		})
	}
}
