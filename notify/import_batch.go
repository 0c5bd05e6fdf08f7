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

// decoder reads one line into an empty recipient.
type decoder func(line []byte, r *Recipient) *incident.Problem

// batch is one chunk decoded and checked, ready to be kept.
type batch struct {
	rows    int64
	lines   []personLine
	people  []member
	records []byte // of all members, one after another
	blinds  []blind
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
}

// run reads, prepares and keeps chunk after chunk: preparing runs in parallel, keeping in the order of
// the file.
func (im *importer) run(ctx context.Context) error {
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
	b := batch{rows: int64(len(c.lines))}
	decode, normal, hasher := decoder(jsonRow), newNormaliser(), im.key.Hasher()
	if im.columns != nil {
		decode = csvRow(im.columns)
	}
	for _, l := range c.lines {
		r, p := read(c, l, decode, normal)
		if p != nil {
			b.reject(l.no, im.where(p.Pointer), p.Rule, p.Message)
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
	b.people = append(b.people, member{
		record: len(b.records), blinds: len(b.blinds), leaf: h.Leaf(b.records[from:]), reach: reachOf(r),
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

func read(c chunk, l inputLine, decode decoder, normal *normaliser) (Recipient, *incident.Problem) {
	text := c.buf[l.from:l.to]
	switch {
	case l.long:
		return Recipient{}, problem("", "length", fmt.Sprintf("the line is longer than %d bytes", maxLine))
	case !utf8.Valid(text):
		return Recipient{}, problem("", "utf-8", "the line is not UTF-8; save the file as UTF-8")
	}
	var r Recipient
	if p := decode(text, &r); p != nil {
		return Recipient{}, p
	}
	return r, normal.normalise(&r)
}

// where names a field as the file does: a column of CSV, a pointer into JSON.
func (im *importer) where(pointer string) string {
	if im.columns == nil || pointer == "" {
		return pointer
	}
	return columnOf(im.columns, pointer)
}

func (b *batch) reject(at int64, pointer, rule, message string) {
	b.rejects = append(b.rejects, Reject{Line: at, Pointer: pointer, Rule: rule, Message: message})
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
