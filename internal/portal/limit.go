package portal

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The limit is against load, not against guessing: a code is right by chance once in 2^33 tries even when
// a hundred million people were written to, and tells nothing about them. It is wide because many phones share one address.
const (
	checksEach   = 2 * time.Second // one more check for a visitor's address
	checksAtOnce = 20
	restored     = checksEach * checksAtOnce // an address that was quiet so long is as good as new
	visitorsKept = 1 << 16
	strangers    = 50 // checks a second of all whose address found no place
)

// limiter holds one bucket for each address, at most so many. Who finds no place shares one bucket with
// the others who found none, so that memory is bounded and a flood cannot buy fresh buckets.
type limiter struct {
	mu       sync.Mutex
	visitors map[netip.Prefix]*visitor
	most     int
	swept    time.Time
	rest     *rate.Limiter
}

type visitor struct {
	bucket *rate.Limiter
	seen   time.Time
}

func newLimiter(most int) *limiter {
	return &limiter{visitors: map[netip.Prefix]*visitor{}, most: most, rest: rate.NewLimiter(strangers, strangers)}
}

// allow reports whether this address may check once more.
func (l *limiter) allow(address string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := network(address)
	v := l.visitors[key]
	if v == nil {
		l.sweep(now)
		if len(l.visitors) >= l.most {
			return l.rest.AllowN(now, 1)
		}
		v = &visitor{bucket: rate.NewLimiter(rate.Every(checksEach), checksAtOnce)}
		l.visitors[key] = v
	}
	v.seen = now
	return v.bucket.AllowN(now, 1)
}

// sweep drops those whose bucket is full again, now and then and only for want of room.
func (l *limiter) sweep(now time.Time) {
	if len(l.visitors) < l.most || now.Sub(l.swept) < restored/4 {
		return
	}
	l.swept = now
	for key, v := range l.visitors {
		if now.Sub(v.seen) >= restored {
			delete(l.visitors, key)
		}
	}
}

// network is what one visitor commands: an IPv4 address, or a /64 of IPv6. What is no address is one visitor.
func network(address string) netip.Prefix {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	n, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return n
}
