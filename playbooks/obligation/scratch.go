package obligation

import "sync"

// scratch is the memory of one derivation, used again by the next: nothing of an answer lies in it.
type scratch struct {
	values      []val
	defs        []val
	done        []bool
	clauses     []val
	stack       []val
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
		m.defs, m.done = make([]val, len(l.defs)), make([]bool, len(l.defs))
	}
	m.defs, m.done = m.defs[:len(l.defs)], m.done[:len(l.defs)]
	clear(m.done)
	return m
}

// release gives the memory back; the derivation and its facts must not be used any more, the result may.
func (d *derivation) release() {
	m := d.memory
	m.results, m.passed, m.clauses, m.stack = d.results[:0], d.passed[:0], m.clauses[:0], d.stack[:0]
	clear(m.passed[:cap(m.passed)])
	clear(m.clauses[:cap(m.clauses)])
	clear(m.stack[:cap(m.stack)])
	d.memory, d.facts, d.defs, d.done, d.results, d.passed = nil, nil, nil, nil, nil, nil
	scratches.Put(m)
}
