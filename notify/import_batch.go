package notify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"tocsin/incident"
	"tocsin/internal/seal"
)

const (
	importAhead = 8   // chunks that are checked while earlier ones are being stored
	commitMost  = 8   // chunks that one transaction takes
	againMost   = 128 // where many of the people are in already
)

// decoder reads one line into an empty recipient. Its values may be parts of the line.
type decoder func(line string, r *Recipient) *incident.Problem

// preparer prepares one chunk after another, in one goroutine.
type preparer struct {
	decode decoder
	normal *normaliser
	hasher *seal.Hasher
	one    Recipient        // at work; its lists serve the next one too
	known  map[rungs]string // ladders
}

func (im *importer) preparer() *preparer {
	if p, ok := im.preparers.Get().(*preparer); ok {
		return p
	}
	p := &preparer{decode: jsonRow, normal: newNormaliser(), hasher: im.key.Hasher(), known: map[rungs]string{}}
	if im.csv != nil {
		p.decode = im.csv.decoder()
	}
	return p
}

// batch is one chunk decoded and checked, ready to be kept.
type batch struct {
	rows    int64
	at      Position // after it
	lines   []personLine
	people  []member
	records []byte // of all members, one after another
	blinds  []blind
	traits  []traits // the different ones
	known   map[traits]int
	rejects []Reject
	dropped []Reject // addresses of those who are kept
}

// personLine is a line about a person: those told are members from ≤ i < to, its identity the first index
// of the first.
type personLine struct {
	at       int64
	from, to int
	dropped  int  // ends of those of the batch
	known    bool // something tells who it is
}

// member is one recipient: the ends of its record and its indexes in the batch.
type member struct {
	record, blinds int
	leaf           [sha256.Size]byte
	reach          reach
	traits         int // in the batch
}

// pipe reads, prepares and keeps chunk after chunk: preparing runs in parallel, keeping in the order of
// the file.
func (im *importer) pipe(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan chan *batch, importAhead)
	group.Go(func() error {
		defer close(ready)
		for {
			c, err := im.lines.next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read input: %w", err)
			}
			one := make(chan *batch, 1)
			select {
			case ready <- one:
			case <-ctx.Done():
				return ctx.Err()
			}
			group.Go(func() error {
				one <- im.prepare(c)
				return nil
			})
		}
	})
	group.Go(func() error { return im.keepAll(ctx, ready) })
	return group.Wait()
}

// keepAll keeps batches, as many at once as are ready. Where many lines are about people who may be in already, it waits
// for more: then the index is read fewer times.
func (im *importer) keepAll(ctx context.Context, ready <-chan chan *batch) error {
	for one := range ready {
		batches := []*batch{<-one}
		rejects := len(batches[0].rejects) + len(batches[0].dropped)
		most, wait := commitMost, false
		if im.again {
			most, wait = againMost, true
		}
		for len(batches) < most && rejects < chunkLines && (wait || len(ready) > 0) {
			one, more := <-ready
			if !more {
				break
			}
			b := <-one
			batches, rejects = append(batches, b), rejects+len(b.rejects)+len(b.dropped)
		}
		if err := im.keep(ctx, batches); err != nil {
			return err
		}
		for _, b := range batches {
			im.batches.Put(b)
		}
	}
	return ctx.Err()
}

// emptyBatch is one that nobody uses, with the room it had.
func (im *importer) emptyBatch() *batch {
	b, ok := im.batches.Get().(*batch)
	if !ok {
		return &batch{
			known: map[traits]int{}, lines: make([]personLine, 0, chunkLines), people: make([]member, 0, chunkLines), blinds: make([]blind, 0, 3*chunkLines),
		}
	}
	clear(b.known)
	clear(b.traits)
	*b = batch{
		known: b.known, lines: b.lines[:0], people: b.people[:0], records: b.records[:0], blinds: b.blinds[:0], traits: b.traits[:0], rejects: b.rejects[:0], dropped: b.dropped[:0],
	}
	return b
}

// prepare decodes and checks the lines of a chunk.
func (im *importer) prepare(c chunk) *batch {
	b, p := im.emptyBatch(), im.preparer()
	defer im.preparers.Put(p)
	b.rows, b.at, b.records = int64(len(c.lines)), c.at, slices.Grow(b.records, len(c.buf))
	text := string(c.buf)
	im.lines.release(c)
	for _, l := range c.lines {
		row := text[l.from:l.to]
		if wrong := p.read(row, l.long); wrong != nil {
			b.rejects = append(b.rejects, im.reject(l.no, row, wrong))
			continue
		}
		b.dropped = im.drop(b.dropped, l.no, row, p.normal.dropped, AddressDropped)
		b.dropped = im.drop(b.dropped, l.no, row, p.normal.unknown, ValueDropped)
		b.addLine(p, l.no)
	}
	return b
}

