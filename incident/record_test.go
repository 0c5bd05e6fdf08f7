package incident_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/incidenttest"
	"tocsin/internal/clock"
)

var (
	start  = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	tool   = evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_1"}}
	person = evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: "usr_lin"}}
)

type bench struct {
	t     require.TestingT
	store *incidenttest.Store
	clock *clock.Fake
}

func newBench(t require.TestingT) *bench {
	clk := clock.NewFake(start)
	return &bench{t, incidenttest.New(clk), clk}
}

func (b *bench) record(sc evidence.Scope, f incident.Finding) incident.Recorded {
	var r incident.Recorded
	require.NoError(b.t, b.store.InTx(context.Background(), sc, func(tx incident.Tx) (err error) {
		r, err = incident.Record(context.Background(), tx, f)
		return err
	}))
	return r
}

func (b *bench) amend(sc evidence.Scope, id incident.ID, a incident.Amendment) incident.Recorded {
	var r incident.Recorded
	require.NoError(b.t, b.store.InTx(context.Background(), sc, func(tx incident.Tx) (err error) {
		r, err = incident.Amend(context.Background(), tx, id, a)
		return err
	}))
	return r
}

func (b *bench) load(id incident.ID) (inc incident.Incident, s incident.Snapshot) {
	require.NoError(b.t, b.store.View(context.Background(), person, func(tx incident.Tx) (err error) {
		inc, s, err = incident.Load(context.Background(), tx, id)
		return err
	}))
	return inc, s
}

func finding(facts ...any) incident.Finding {
	f := incident.Finding{Format: "native", Identity: "k", Title: "Leak", Source: incident.Source{Tool: "siem"}}
	for i := 0; i < len(facts); i += 2 {
		f.Facts = append(f.Facts, incident.FactInput{Path: facts[i].(string), Value: facts[i+1], Pointer: "/facts/x"})
	}
	return f
}

func TestARepeatChangesNothingAndAChangeIsARevision(t *testing.T) {
	b := newBench(t)
	first := b.record(tool, finding("people.count", int64(5)))
	require.True(t, first.Created)
	require.EqualValues(t, 1, first.Revision)
	for range 5 {
		b.clock.Advance(time.Minute)
		r := b.record(tool, finding("people.count", int64(5)))
		require.Equal(t, incident.Recorded{ID: first.ID, Revision: 1}, r)
	}
	require.Len(t, b.store.Emitted(), 1)
	r := b.record(tool, finding("people.count", int64(6)))
	require.Equal(t, []string{"people.count"}, r.Changed)
	require.EqualValues(t, 2, r.Revision)
	inc, s := b.load(first.ID)
	require.EqualValues(t, 2, inc.Revision)
	require.EqualValues(t, 6, s.Facts["people.count"].Value)
	require.EqualValues(t, 1, s.Facts["title"].Revision, "an affirmed fact keeps its revision")
	require.Equal(t, "2026-03-01T02:00:00Z", s.Facts["first_signal_at"].Value)
	require.Equal(t, []string{"incident.recorded", "incident.revised"}, []string{b.store.Emitted()[0].Kind, b.store.Emitted()[1].Kind})
}

func TestAPersonBeatsATool(t *testing.T) {
	b := newBench(t)
	id := b.record(tool, finding("people.count", int64(5))).ID
	b.clock.Advance(time.Minute)
	r := b.amend(person, id, incident.Amendment{Reason: "counted", Facts: []incident.FactInput{{Path: "people.count", Value: int64(7)}}})
	require.Equal(t, []string{"people.count"}, r.Changed)
	b.clock.Advance(time.Minute)
	r = b.record(tool, finding("people.count", int64(9)))
	require.Empty(t, r.Changed)
	_, s := b.load(id)
	require.EqualValues(t, 7, s.Facts["people.count"].Value)
	require.EqualValues(t, 2, s.Revision)
	require.Equal(t, "counted", s.Facts["reason"].Value)
	r = b.amend(person, id, incident.Amendment{Facts: []incident.FactInput{{Path: "people.count"}}})
	require.Equal(t, []string{"people.count"}, r.Changed)
	_, s = b.load(id)
	require.NotContains(t, s.Object(), "people", "null of a person: now unknown, whatever tools say")
}

