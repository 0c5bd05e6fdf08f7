package notify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"tocsin/incident"
	"tocsin/internal/seal"
)

const (
	importAhead = 8  // chunks that are checked while earlier ones are being stored
	commitMost  = 16 // chunks that one transaction takes
)

// decoder reads one line into an empty recipient. Its values may be parts of the line.
type decoder func(line string, r *Recipient) *incident.Problem

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
}

// personLine is a line about a person: those told are members from ≤ i < to, its identity the first index
// of the first.
type personLine struct {
	at       int64
	from, to int
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
	ready := make(chan chan batch, importAhead)
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
			one := make(chan batch, 1)
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

// keepAll keeps batches, as many at once as are ready.
func (im *importer) keepAll(ctx context.Context, ready <-chan chan batch) error {
	for one := range ready {
		batches := []batch{<-one}
		rejects := len(batches[0].rejects)
		for more := true; more && len(batches) < commitMost && rejects < chunkLines; {
			select {
			case one, more = <-ready:
				if more {
					b := <-one
					batches, rejects = append(batches, b), rejects+len(b.rejects)
				}
			default:
				more = false
			}
		}
		if err := im.keep(ctx, batches); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// prepare decodes and checks the lines of a chunk.
func (im *importer) prepare(c chunk) batch {
	b := batch{rows: int64(len(c.lines)), at: c.at, known: map[traits]int{}, records: make([]byte, 0, len(c.buf))}
	decode, normal, hasher := decoder(jsonRow), newNormaliser(), im.key.Hasher()
	if im.csv != nil {
		decode = im.csv.decoder()
	}
	text := string(c.buf)
	im.lines.release(c)
	for _, l := range c.lines {
		row := text[l.from:l.to]
		r, p := read(row, l.long, decode, normal)
		if p != nil {
			b.rejects = append(b.rejects, im.reject(l.no, row, p))
			continue
		}
		line := personLine{at: l.no, from: len(b.people)}
		for _, one := range told(hasher, &r) {
			line.known = b.add(hasher, &one)
		}
		line.to = len(b.people)
		b.lines = append(b.lines, line)
	}
	return b
}

// add makes r a member.
func (b *batch) add(h *seal.Hasher, r *Recipient) (known bool) {
	from := len(b.records)
	b.records = appendRecipient(b.records, r)
	found, known := indexes(h, r)
	b.blinds = append(b.blinds, found...)
	t := traitsOf(r)
	kind, seen := b.known[t]
	if !seen {
		kind = len(b.traits)
		b.known[t] = kind
		b.traits = append(b.traits, t)
	}
	b.people = append(b.people, member{
		record: len(b.records), blinds: len(b.blinds), leaf: h.Leaf(b.records[from:]), reach: reachOf(r), traits: kind,
	})
	return known
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

func read(row string, long bool, decode decoder, normal *normaliser) (Recipient, *incident.Problem) {
	switch {
	case long:
		return Recipient{}, problem("", "length", fmt.Sprintf("the line is longer than %d bytes", maxLine))
	case !utf8.ValidString(row):
		return Recipient{}, problem("", "utf-8", "the line is not UTF-8; save the file as UTF-8")
	}
	var r Recipient
	if p := decode(row, &r); p != nil {
		return Recipient{}, p
	}
	return r, normal.normalise(&r)
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
