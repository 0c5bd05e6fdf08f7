package notify

import "github.com/bits-and-blooms/bloom/v3"

const (
	filterPeople = 1 << 17 // of the first filter; each further one is for twice as many
	filterBits   = 16      // a person: about one false alarm in two thousand
	filterHashes = 11
	filterMost   = 128 << 23 // bits of all filters; when they are full, there are more false alarms
)

// suspicion knows who was surely not seen before. It grows with the audience, by two bytes a person.
type suspicion struct {
	filters    []*bloom.BloomFilter
	room, bits uint // left in the last filter; of all
}

// add notes an identity and says whether it may have been noted before.
func (s *suspicion) add(b blind) (seen bool) {
	for _, f := range s.filters {
		if f.Test(b[:]) {
			return true
		}
	}
	if next := uint(filterPeople * filterBits << len(s.filters)); s.room == 0 && s.bits+next <= filterMost {
		s.filters = append(s.filters, bloom.New(next, filterHashes))
		s.room, s.bits = next/filterBits, s.bits+next
	}
	s.filters[len(s.filters)-1].Add(b[:])
	if s.room > 0 {
		s.room--
	}
	return false
}
