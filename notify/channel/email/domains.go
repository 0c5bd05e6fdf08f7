package email

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/clock"
)

// The numbers of pacing are ours: what mailbox providers allow is secret and changes (channels.md 5.2).
const (
	firstRate  = 20.0             // messages a second to a domain that had no limit, after its first throttling
	leastRate  = 1.0 / 60         // one a minute
	freeRate   = 16 * firstRate   // from here on a domain without a limit of its own has none again
	slowEvery  = 10 * time.Second // replies in flight are one warning, not many
	faster     = 5 * time.Minute  // without a warning, before the rate grows
	growth     = 1.5
	burst      = time.Second // what may go at once after a pause
	mostPaced  = 10_000      // domains kept
	shareTime  = 5 * time.Minute
	shareLeast = 10 // refusals before their share means anything
	shareStop  = 50 // one in so many
)

// operators are domains that one provider keeps: it counts them together.
var operators = map[string]string{
	"foxmail.com": "qq.com", "vip.qq.com": "qq.com",
	"126.com": "163.com", "yeah.net": "163.com", "188.com": "163.com", "vip.163.com": "163.com", "vip.126.com": "163.com",
	"googlemail.com": "gmail.com",
	"hotmail.com":    "outlook.com", "live.com": "outlook.com", "msn.com": "outlook.com", "live.cn": "outlook.com",
}

// domains paces what goes to each mailbox provider, and weighs refusals that may be one provider's opinion.
type domains struct {
	clock    clock.Clock
	answered atomic.Int64
	some     atomic.Bool // there is a limit at all

	mu    sync.Mutex
	paces map[string]*pace
	share share
}

func newDomains(c clock.Clock, limits map[string]float64) *domains {
	d := &domains{clock: c, paces: map[string]*pace{}, share: share{since: c.Now()}}
	for domain, rate := range limits {
		if rate > 0 {
			d.paces[operator(domain)] = &pace{full: rate, rate: rate}
			d.some.Store(true)
		}
	}
	return d
}

// operator is the name under which an address or a domain is paced.
func operator(address string) string {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	if o, ok := operators[domain]; ok {
		return o
	}
	return domain
}

// allow says whether a message may go to an address now, or when to come again.
func (d *domains) allow(to string, attempt int) (at time.Time, now bool) {
	if !d.some.Load() {
		return time.Time{}, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := operator(to)
	p := d.paces[name]
	if p == nil {
		return time.Time{}, true
	}
	t := d.clock.Now()
	if p.recover(t); p.full == 0 && p.rate >= freeRate {
		delete(d.paces, name)
		return time.Time{}, true
	}
	return p.allow(t, attempt)
}

// slow halves the rate of the provider that keeps an address.
func (d *domains) slow(to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name, t := operator(to), d.clock.Now()
	p := d.paces[name]
	switch {
	case p == nil && len(d.paces) < mostPaced:
		d.paces[name] = &pace{rate: firstRate, changed: t}
		d.some.Store(true)
	case p != nil && t.Sub(p.changed) >= slowEvery:
		p.rate, p.changed = max(p.rate/2, leastRate), t
	}
}

// pace is how fast messages go to one provider. Those that must wait get places in a line, one after the
// other, and whoever comes back goes before those who come for the first time.
type pace struct {
	full    float64 // as configured; 0: no limit
	rate    float64 // messages a second now
	changed time.Time
	next    time.Time // when the next is due
	line    time.Time // the last place given
}

func (p *pace) allow(t time.Time, attempt int) (time.Time, bool) {
	gap := time.Duration(float64(time.Second) / p.rate)
	if p.next.Before(t) {
		p.next = t
	}
	free := p.next.Sub(t) < burst
	if free && (attempt > 1 || !p.line.After(t)) {
		p.next = p.next.Add(gap)
		return time.Time{}, true
	}
	if p.line.Before(p.next) {
		p.line = p.next
	}
	p.line = p.line.Add(gap)
	return p.line, false
}

func (p *pace) recover(t time.Time) {
	for p.full == 0 && p.rate < freeRate || p.rate < p.full {
		if t.Sub(p.changed) < faster {
			return
		}
		p.rate, p.changed = p.rate*growth, p.changed.Add(faster)
		if p.full > 0 {
			p.rate = min(p.rate, p.full)
		}
	}
}

// share counts refusals of a kind that one provider may decide for itself, against all answers.
type share struct {
	since          time.Time
	from, fromOld  int64 // answers at the beginning of this stretch of time and of the one before
	refused, older int64
}

// count counts an answer, and looks at the time now and then.
func (d *domains) count() {
	if d.answered.Add(1)%256 == 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.roll()
	}
}

// roll begins a new stretch when it is time.
func (d *domains) roll() {
	s, t := &d.share, d.clock.Now()
	age := t.Sub(s.since)
	if age < shareTime {
		return
	}
	*s = share{since: t, from: d.answered.Load(), fromOld: s.from, older: s.refused}
	if age >= 2*shareTime {
		s.older = 0
	}
}

// widespread counts a refusal of our content or reputation, and says whether such refusals are so many that
// they are about us: more than one in fifty answers of the last five to ten minutes, and ten at least.
func (d *domains) widespread() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roll()
	d.share.refused++
	n := d.share.refused + d.share.older
	return n >= shareLeast && n*shareStop > d.answered.Load()-d.share.fromOld
}
