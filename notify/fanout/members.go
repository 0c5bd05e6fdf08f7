package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tocsin/notify"
)

// job is one member of a range: a person nobody has sent to yet, or a row to try again.
type job struct {
	seq    int64
	person *notify.Recipient // nil: cannot be read
	row    *notify.Delivery
}

// members are those of a range, opened page by page.
type members struct {
	rel   *release
	r     notify.Range
	books *books
	pages []notify.RecipientPage
	open  []notify.Recipient // of the page in hand; nil when it cannot be read
	from  int64              // its first
	to    int64              // and behind its last
	at    int64              // who is next

	rows   []notify.Delivery // instead: what is tried again, in the order of seq
	people []notify.Recipient
}

// books are where a worker opens pages. Those of one sub-batch serve for the next one.
type books struct {
	all  []*notify.Book
	used int
}

func (b *books) next() *notify.Book {
	if b.used == len(b.all) {
		b.all = append(b.all, new(notify.Book))
	}
	b.used++
	return b.all[b.used-1]
}

// turn begins a sub-batch. The last one is kept if it is in hand still: not all of its people have had their turn.
func (b *books) turn(inHand bool) {
	last := b.used - 1
	b.used = 0
	if inHand {
		b.all[0], b.all[last], b.used = b.all[last], b.all[0], 1
	}
}

var errMissing = errors.New("recipients are missing from a frozen audience")

// members reads what a range is made of; its people stay sealed until it is their turn.
func (w *worker) members(ctx context.Context, rel *release, r notify.Range) (*members, error) {
	m := &members{rel: rel, r: r, at: r.From, books: &w.books}
	err := w.f.o.Store.View(ctx, w.f.scope, func(tx notify.Tx) (err error) {
		if !r.Again {
			w.pages, err = tx.Pages(ctx, w.pages[:0], rel.AudienceNo, r.From, r.To)
			m.pages = w.pages
			return err
		}
		if m.rows, err = tx.DeliveriesIn(ctx, r); err != nil {
			return err
		}
		return m.readPeople(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("load range: %w", err)
	}
	return m, nil
}

// readPeople opens those whose rows are tried again. Whose page is damaged is left out, alone.
func (m *members) readPeople(ctx context.Context, tx notify.Tx) (err error) {
	seqs := make([]int64, len(m.rows))
	for i := range m.rows {
		seqs[i] = m.rows[i].Seq
	}
	m.people, err = notify.RecipientsAt(ctx, tx, m.rel.key, m.rel.AudienceNo, seqs)
	if !errors.Is(err, notify.ErrUnreadable) {
		return err
	}
	for _, seq := range slices.Compact(seqs) {
		one, err := notify.RecipientsAt(ctx, tx, m.rel.key, m.rel.AudienceNo, []int64{seq})
		if err != nil && !errors.Is(err, notify.ErrUnreadable) {
			return err
		}
		m.people = append(m.people, one...)
	}
	return nil
}

// next appends the next n members; last says that none follow.
func (m *members) next(jobs []job, n int) (_ []job, last bool, err error) {
	if m.r.Again {
		return m.nextRows(jobs, n)
	}
	m.books.turn(m.at < m.to)
	for len(jobs) < n && m.at < m.r.To {
		if m.at >= m.to {
			if err := m.turnPage(); err != nil {
				return nil, false, err
			}
		}
		for ; len(jobs) < n && m.at < min(m.to, m.r.To); m.at++ {
			if !m.r.Has(m.at) {
				continue
			}
			j := job{seq: m.at}
			if m.open != nil {
				j.person = &m.open[m.at-m.from]
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, m.at >= m.r.To, nil
}

func (m *members) turnPage() error {
	if len(m.pages) == 0 || m.pages[0].From > m.at || m.pages[0].From+int64(m.pages[0].Count) <= m.at {
		return errMissing
	}
	p := m.pages[0]
	m.pages, m.from, m.to = m.pages[1:], p.From, p.From+int64(p.Count)
	var err error
	m.open, err = m.books.next().Open(m.rel.key, m.rel.AudienceNo, p)
	if errors.Is(err, notify.ErrUnreadable) {
		m.open = nil
		return nil
	}
	return err
}

func (m *members) nextRows(jobs []job, n int) (_ []job, last bool, err error) {
	n = min(n, len(m.rows))
	for i := range m.rows[:n] {
		j := job{seq: m.rows[i].Seq, row: &m.rows[i]}
		at, found := slices.BinarySearchFunc(m.people, j.seq, func(p notify.Recipient, seq int64) int { return int(p.Seq - seq) })
		if found {
			j.person = &m.people[at]
		}
		jobs = append(jobs, j)
	}
	m.rows = m.rows[n:]
	return jobs, len(m.rows) == 0, nil
}
