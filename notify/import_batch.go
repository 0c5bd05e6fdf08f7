package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"tocsin/incident"
	"tocsin/templates"
)

// importAhead is how many chunks are checked and sealed while an earlier one is being stored.
const importAhead = 4

// decoder reads one line into an empty recipient.
type decoder func(line []byte, r *Recipient) *incident.Problem

// batch is one chunk checked and sealed, ready to store. people, leaves, reach and at run alongside.
type batch struct {
	rows       int64
	duplicates int64
	people     []SealedRecipient
	leaves     [][]byte
	reach      [][]string // channels on which the person has an address
	at         []int64    // line
	rejects    []Reject
}

// run reads, prepares and stores chunk after chunk: preparing runs in parallel, storing in the order of
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
	group.Go(func() error {
		for one := range ready {
			if err := im.commit(ctx, <-one); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return group.Wait()
}

// prepare decodes, checks and seals the lines of a chunk.
func (im *importer) prepare(c chunk) batch {
	b := batch{rows: int64(len(c.lines))}
	decode, normal := decoder(jsonRow), newNormaliser()
	if im.columns != nil {
		decode = csvRow(im.columns)
	}
	for _, l := range c.lines {
		r, p := read(c, l, decode, normal)
		if p != nil {
			b.reject(l.no, im.where(p.Pointer), p.Rule, p.Message)
			continue
		}
		sealed, leaf := sealRecipient(im.key, im.a.No, r)
		b.people = append(b.people, sealed)
		b.leaves = append(b.leaves, leaf)
		b.reach = append(b.reach, reach(r))
		b.at = append(b.at, l.no)
	}
	return b
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

func (b *batch) duplicate(at int64) {
	b.duplicates++
	b.reject(at, "", "duplicate", "this person stands in the audience already")
}

// drop takes out the people marked as being in the audience already.
func (b *batch) drop(marked []bool) {
	n := 0
	for i := range b.people {
		if marked[i] {
			b.duplicate(b.at[i])
			continue
		}
		b.people[n], b.leaves[n], b.reach[n], b.at[n] = b.people[i], b.leaves[i], b.reach[i], b.at[i]
		n++
	}
	b.people, b.leaves, b.reach, b.at = b.people[:n], b.leaves[:n], b.reach[:n], b.at[:n]
}

// count adds the batch to an audience's numbers.
func (b *batch) count(a Audience) Audience {
	a.Rows += b.rows
	a.Total += int64(len(b.people))
	a.Duplicates += b.duplicates
	a.Rejected = a.Rows - a.Total - a.Duplicates
	a.ByChannel = maps.Clone(a.ByChannel)
	for _, channels := range b.reach {
		for _, c := range channels {
			a.ByChannel[c]++
		}
	}
	return a
}

// reach lists the channels on which a person has an address.
func reach(r Recipient) []string {
	var out []string
	if len(r.Emails) > 0 {
		out = append(out, templates.Email)
	}
	if len(r.Phones) > 0 {
		out = append(out, templates.SMS)
	}
	if len(r.Push) > 0 {
		out = append(out, templates.Push)
	}
	return out
}
