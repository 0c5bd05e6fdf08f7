package fanout

import (
	"hash/maphash"
	"sync"
	"time"

	"tocsin/notify"
)

// gaps keep messages to one address apart, whatever dispatch they are of. They know an address by a hash under a
// key that ends with the process, and a fixed number of them: of those that fall together the one that is free
// again first makes room.
type gaps struct {
	seed maphash.Seed

	mu   sync.Mutex
	sets []gapSet // nil: no provider keeps a distance
}

const (
	gapSets  = 1 << 14 // of 8 marks of 16 bytes: 2 MiB for 131,072 addresses
	codeSoon = "person-gap"
)

type (
	gapSet  [8]gapMark
	gapMark struct {
		who   uint64
		until int64 // microseconds
	}
)

// spaced is an address under the name of a channel, which keeps its own distance, or of a provider, which says
// how long it takes nothing more for that address.
type spaced struct{ by, address string }

func newGaps(providers []notify.Provider) *gaps {
	g := &gaps{seed: maphash.MakeSeed()}
	for _, p := range providers {
		if p.Gap > 0 && g.sets == nil {
			g.sets = make([]gapSet, gapSets)
		}
	}
	return g
}

// find is the mark of an address, else the one that makes room for it.
func (g *gaps) find(a spaced) (m *gapMark, who uint64) {
	who = maphash.Comparable(g.seed, a)
	set := &g.sets[who%gapSets]
	m = &set[0]
	for i := range set {
		if set[i].who == who {
			return &set[i], who
		}
		if set[i].until < m.until {
			m = &set[i]
		}
	}
	return m, who
}

func (g *gaps) set(a spaced, until time.Time) {
	if m, who := g.find(a); m.who == who || m.until < until.UnixMicro() {
		m.who, m.until = who, until.UnixMicro()
	}
}

func (g *gaps) until(a spaced) int64 {
	if m, who := g.find(a); m.who == who {
		return m.until
	}
	return 0
}

// take has a task's address kept free of other messages from now on. Otherwise it says until when it is not.
func (g *gaps) take(t *task, now time.Time) (until time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	latest := g.until(spaced{t.provider.ID, t.address})
	if !t.spaced { // else the mark is its own: the provider before has refused it
		latest = max(latest, g.until(spaced{t.channel, t.address}))
	}
	if latest > now.UnixMicro() {
		return time.UnixMicro(latest).UTC(), false
	}
	g.set(spaced{t.channel, t.address}, now.Add(t.provider.Gap))
	t.spaced = true
	return time.Time{}, true
}

// told counts the distance from the verdict on a message. What provably reached nobody keeps none.
func (g *gaps) told(t *task, v notify.Verdict, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	free := now
	switch v.Class {
	case notify.ClassRetry, notify.ClassStop, notify.ClassBug:
	case notify.ClassRetryAt:
		g.set(spaced{t.provider.ID, t.address}, v.RetryAt)
	default:
		free = now.Add(t.provider.Gap)
	}
	g.set(spaced{t.channel, t.address}, free)
}

// leave gives back what was taken for a task that nothing was sent of.
func (g *gaps) leave(t *task, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(spaced{t.channel, t.address}, now)
	t.spaced = false
}

// tooSoon holds a task whose address has just had a message, or has had enough of them for its provider.
func (s *shift) tooSoon(t *task, now time.Time) bool {
	if t.provider.Gap <= 0 {
		return false
	}
	until, ok := s.f.gaps.take(t, now)
	if !ok {
		if t.spaced {
			s.f.gaps.leave(t, now)
		}
		t.provider = nil
		t.hold(codeSoon, until)
	}
	return !ok
}
