package app

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/internal/clock"
	"tocsin/internal/config"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
)

// TestTheSimulatorNeverStandsAmongRealProviders: it would say of people that they were told.
func TestTheSimulatorNeverStandsAmongRealProviders(t *testing.T) {
	db := storetest.SQLite(t)
	key, err := db.OperatorKey(t.Context(), "acme")
	require.NoError(t, err)
	smtp := []string{"TOCSIN_SMTP__ADDR=mx.example.com:25", "TOCSIN_SMTP__HELLO=a.example.com", "TOCSIN_SMTP__BOUNCE=b.example.com", "TOCSIN_SMTP__DOMAIN=example.com"}
	cloud := []string{"TOCSIN_TENCENT__SECRET_ID=id", "TOCSIN_TENCENT__SECRET_KEY=key", "TOCSIN_TENCENT__APP_ID=1400000000"}
	for _, c := range []struct {
		env  []string
		ways []string
	}{
		{nil, []string{wayRelay, wayAliyun, wayAbroad, wayTencent, wayApp}},
		{smtp, []string{wayRelay}},
		{cloud, []string{wayTencent}},
		{append([]string{"TOCSIN_ALIYUN__KEY_ID=id", "TOCSIN_ALIYUN__KEY_SECRET=secret"}, cloud...), []string{wayAliyun, wayTencent}},
	} {
		cfg, err := config.Load("", c.env, t.TempDir())
		require.NoError(t, err)
		a := &App{
			Options:   Options{Config: cfg, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)},
			Notify:    notify.New(store.Of[notify.Tx](db), nil, key),
			simulator: simulated{smtp: "127.0.0.1:1", http: "127.0.0.1:1"},
		}
		require.NoError(t, a.openWays())
		var ways []string
		for _, w := range a.Notify.Ways() {
			ways = append(ways, w.ID)
		}
		require.Equal(t, c.ways, ways, c.env)
		require.NoError(t, a.Stop(t.Context()))
	}
}
