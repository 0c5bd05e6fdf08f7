package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/internal/config"
)

// A worker process tells how it is, and nothing else: what all processes share is told by those that serve.
func TestAWorkerTellsHowItIs(t *testing.T) {
	cfg, err := config.Load("", []string{"TOCSIN_WORKER_ADDR=127.0.0.1:0"}, t.TempDir())
	require.NoError(t, err)
	a, err := Open(t.Context(), Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Work: true})
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	get := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr()+path, nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/": 404, "/api/v1/incidents": 404} {
		got, _ := get(path)
		require.Equal(t, want, got, path)
	}
	_, metrics := get("/metrics")
	for _, want := range []string{`tocsin_ready{part="store"} 1`, `tocsin_unknown_codes_total{provider="relay"} 0`, "go_goroutines"} {
		require.Contains(t, metrics, want)
	}
	require.NotContains(t, metrics, "tocsin_provider_paused")

	require.NoError(t, a.DB.Close())
	status, said := get("/readyz")
	require.Equal(t, 503, status)
	require.Contains(t, said, "store is not ready")
	_ = a.Stop(context.Background()) // a second close of the store is a fault of this test
	_, err = http.Get("http://" + a.listener.Addr().String() + "/livez") //nolint:noctx // loopback
	require.Error(t, err, "the door is shut")
}
