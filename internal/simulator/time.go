package simulator

import (
	"sync/atomic"
	"time"

	"tocsin/internal/clock"
)

// virtual is the clock that receipts, quotas and the journal run on: the handed-in one, moved by what people
// set. Signatures are checked against the handed-in clock and a skew of its own, so that moving receipts
// forward does not make callers look late.
type virtual struct {
	base         clock.Clock
	offset, skew atomic.Int64
}

// Now is the simulated time.
func (v *virtual) Now() time.Time { return v.base.Now().Add(time.Duration(v.offset.Load())) }

// gate is the time that callers' timestamps are checked against.
func (v *virtual) gate() time.Time { return v.base.Now().Add(time.Duration(v.skew.Load())) }

func (v *virtual) advance(d time.Duration) { v.offset.Add(int64(d)) }

func (v *virtual) set(t time.Time) { v.offset.Store(int64(t.Sub(v.base.Now()))) }

// Now is the simulated time.
func (s *Simulator) Now() time.Time { return s.clock.Now() }

// Advance moves the simulated time forward, and with it receipts, pushes anew and quotas.
func (s *Simulator) Advance(d time.Duration) { s.clock.advance(d) }

// Skew sets how wrong the doubles' clocks are when they check a caller's timestamp.
func (s *Simulator) Skew(d time.Duration) { s.clock.skew.Store(int64(d)) }
