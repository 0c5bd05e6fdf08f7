package obligation

import "sync"

// scratch is the memory of one derivation, used again by the next: nothing of an answer lies in it.
type scratch struct {
	values      []val
	defs        []*val
	said        [][2]string
	stack       []*val
	results     []*val
	passed      []passed
	obligations []Obligation
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// take readies the memory for a law.
func take(l *law) *scratch {
	m := scratches.Get().(*scratch)
	m.values = append(m.values[:0], l.vocabulary.unknown...)
	if cap(m.defs) < len(l.defs) {
		m.defs, m.said = make([]*val, len(l.defs)), make([][2]string, len(l.defs))
	}
	m.defs, m.said = m.defs[:len(l.defs)], m.said[:len(l.defs)]
	return m
}

// release gives the memory back; the derivation and its facts must not be used any more, the result may.
func (d *derivation) release() {
	m := d.memory
	m.results, m.passed, m.stack = d.results[:0], d.passed[:0], d.stack[:0]
	clear(m.passed[:cap(m.passed)])
	clear(m.results[:cap(m.results)])
	clear(m.defs)
	clear(m.said)
	clear(m.stack[:cap(m.stack)])
	d.memory, d.facts, d.defs, d.said, d.results, d.passed = nil, nil, nil, nil, nil, nil
	scratches.Put(m)
}