func TestWhatOnlyAPersonDecides(t *testing.T) {
	b := newBench(t)
	r := b.record(tool, finding("aware_at", "2026-03-01T01:00:00Z", "closed_at", "2026-03-01T01:00:00Z", "harm", "possible"))
	require.Len(t, r.Warnings, 2)
	require.Equal(t, "person-only", r.Warnings[0].Rule)
	_, s := b.load(r.ID)
	require.NotContains(t, s.Facts, "aware_at")
	require.NotContains(t, s.Facts, "closed_at")
	r = b.amend(person, r.ID, incident.Amendment{Facts: []incident.FactInput{{Path: "aware_at", Value: "2026-03-01T01:00:00Z"}}})
	require.Equal(t, []string{"aware_at"}, r.Changed)
	f := finding("aware_at", "2026-03-01T01:00:00Z")
	f.Identity = ""
	_, s = b.load(b.record(person, f).ID)
	require.Equal(t, "person", s.Facts["aware_at"].Source)
}

func TestFirstSignal(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*incident.Finding)
		want   any
		warned bool
	}{
		"receipt":            {func(*incident.Finding) {}, "2026-03-01T02:00:00Z", false},
		"earlier in payload": {func(f *incident.Finding) { f.Facts = finding("first_signal_at", "2026-02-28").Facts }, "2026-02-28", false},
		"later in payload": {func(f *incident.Finding) { f.Facts = finding("first_signal_at", "2026-03-02").Facts },
			"2026-03-01T02:00:00Z", true},
		"hint":     {func(f *incident.Finding) { f.DetectedAt = start.Add(-time.Hour) }, "2026-03-01T01:00:00Z", false},
		"imported": {func(f *incident.Finding) { f.Mode = incident.Imported }, nil, false},
	} {
		b := newBench(t)
		f := finding()
		c.change(&f)
		r := b.record(tool, f)
		_, s := b.load(r.ID)
		require.Equal(t, c.want, s.Facts["first_signal_at"].Value, name)
		require.Equal(t, c.warned, len(r.Warnings) > 0, name)
		require.NotContains(t, s.Facts, "aware_at", name)
	}
}

func TestDisagreementIsAnOpenQuestion(t *testing.T) {
	say := func(source, who string, value any, at time.Time) incident.Fact {
		return incident.Fact{Path: "harm", Value: value, Source: source, At: at, Actor: evidence.Actor{ID: who}}
	}
	two := []incident.Fact{say("siem", "", "possible", start), say("edr", "", "actual", start.Add(time.Hour))}
	s := incident.Resolve(two)
	require.Equal(t, "actual", s.Facts["harm"].Value)
	require.Len(t, s.Disagreements, 1)
	require.Len(t, s.Disagreements[0].Facts, 2)

	decided := incident.Resolve(append(two, say("person", "lin", "possible", start)))
	require.Empty(t, decided.Disagreements)
	require.Equal(t, "possible", decided.Facts["harm"].Value)

	corrected := incident.Resolve([]incident.Fact{say("person", "lin", "possible", start), say("person", "wu", "none", start.Add(1))})
	require.Empty(t, corrected.Disagreements, "a later word corrects an earlier one")
	atOnce := incident.Resolve([]incident.Fact{say("person", "lin", "possible", start), say("person", "wu", "none", start)})
	require.Len(t, atOnce.Disagreements, 1)
}

func TestFindingsAreChecked(t *testing.T) {
	b := newBench(t)
	f := finding("no.such", "SECRET")
	f.Title, f.Operator = " \x00", "evil"
	err := b.store.InTx(context.Background(), tool, func(tx incident.Tx) error {
		_, err := incident.Record(context.Background(), tx, f)
		return err
	})
	var fault *incident.Fault
	require.True(t, errors.As(err, &fault))
	require.Len(t, fault.Problems, 3)
	require.NotContains(t, err.Error(), "SECRET")
	require.Empty(t, b.store.All())
}

