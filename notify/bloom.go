package notify

import "encoding/binary"

const (
	filterPeople = 1 << 17  // of the first filter; each further one is for twice as many
	filterMost   = 64 << 20 // people of all filters; beyond there are more false alarms
	blockPeople  = 32       // two bytes each: about one false alarm in a thousand
)

// block is a line of the processor's cache: whoever is noted there has a bit in each word.
type block [8]uint64

// suspicion knows who was surely not seen before: Bloom filters in blocks, so that a question costs each of
// them one access to memory. It grows with the audience, by two bytes a person.
type suspicion struct {
	filters   [][]block
	room, all int // people: left in the last filter, in all
}

// add notes an identity and says whether it may have been noted before. Its bytes are random already.
func (s *suspicion) add(b blind) (seen bool) {
	place, bits := uint64(binary.BigEndian.Uint32(b[:])), binary.BigEndian.Uint64(b[4:])
	for _, f := range s.filters {
		if f[place*uint64(len(f))>>32].has(bits) {
			return true
		}
	}
	if next := filterPeople << len(s.filters); s.room == 0 && s.all+next <= filterMost {
		s.filters = append(s.filters, make([]block, next/blockPeople))
		s.room, s.all = next, s.all+next
	}
	last := s.filters[len(s.filters)-1]
	last[place*uint64(len(last))>>32].note(bits)
	if s.room > 0 {
		s.room--
	}
	return false
}

func (b *block) has(bits uint64) bool {
	for i := range b {
		if b[i]&(1<<(bits>>(6*i)&63)) == 0 {
			return false
		}
	}
	return true
}

func (b *block) note(bits uint64) {
	for i := range b {
		b[i] |= 1 << (bits >> (6 * i) & 63)
	}
}
