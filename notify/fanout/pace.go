package fanout

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// When a provider asks for fewer messages so often that it means us, and how the rate finds its way back: the
// numbers are ours, providers name none (channels.md section 1.3).
const (
	askedWithin = time.Second
	askedLeast  = 10 // times
	askedShare  = 20 // once in so many answers
	easedFirst  = 200.0
	easedLeast  = 1.0
	easedFor    = 10 * time.Second // before the rate grows again
	easedGrowth = 1.5
	easedFree   = 8 // times what it was: from here on a rate that is not configured is free again
)

// pacer shapes messages to a rate: the configured one, divided among the processes that send now, and less while
// the provider asks for less.
type pacer struct {
	full    float64     // messages a second over all processes; 0: as fast as it goes
	watched atomic.Bool // it has asked for less: its answers are counted

	mu      sync.Mutex
	limit   *rate.Limiter // nil: none
	sharing int           // processes
	eased   float64       // what the provider takes; 0: it has not asked for less
	free    float64
	changed time.Time // when that last changed

	since       time.Time
	asked, told int // since then: how often it asked for less, of how many answers
}

func newPacer(perSecond float64) *pacer {
	p := &pacer{full: perSecond, sharing: 1}
	p.shape(time.Time{})
	return p
}

// now is what limits messages now; nil when nothing does. What may go at once is a tenth of a second's worth.
func (p *pacer) now(t time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.eased > 0 && t.Sub(p.changed) >= easedFor {
		if p.eased, p.changed = p.eased*easedGrowth, p.changed.Add(easedFor); p.eased >= p.free {
			p.eased = 0
			p.watched.Store(false)
		}
		p.shape(t)
	}
	return p.limit
}

func (p *pacer) shape(t time.Time) {
	perSecond := p.full / float64(p.sharing)
	if p.eased > 0 && (p.full == 0 || p.eased < perSecond) {
		perSecond = p.eased
	}
	if perSecond <= 0 {
		p.limit = nil
		return
	}
	burst := max(1, int(perSecond/10))
	if p.limit == nil {
		p.limit = rate.NewLimiter(rate.Limit(perSecond), burst)
		return
	}
	p.limit.SetLimitAt(t, rate.Limit(perSecond))
	p.limit.SetBurstAt(t, burst)
}

// share divides the rate by the number of processes that send.
func (p *pacer) share(t time.Time, processes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sharing != processes {
		p.sharing = processes
		p.shape(t)
	}
}

// answered counts an answer of the provider, and halves the rate when it asks for less again and again. As long
// as it has never asked, nothing needs to be counted.
func (p *pacer) answered(t time.Time, slower bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.Sub(p.since) >= askedWithin {
		p.since, p.asked, p.told = t, 0, 0
	}
	p.told++
	if slower {
		p.asked++
		p.watched.Store(true)
	}
	if p.asked < askedLeast || p.asked*askedShare < p.told {
		return
	}
	p.since, p.asked, p.told = t, 0, 0
	perSecond := easedFirst
	if p.limit != nil {
		perSecond = float64(p.limit.Limit())
	}
	if p.eased == 0 {
		if p.free = perSecond; p.full == 0 {
			p.free *= easedFree
		}
	}
	p.eased, p.changed = max(perSecond/2, easedLeast), t
	p.shape(t)
}