func TestTitlesAndLedgerHoldNoPersonalData(t *testing.T) {
	b := newBench(t)
	f := finding("ransom.method", "call 13900000000")
	f.Title, f.Summary = "User 13900000000 complained", "13900000000"
	f.Original = &incident.Original{Reader: "native/1", Body: []byte("13900000000")}
	r := b.record(tool, f)
	require.Equal(t, "personal-data", r.Warnings[0].Rule)
	inc, _ := b.load(r.ID)
	require.Equal(t, "User [masked] complained", inc.Title)
	require.NotContains(t, fmt.Sprint(b.store.Emitted(), b.store.Drafts()[0].Refs), "1390")
	require.Contains(t, b.store.Drafts()[0].Commit, "fact:ransom.method")
	require.Len(t, b.store.Kept(), 1)
	title := "x" + strings.Repeat("长", 400)
	b.amend(person, r.ID, incident.Amendment{Title: &title})
	inc, _ = b.load(r.ID)
	require.Len(t, []rune(inc.Title), 300)
}

// Whatever order and however often the states of a history arrive, the same is held true in the end.
func TestAnyOrderAndRepetitionGivesTheSameFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var history []incident.Finding
		for i := range rapid.IntRange(1, 6).Draw(t, "states") {
			f := finding()
			f.Title = rapid.SampledFrom([]string{"A", "B"}).Draw(t, "title")
			f.RevisedAt = start.Add(-time.Duration(100-i) * time.Minute)
			f.Summary = rapid.SampledFrom([]string{"", "s", "t"}).Draw(t, "summary")
			for _, path := range []string{"records", "people.count", "jurisdictions.CN"} {
				switch n := rapid.IntRange(-2, 2).Draw(t, path); {
				case n >= 0:
					f.Facts = append(f.Facts, incident.FactInput{Path: path, Value: int64(n)})
				case n == -1:
					f.Facts = append(f.Facts, incident.FactInput{Path: path})
				}
			}
			history = append(history, f)
		}
		inOrder, shuffled := newBench(t), newBench(t)
		var id incident.ID
		for _, f := range history {
			id = inOrder.record(tool, f).ID
		}
		posts := append(rapid.Permutation(history).Draw(t, "order"), rapid.SliceOfN(rapid.SampledFrom(history), 0, 4).Draw(t, "again")...)
		for _, f := range posts {
			shuffled.clock.Advance(time.Second)
			shuffled.record(tool, f)
		}
		require.Len(t, shuffled.store.All(), 1)
		got, held := shuffled.load(shuffled.store.All()[0].ID)
		want, expected := inOrder.load(id)
		require.Equal(t, want.Title, got.Title)
		require.Equal(t, want.Summary, got.Summary)
		a, b := expected.Object(), held.Object()
		delete(a, "first_signal_at") // receipt
		delete(b, "first_signal_at")
		require.Equal(t, a, b)
	})
}

func TestResolveIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) incident.Fact {
			return incident.Fact{
				Path: rapid.SampledFrom([]string{"harm", "records"}).Draw(t, "path"), Value: rapid.SampledFrom([]any{nil, int64(1), int64(2)}).Draw(t, "value"),
				Source: rapid.SampledFrom([]string{"siem", "edr", "person", "tocsin", "receipt"}).Draw(t, "source"),
				Actor:  evidence.Actor{ID: rapid.SampledFrom([]string{"lin", "wu"}).Draw(t, "actor")},
				At:     start.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at")) * time.Hour),
			}
		})).Draw(t, "facts")
		want := incident.Resolve(facts)
		got := incident.Resolve(append(rapid.Permutation(facts).Draw(t, "order"), facts...))
		require.Equal(t, want.Object(), got.Object())
		require.Len(t, got.Disagreements, len(want.Disagreements))
	})
}
