package fanout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/notify"
)

const measureEvery = 10 * time.Second

// provider is one way out as the workers of this process share it.
type provider struct {
	notify.Provider
	first bool // of its channel: whose home is not known is at home with it
	cover notify.Coverage
	pace  *pacer
	state atomic.Pointer[notify.ProviderState]
	work  work         // since it was last measured
	odd   atomic.Int64 // answers whose code no table knows
	until atomic.Int64 // microseconds: others go first till then, because it could not be reached
}

// work is what a provider did while messages were on their way to it. Time in which nobody sent counts nothing:
// a few messages say little of how fast a provider is, and a plan would take it for slow.
type work struct {
	mu    sync.Mutex
	sends int       // under way
	last  time.Time // when that last changed
	busy  time.Duration
	ended int64
}

// What tells a rate: a few messages that hang for a minute do not, and a plan would count days for what takes seconds.
const (
	enough         = time.Second
	enoughMessages = 100
	telling        = 10 // messages of one send
)

func (w *work) change(now time.Time, sends int, ended int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sends > 0 {
		w.busy += max(0, now.Sub(w.last))
	}
	w.last, w.sends, w.ended = now, w.sends+sends, w.ended+ended
}

// rate is messages a second, once there was enough work to tell.
func (w *work) rate() (perSecond float64, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy < enough || w.ended < enoughMessages {
		if w.sends == 0 { // it was not busy
			w.busy, w.ended = 0, 0
		}
		return 0, false
	}
	perSecond = float64(w.ended) / w.busy.Seconds()
	w.busy, w.ended = 0, 0
	return perSecond, true
}

const tiredFor = 30 * time.Second

// tire has other providers go first for a while.
func (p *provider) tire(now time.Time) { p.until.Store(now.Add(tiredFor).UnixMicro()) }

func (p *provider) tired(now time.Time) bool { return p.until.Load() > now.UnixMicro() }

func newProvider(p notify.Provider, first bool) *provider {
	out := &provider{Provider: p, first: first, pace: newPacer(p.Rate)}
	if c, ok := p.Channel.(notify.Coverer); ok {
		out.cover = c.Covers()
	}
	out.state.Store(&notify.ProviderState{})
	return out
}

// pause is why nothing goes over the provider now; "" when it does.
func (p *provider) pause() string {
	switch s := p.state.Load(); {
	case !s.Paused:
		return ""
	case s.Class == notify.ClassBug:
		return "bug"
	case s.Class == notify.ClassStop:
		return "stop"
	}
	return "provider"
}

// serves reports whether the provider may ever be used for a person at an address.
func (p *provider) serves(r *notify.Recipient, address string, transfers map[string]string) (ok bool, why string) {
	if !p.cover.Reaches(address) {
		return false, "coverage"
	}
	if p.Regions == nil || p.first && r.Jurisdiction == "" || notify.Allowed(p.Provider, *r, transfers) {
		return true, ""
	}
	return false, "region"
}

// UnknownCodes is how often each provider has answered with a code that no table knows.
func (f *Fanout) UnknownCodes() map[string]int64 {
	out := map[string]int64{}
	for p := range f.all() {
		out[p.ID] = p.odd.Load()
	}
	return out
}

// look reads what others have decided about the providers, and with how many processes their rates are shared.
func (f *Fanout) look(ctx context.Context, tx notify.Tx) error {
	states, err := tx.ProviderStates(ctx)
	if err != nil {
		return fmt.Errorf("read providers: %w", err)
	}
	others, err := tx.OtherOwners(ctx, f.o.Owner)
	if err != nil {
		return fmt.Errorf("read owners of ranges: %w", err)
	}
	f.share(1 + others)
	for p := range f.all() {
		i := slices.IndexFunc(states, func(s notify.ProviderState) bool { return s.ID == p.ID })
		if i >= 0 {
			p.state.Store(&states[i])
		}
	}
	return nil
}

// share divides every rate by the number of processes that send.
func (f *Fanout) share(processes int) {
	now := f.o.Clock.Now()
	for p := range f.all() {
		p.pace.share(now, processes)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rel := range f.releases {
		for _, r := range rel.routes {
			r.pace.share(now, processes)
		}
	}
	f.processes = processes
}

func (f *Fanout) all() func(yield func(*provider) bool) {
	return func(yield func(*provider) bool) {
		for _, of := range f.providers {
			for _, p := range of {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// stop pauses a provider that refuses everything, for every worker of the operator.
func (f *Fanout) stop(ctx context.Context, p *provider, d notify.Dispatch, v notify.Verdict) error {
	now := f.o.Clock.Now()
	s := notify.ProviderState{ID: p.ID, Channel: p.Channel.Name(), Paused: true, Class: v.Class, Code: v.Code, Since: &now}
	if p.pause() == "" {
		f.o.Log.ErrorContext(ctx, "provider stopped", "provider", p.ID, "class", string(v.Class), "code", v.Code)
	}
	p.state.Store(&s) // here at once, whatever becomes of the write
	err := f.o.Store.InTx(ctx, f.scope, func(tx notify.Tx) error { return notify.StopProvider(ctx, tx, d, s) })
	if err != nil {
		return fmt.Errorf("pause provider: %w", err)
	}
	return nil
}

// measure keeps the rates at which providers took messages while they were busy.
func (f *Fanout) measure(ctx context.Context) error {
	for p := range f.all() {
		perSecond, known := p.work.rate()
		if !known {
			continue
		}
		err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error {
			return tx.PutProviderRate(ctx, p.ID, p.Channel.Name(), perSecond)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
