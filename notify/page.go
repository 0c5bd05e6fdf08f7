package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/seal"
)

// PageSize is how many neighbouring recipients are sealed together: page k holds the sequences from
// k × PageSize on.
const PageSize = 250

const pageVersion = 1

// RecipientPage is a run of recipients with neighbouring sequences, sealed together.
type RecipientPage struct {
	From  int64
	Count int
	Body  []byte
}

// ErrUnreadable is returned when sealed recipients were damaged, or their key is gone.
var ErrUnreadable = errors.New("recipients cannot be read")

// pagePlace is where a page is sealed for.
func pagePlace(audienceNo, from int64) string {
	b := strconv.AppendInt([]byte("recipients/"), audienceNo, 10)
	return string(strconv.AppendInt(append(b, '/'), from, 10))
}

// sealPage seals a page: its version, and the records with their lengths.
func sealPage(key *seal.Key, audienceNo, from int64, count int, plain []byte) RecipientPage {
	return RecipientPage{From: from, Count: count, Body: key.Seal(pagePlace(audienceNo, from), plain)}
}

// records opens a page and takes it apart. They share one string; the list of them is good until the next
// page is opened in the book.
func (b *Book) records(key *seal.Key, audienceNo int64, p RecipientPage) (_ []string, err error) {
	b.plain, err = key.AppendOpen(b.plain[:0], pagePlace(audienceNo, p.From), p.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if len(b.plain) == 0 || b.plain[0] != pageVersion {
		return nil, fmt.Errorf("%w from %d", ErrUnreadable, p.From)
	}
	r := reader{s: string(b.plain[1:])}
	b.texts = b.texts[:0]
	for r.s != "" && !r.bad {
		b.texts = append(b.texts, r.text())
	}
	if r.bad || len(b.texts) != p.Count {
		return nil, fmt.Errorf("%w from %d", ErrUnreadable, p.From)
	}
	return b.texts, nil
}

// OpenPage reads the recipients of a page.
func OpenPage(key *seal.Key, audienceNo int64, p RecipientPage) ([]Recipient, error) {
	return new(Book).Open(key, audienceNo, p)
}

// Book is memory in which one page after another is opened.
type Book struct {
	plain  []byte
	texts  []string
	people []Recipient
	slabs  decoding
}

// Open reads the recipients of a page. They are good until the next one is opened.
func (b *Book) Open(key *seal.Key, audienceNo int64, p RecipientPage) ([]Recipient, error) {
	records, err := b.records(key, audienceNo, p)
	if err != nil {
		return nil, err
	}
	b.people = slices.Grow(b.people[:0], len(records))[:len(records)]
	clear(b.people)
	b.slabs.lists, b.slabs.push = b.slabs.lists[:0], b.slabs.push[:0]
	for i, record := range records {
		r := &b.people[i]
		r.Seq = p.From + int64(i)
		if err := b.slabs.recipient(record, r); err != nil {
			return nil, fmt.Errorf("recipient %d: %w", r.Seq, err)
		}
	}
	return b.people, nil
}

// PageLeaves are the leaves of a page's recipients in their audience's snapshot root: a keyed commitment
// to the very bytes that are sealed, personal values included.
func PageLeaves(key *seal.Key, audienceNo int64, p RecipientPage) ([][]byte, error) {
	records, err := new(Book).records(key, audienceNo, p)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(records))
	for i, record := range records {
		out[i] = key.Leaf([]byte(record))
	}
	return out, nil
}

// RecipientsAt reads the recipients at some sequences, in order. Each page is opened once, and nothing of it is kept
// but those who are wanted: they may be few in each of thousands of pages.
func RecipientsAt(ctx context.Context, tx Tx, key *seal.Key, audienceNo int64, seqs []int64) (_ []Recipient, err error) {
	seqs = slices.Compact(slices.Sorted(slices.Values(seqs)))
	out := make([]Recipient, 0, len(seqs))
	var book Book
	var slabs decoding
	var pages []RecipientPage
	for _, w := range windows(seqs) {
		if pages, err = tx.Pages(ctx, pages[:0], audienceNo, w[0], w[1]); err != nil {
			return nil, err
		}
		for _, p := range pages {
			from, _ := slices.BinarySearch(seqs, p.From)
			to, _ := slices.BinarySearch(seqs, p.From+int64(p.Count))
			if from == to {
				continue
			}
			records, err := book.records(key, audienceNo, p)
			if err != nil {
				return nil, err
			}
			for _, seq := range seqs[from:to] {
				out = append(out, Recipient{Seq: seq})
				if err := slabs.recipient(strings.Clone(records[seq-p.From]), &out[len(out)-1]); err != nil {
					return nil, fmt.Errorf("recipient %d: %w", seq, err)
				}
			}
		}
	}
	return out, nil
}