// addLine adds those who are told of the line that p has read.
func (b *batch) addLine(p *preparer, no int64) {
	line := personLine{at: no, from: len(b.people)}
	if len(p.one.Guardians)+len(p.one.NextOfKin) == 0 {
		line.known = b.add(p, &p.one)
	} else {
		for _, one := range told(p.hasher, &p.one) {
			line.known = b.add(p, &one)
		}
	}
	line.to, line.dropped = len(b.people), len(b.dropped)
	b.lines = append(b.lines, line)
}

// add makes r a member.
func (b *batch) add(p *preparer, r *Recipient) (known bool) {
	from := len(b.records)
	b.records = appendRecipient(b.records, r)
	b.blinds, known = indexes(b.blinds, p.hasher, r)
	b.people = append(b.people, member{
		record: len(b.records), blinds: len(b.blinds), leaf: p.hasher.Leaf(b.records[from:]), reach: reachOf(r), traits: b.kind(traitsOf(r, p.ladder(r))),
	})
	return known
}

// kind is the place of t among the batch's traits. Neighbours are often alike.
func (b *batch) kind(t traits) int {
	if n := len(b.people); n > 0 && b.traits[b.people[n-1].traits] == t {
		return b.people[n-1].traits
	}
	kind, seen := b.known[t]
	if !seen {
		kind = len(b.traits)
		b.known[t] = kind
		b.traits = append(b.traits, t)
	}
	return kind
}

// record and index are a member's.
func (b *batch) record(i int) []byte {
	from := 0
	if i > 0 {
		from = b.people[i-1].record
	}
	return b.records[from:b.people[i].record]
}

func (b *batch) indexes(i int) []blind {
	from := 0
	if i > 0 {
		from = b.people[i-1].blinds
	}
	return b.blinds[from:b.people[i].blinds]
}

// ladder is the person's as segments count it; there are few different ones.
func (p *preparer) ladder(r *Recipient) string {
	k := rungsOf(r)
	text, known := p.known[k]
	if !known {
		text = k.ladder()
		p.known[k] = text
	}
	return text
}

// read brings the recipient of a row into its form.
func (p *preparer) read(row string, long bool) *incident.Problem {
	switch {
	case long:
		return problem("", "length", fmt.Sprintf("the line is longer than %d bytes", maxLine))
	case !utf8.ValidString(row):
		return problem("", "utf-8", "the line is not UTF-8; save the file as UTF-8")
	}
	r := &p.one
	*r = Recipient{Emails: r.Emails[:0], Phones: r.Phones[:0], Push: r.Push[:0], Data: r.Data[:0], Channels: r.Channels[:0]}
	if wrong := p.decode(row, r); wrong != nil {
		return wrong
	}
	return p.normal.normalise(r)
}

// reject says what is wrong with a line, and where as the file has it: in a column of CSV, at a pointer
// into JSON.
func (im *importer) reject(at int64, row string, p *incident.Problem) Reject {
	r := Reject{Line: at, Pointer: p.Pointer, Rule: p.Rule, Message: p.Message}
	switch {
	case im.csv != nil && p.Pointer != "":
		r.Pointer, r.Column = im.csv.place(row, p.Pointer)
	case im.csv == nil && p.Rule == "json":
		r.Column = jsonCharacter(row)
	}
	return r
}

// drop lists what a person who is kept goes without.
func (im *importer) drop(list []Reject, at int64, row string, problems []incident.Problem, rule string) []Reject {
	for i := range problems {
		one := im.reject(at, row, &problems[i])
		one.Rule = rule
		list = append(list, one)
	}
	return list
}

// reach is the channels on which a person has an address, as bits.
type reach uint8

func reachOf(r *Recipient) (on reach) {
	for i, has := range [...]bool{len(r.Emails) > 0, len(r.Phones) > 0, len(r.Push) > 0} {
		if has {
			on |= 1 << i
		}
	}
	return on
}

// count adds the channels to an audience's numbers; the bits stand in the order of personal.
func (on reach) count(by map[string]int64) {
	for i, c := range personal {
		if on&(1<<i) != 0 {
			by[c]++
		}
	}
}
