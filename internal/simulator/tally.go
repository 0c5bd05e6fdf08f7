package simulator

import (
	"math/bits"
	"strings"
	"sync"
)

// The hashes are FNV-1a with 64 bits, so that anybody can compute them for a comparison.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnv1a[T string | []byte](h uint64, s T) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// mix spreads a hash over all its bits.
func mix(h uint64) uint64 {
	h = (h ^ h>>32) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// Key names one delivery in the journal: Person is FNV-1a-64 of channel, a zero byte and the recipient, ID the
// upper half of FNV-1a-64 of our id.
type Key struct {
	Person uint64
	ID     uint32
}

// KeyOf computes the key of a delivery, for comparing a ledger with the journal's export. A mainland number
// stands there as eleven digits, any other in E.164, a push's id with dots; they may be given in any form.
func KeyOf(channel, recipient, id string) Key {
	switch channel {
	case "sms":
		recipient = bare(recipient)
	case "push":
		id = dotted(id)
	}
	return keyOf(channel, []byte(recipient), []byte(id))
}

// dotted is our id as it was before it became a JobKey, which takes no dots.
func dotted(id string) string { return strings.ReplaceAll(id, "-", ".") }

func keyOf(channel string, recipient, id []byte) Key {
	person := fnv1a(fnv1a(fnv1a(uint64(fnvOffset), channel), "\x00"), recipient)
	return Key{Person: person, ID: uint32(fnv1a(uint64(fnvOffset), id) >> 32)}
}

const (
	shardCount = 64
	fullest    = 0.8 // of a shard's slots; then it grows by a quarter, so that a delivery takes 16 to 25 bytes
)

// tally counts messages by key in open tables.
type tally struct {
	shards [shardCount]shard
}

type shard struct {
	mu    sync.Mutex
	used  int
	slots []slot
}

type slot struct {
	key   Key
	times uint32 // 0: free
}

// place is where the probing for a person begins.
func place(person uint64, slots int) int {
	at, _ := bits.Mul64(mix(person)<<6, uint64(slots))
	return int(at)
}

func (t *tally) shard(person uint64) *shard { return &t.shards[mix(person)>>58] }

// add counts one message: how many its delivery has now, and whether the person is new.
func (t *tally) add(k Key) (times uint32, newPerson bool) {
	s := t.shard(k.Person)
	s.mu.Lock()
	defer s.mu.Unlock()
	if float64(s.used) >= fullest*float64(len(s.slots)) {
		s.grow()
	}
	newPerson = true
	for i := place(k.Person, len(s.slots)); ; i = next(i, len(s.slots)) {
		x := &s.slots[i]
		switch {
		case x.times == 0:
			*x = slot{key: k, times: 1}
			s.used++
			return 1, newPerson
		case x.key == k:
			x.times++
			return x.times, false
		case x.key.Person == k.Person:
			newPerson = false
		}
	}
}

func next(i, n int) int {
	if i++; i == n {
		return 0
	}
	return i
}

func (s *shard) grow() {
	old := s.slots
	s.slots = make([]slot, max(16, len(old)+len(old)/4))
	for _, x := range old {
		if x.times == 0 {
			continue
		}
		i := place(x.key.Person, len(s.slots))
		for s.slots[i].times != 0 {
			i = next(i, len(s.slots))
		}
		s.slots[i] = x
	}
}

// count is how many messages a person got, under one id or under all.
func (t *tally) count(k Key, all bool) (n int) {
	s := t.shard(k.Person)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.slots) == 0 {
		return 0
	}
	for i := place(k.Person, len(s.slots)); s.slots[i].times != 0; i = next(i, len(s.slots)) {
		if x := s.slots[i]; x.key == k || all && x.key.Person == k.Person {
			n += int(x.times)
		}
	}
	return n
}

// each gives every delivery, a shard at a time, without holding up arrivals for long.
func (t *tally) each(yield func(Key, uint32) bool) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		slots := append([]slot(nil), s.slots...)
		s.mu.Unlock()
		for _, x := range slots {
			if x.times > 0 && !yield(x.key, x.times) {
				return
			}
		}
	}
}

func (t *tally) reset() {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.slots, s.used = nil, 0
		s.mu.Unlock()
	}
}
