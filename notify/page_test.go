package notify

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/seal"
)

func someRecipient(t *rapid.T) Recipient {
	text := rapid.StringMatching(`[a-z姓 "\\]{0,6}`)
	texts := rapid.SliceOfN(text, 0, 3)
	pairs := rapid.MapOfN(text, text, 0, 3)
	r := Recipient{
		PersonKey: text.Draw(t, "key"), Name: text.Draw(t, "name"), Locale: text.Draw(t, "locale"), Jurisdiction: text.Draw(t, "jurisdiction"),
		Zone: text.Draw(t, "zone"), Emails: texts.Draw(t, "emails"), Phones: texts.Draw(t, "phones"), Data: texts.Draw(t, "data"),
		Deceased: rapid.Bool().Draw(t, "deceased"), Business: rapid.Bool().Draw(t, "business"), Brand: text.Draw(t, "brand"),
		Former: rapid.Bool().Draw(t, "former"), NoApp: rapid.Bool().Draw(t, "app"), Safe: rapid.Bool().Draw(t, "safe"),
		Shared: texts.Draw(t, "shared"), VerifiedAt: pairs.Draw(t, "verified"), OptedOut: rapid.Bool().Draw(t, "out"),
		Channels: texts.Draw(t, "channels"), Burnt: texts.Draw(t, "burnt"), Vars: pairs.Draw(t, "vars"), Role: text.Draw(t, "role"),
		Minor:    rapid.Ptr(rapid.Bool(), true).Draw(t, "minor"),
		Customer: rapid.Ptr(text, true).Draw(t, "customer"),
		line:     rapid.SampledFrom([]string{"", strings.Repeat("x", indexSize)}).Draw(t, "line"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "devices") {
		r.Push = append(r.Push, PushTarget{Provider: text.Draw(t, "provider"), Target: "DEVICE", ID: text.Draw(t, "id")})
	}
	return r
}

// whole is r as it comes back: what is empty is not there.
func whole(r Recipient) Recipient {
	for _, list := range []*[]string{&r.Emails, &r.Phones, &r.Data, &r.Shared, &r.Channels, &r.Burnt} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	for _, m := range []*map[string]string{&r.VerifiedAt, &r.Vars} {
		if len(*m) == 0 {
			*m = nil
		}
	}
	return r
}

func TestPageGivesBackWhoIsInIt(t *testing.T) {
	key := incidentKey(t)
	var book Book
	rapid.Check(t, func(t *rapid.T) {
		const from = 3 * PageSize
		var want []Recipient
		plain := []byte{pageVersion}
		var records [][]byte
		for i := range rapid.IntRange(1, 20).Draw(t, "people") {
			r := someRecipient(t)
			records = append(records, appendRecipient(nil, &r))
			plain = appendCounted(plain, records[i])
			r.Seq = from + int64(i)
			want = append(want, whole(r))
		}
		p := sealPage(key, 7, from, len(want), plain)
		require.Equal(t, len(want), p.Count)
		got, err := OpenPage(key, 7, p)
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = book.Open(key, 7, p)
		require.NoError(t, err)
		require.Equal(t, want, got, "in memory that held other people")
		leaves, err := PageLeaves(key, 7, p)
		require.NoError(t, err)
		for i, record := range records {
			require.Equal(t, key.Leaf(record), leaves[i])
			leaf := key.Hasher().Leaf(record)
			require.Equal(t, leaves[i], leaf[:])
		}

		_, err = OpenPage(key, 8, p)
		require.ErrorIs(t, err, ErrUnreadable, "another audience's")
		require.ErrorIs(t, err, seal.ErrOpen)
		p.From += PageSize
		_, err = OpenPage(key, 7, p)
		require.ErrorIs(t, err, ErrUnreadable, "put in another page's place")
		p.From, p.Count = from, p.Count+1
		_, err = OpenPage(key, 7, p)
		require.ErrorIs(t, err, ErrUnreadable, "somebody is missing")
	})
}

// onlyPages is a store of recipients.
type onlyPages struct {
	Tx
	pages []RecipientPage
}

func (o onlyPages) Pages(_ context.Context, pages []RecipientPage, _, from, to int64) ([]RecipientPage, error) {
	return append(pages, o.pages[from/PageSize:(to-1)/PageSize+1]...), nil
}

// TestOfManyPagesOnlyTheWantedAreKept: retries are few in each of thousands of pages.
func TestOfManyPagesOnlyTheWantedAreKept(t *testing.T) {
	const pages = 400
	key := incidentKey(t)
	plain := []byte{pageVersion}
	for i := range PageSize {
		r := Recipient{PersonKey: strconv.Itoa(i), Emails: []string{"somebody@example.com"}, Name: strings.Repeat("n", 100)}
		plain = appendCounted(plain, appendRecipient(nil, &r))
	}
	var store onlyPages
	var seqs []int64
	for i := range int64(pages) {
		store.pages = append(store.pages, sealPage(key, 7, i*PageSize, PageSize, plain))
		seqs = append(seqs, i*PageSize+i%PageSize)
	}
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	people, err := RecipientsAt(t.Context(), store, key, 7, seqs)
	require.NoError(t, err)
	after := held()
	require.Len(t, people, pages)
	for i, p := range people {
		require.Equal(t, Recipient{Seq: seqs[i], PersonKey: strconv.Itoa(i % PageSize), Emails: []string{"somebody@example.com"}, Name: p.Name}, p)
	}
	require.Less(t, int64(after)-int64(before), int64(pages*4000), "bytes: a page has ten times as many")
}

func FuzzRecipientForm(f *testing.F) {
	minor := true
	f.Add(appendRecipient(nil, &Recipient{PersonKey: "u-1", Emails: []string{"a@example.com"}, Minor: &minor, Vars: map[string]string{"a": "b"}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, record []byte) {
		var d decoding
		var r Recipient
		if d.recipient(string(record), &r) != nil {
			return
		}
		var again Recipient
		require.NoError(t, d.recipient(string(appendRecipient(nil, &r)), &again))
		require.Equal(t, whole(r), whole(again))
	})
}

func BenchmarkOpenPage(b *testing.B) {
	key := incidentKey(b)
	records := []byte{pageVersion}
	for range PageSize {
		records = appendCounted(records, appendRecipient(nil, &Recipient{
			PersonKey: "u-1029", Name: "Example Person", Locale: "zh-Hans", Jurisdiction: "CN-SH", Zone: "Asia/Shanghai",
			Emails: []string{"person1029@example.com"}, Phones: []string{"+8613900000001"}, Data: []string{"name", "phone"},
		}))
	}
	p := sealPage(key, 1, 0, PageSize, records)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenPage(key, 1, p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*PageSize), "ns/person")
}
