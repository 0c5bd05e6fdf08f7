package notify_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
)

func TestImportKeepsEachPersonOnce(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	b.WriteString("\xef\xbb\xbfperson_key,name,email,phone,locale\r\n")
	for i := range 2500 { // the last thousand repeat the people of the first batch, each second one
		key := i
		if i >= 1500 && i%2 == 0 {
			key = i - 1500
		}
		fmt.Fprintf(&b, "u-%d,Example Person,p%d@example.com,1390000%04d,zh-CN\r\n", key, i, i)
	}
	b.WriteString("u-9000,Planted Name,planted at example.com,,\r\n")
	b.WriteString("u-9001,\"Planted Name,planted@example.com,,\r\n")

	var seen []int64
	a, err := w.service.Import(w.ctx, rui, w.id, `C:\lists\people.csv`, "csv", strings.NewReader(b.String()),
		func(a notify.Audience) { seen = append(seen, a.Rows) })
	require.NoError(t, err)
	require.Equal(t, notify.Ready, a.State)
	require.Equal(t, []int64{2502, 2000, 2, 500}, []int64{a.Rows, a.Total, a.Rejected, a.Duplicates})
	require.Equal(t, map[string]int64{"email": 2000, "sms": 2000}, a.ByChannel)
	require.Equal(t, "people.csv", a.Name)
	require.True(t, slices.IsSorted(seen), seen)
	require.EqualValues(t, 2502, seen[len(seen)-1])

	rejects, err := w.service.Rejects(w.ctx, audit, a.ID, 0, 1000)
	require.NoError(t, err)
	require.Len(t, rejects, 502)
	last := rejects[len(rejects)-2:]
	require.Equal(t, []any{int64(2502), "email", "email"}, []any{last[0].Line, last[0].Pointer, last[0].Rule})
	require.Equal(t, []any{int64(2503), "", "csv"}, []any{last[1].Line, last[1].Pointer, last[1].Rule})
	require.Equal(t, "duplicate", rejects[0].Rule)
	require.NotContains(t, fmt.Sprint(rejects), "lanted")

	w.snapshot(a)
}

// snapshot computes an audience's root again from what is sealed and finds no gap in its sequence.
func (w *world) snapshot(a notify.Audience) (people []notify.Recipient) {
	w.t.Helper()
	require.NoError(w.t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
		key, err := tx.Key(w.ctx, w.id)
		require.NoError(w.t, err)
		pages, err := tx.Pages(w.ctx, nil, a.No, 0, a.Total+1)
		require.NoError(w.t, err)
		var root evidence.Root
		for i, p := range pages {
			require.EqualValues(w.t, i*notify.PageSize, p.From)
			leaves, err := notify.PageLeaves(key, a.No, p)
			require.NoError(w.t, err)
			for _, l := range leaves {
				root.Add(l)
			}
			some, err := notify.OpenPage(key, a.No, p)
			require.NoError(w.t, err)
			people = append(people, some...)
		}
		require.Equal(w.t, a.Total, root.Len())
		require.Equal(w.t, a.Root, root.Hex())
		return nil
	}))
	return people
}

func TestImportNDJSONIsFoundByPerson(t *testing.T) {
	w := newWorld(t)
	a, err := w.service.Import(w.ctx, rui, w.id, "people.ndjson", "ndjson", strings.NewReader(`
{"person_key":"u-1","emails":["One@Example.com"],"guardians":[{"name":"Example Parent","phones":["13900000009"]}],"minor":true}
{"emails":["shared@example.com"],"phones":["13900000002"]}
{"person_key":"u-3","emails":["shared@example.com"]}
{"emails":["shared@example.com"],"phones":["13900000004"]}
{"nickname":"x"}
`), nil)
	require.NoError(t, err)
	require.Equal(t, []int64{5, 3, 1, 1}, []int64{a.Rows, a.Total, a.Rejected, a.Duplicates})
	people := w.snapshot(a)
	require.Equal(t, []string{"+8613900000009", "guardian"}, []string{people[0].Phones[0], people[0].Role})
	require.NoError(t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
		key, err := tx.Key(w.ctx, w.id)
		require.NoError(t, err)
		var found []int64
		for _, index := range notify.SearchIndex(key, "", "SHARED@example.com") {
			seqs, err := tx.RecipientSeqs(w.ctx, a.No, index)
			require.NoError(t, err)
			found = append(found, seqs...)
		}
		require.Equal(t, []int64{1, 2}, found, "people who share an address are two")
		return nil
	}))
}

func TestImportThatBreaksOffCannotBeSentTo(t *testing.T) {
	w := newWorld(t)
	d := w.propose(individuals, notify.Policy{Quorum: 1})
	cut := io.MultiReader(strings.NewReader("email\n"+strings.Repeat("one@example.com\n", 1500)), iotest.ErrReader(errors.New("cut off")))
	a, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", cut, nil)
	require.ErrorContains(t, err, "cut off")
	require.Equal(t, notify.Broken, a.State)
	w.fault(incident.Conflict, second(w.service.Submit(w.ctx, rui, d.ID, d.Version, "")))
	w.fault(incident.Conflict, second(w.service.Submit(w.ctx, rui, d.ID, d.Version, a.ID)))

	a, err = w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader("email\nnobody\n"), nil)
	require.NoError(t, err)
	require.Equal(t, []any{notify.Broken, int64(1)}, []any{a.State, a.Rejected})
	require.NotEmpty(t, a.Error)

	w.fault(incident.Unsupported, second(w.service.Import(w.ctx, rui, w.id, "x", "xlsx", strings.NewReader(""), nil)))
	w.fault(incident.Invalid, second(w.service.Import(w.ctx, rui, w.id, "x", "csv", strings.NewReader(""), nil)))
	w.fault(incident.NotFound, second(w.service.Import(w.ctx, rui, "inc_none", "x", "ndjson", strings.NewReader(""), nil)))
	w.fault(incident.Forbidden, second(w.service.Import(w.ctx, audit, w.id, "x", "ndjson", strings.NewReader(""), nil)))
}

func TestImportOfAProcessThatDiedIsFailed(t *testing.T) {
	w := newWorld(t)
	lost := notify.Audience{ID: evidence.NewID("aud"), Incident: w.id, State: notify.Importing, UpdatedAt: w.clock.Now()}
	w.do(rui, func(tx notify.Tx) (err error) {
		lost.No, err = tx.InsertAudience(w.ctx, lost)
		return err
	})
	ready := w.audience()
	n, err := w.service.FailBroken(w.ctx, system, w.clock.Now())
	require.NoError(t, err)
	require.Zero(t, n, "another process may still be at it")
	w.clock.Advance(time.Minute)
	n, err = w.service.FailBroken(w.ctx, system, w.clock.Now())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	all, err := w.service.Audiences(w.ctx, audit, w.id)
	require.NoError(t, err)
	require.Equal(t, []string{ready.ID, lost.ID}, []string{all[0].ID, all[1].ID})
	require.Equal(t, []notify.AudienceState{notify.Ready, notify.Broken}, []notify.AudienceState{all[0].State, all[1].State})
}
