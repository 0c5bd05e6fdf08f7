package watch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/clock"
)

func TestJobsGoOnWhateverOneOfThemDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		good, bad, broken := 0, 0, 0
		w := New(clock.System{}, slog.New(slog.NewTextHandler(&log, nil)), time.Second,
			Job{"good", func(context.Context, time.Time) error { good++; return nil }},
			Job{"failing", func(context.Context, time.Time) error { bad++; return errors.New("timer tmr_1 is stuck") }},
			Job{"panicking", func(context.Context, time.Time) error { broken++; panic("Zhang San, +86 139 0000 0000") }},
			Job{"hanging", func(ctx context.Context, _ time.Time) error { <-ctx.Done(); return ctx.Err() }},
		)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()

		time.Sleep(9500 * time.Millisecond) // the bubble's clock, not the wall's
		synctest.Wait()
		require.Equal(t, []int{10, 10, 10}, []int{good, bad, broken})
		require.Equal(t, []string{"failing", "hanging", "panicking"}, w.Stalled())

		cancel()
		require.NoError(t, <-ended, "every job has returned")
		require.Contains(t, log.String(), "tmr_1")
		require.NotContains(t, log.String(), "Zhang San")
	})
}

func TestJobsGetTheClocksTime(t *testing.T) {
	clk := clock.NewFake(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	ctx, cancel := context.WithCancel(t.Context())
	var got time.Time
	w := New(clk, slog.New(slog.DiscardHandler), time.Hour, Job{"once", func(_ context.Context, now time.Time) error {
		got = now
		cancel()
		return nil
	}})
	require.NoError(t, w.Run(ctx))
	require.Equal(t, clk.Now(), got)
	require.Empty(t, w.Stalled())
}
