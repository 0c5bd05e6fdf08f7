package notify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
)

// delta imports people by number, leaving out those of a base.
func (w *world) delta(base string, numbers ...int) notify.Audience {
	w.t.Helper()
	var lines strings.Builder
	for _, i := range numbers {
		fmt.Fprintf(&lines, "{\"person_key\":\"u-%d\",\"emails\":[\"u%d@example.com\"]}\n", i, i)
	}
	a, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Name: "later.ndjson", Format: "ndjson", Reader: strings.NewReader(lines.String()), Base: base})
	require.NoError(w.t, err)
	return a
}

func TestPeopleFoundLaterAreToldTheSameWordsOnce(t *testing.T) {
	w := newWorld(t)
	people := w.people(10)
	first := w.releasedTo(people, notify.Course{})
	require.Equal(t, 10, w.step(first, all(notify.ClassAccepted)))
	w.step(first, nil)

	w.fault(incident.Conflict, second(w.service.Extend(w.ctx, rui, first.Notice, w.delta("", 5, 10).ID)))
	late := w.delta(people.ID, 5, 10, 11)
	require.EqualValues(t, []int64{2, 1}, []int64{late.Total, late.Duplicates})
	w.fault(incident.Forbidden, second(w.service.Extend(w.ctx, tool, first.Notice, late.ID)))
	w.amend(`{"people": {"count": 12002, "certainty": "at_least"}}`) // the words stay what they were
	v, err := w.service.Extend(w.ctx, rui, first.Notice, late.ID)
	require.NoError(t, err)
	require.Equal(t, []any{notify.DocSubmitted, first.Notice, late.ID, []string{"email"}}, []any{v.State, v.Extends, v.Audience, v.Channels})
	require.Equal(t, []string{"usr_rui"}, v.Editors, "who wrote the words still answers for them")
	w.fault(incident.Conflict, second(w.service.Edit(w.ctx, rui, v.ID, v.Version, notify.Edit{Subject: map[string]string{"en": "Other words"}})))
	w.fault(incident.Conflict, second(w.service.Extend(w.ctx, rui, v.ID, late.ID)))

	w.fault(incident.Forbidden, second(w.service.Approve(w.ctx, rui, v.ID, v.Digest.All, "")))
	v, err = w.service.Approve(w.ctx, ai, v.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, notify.DocApproved, v.State)
	p, err := w.service.Dispatch(w.ctx, rui, v.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, p.People.Total)
	require.Equal(t, first.Reference(), p.Reference(), "the number that the page bears")
	require.NoError(t, w.store.View(w.ctx, system, func(tx notify.Tx) error {
		before, err := notify.ApprovedMessages(w.ctx, tx, first)
		require.NoError(t, err)
		after, err := notify.ApprovedMessages(w.ctx, tx, p.Dispatch)
		require.NoError(t, err)
		words := map[string]string{}
		for _, m := range before {
			words[m.Channel+m.Locale] = m.Hash
		}
		for _, m := range after {
			require.Equal(t, words[m.Channel+m.Locale], m.Hash)
		}
		require.Len(t, after, 2, "two locales, and no page")
		return nil
	}))
	require.Equal(t, 2, w.step(p.Dispatch, all(notify.ClassAccepted)))
	together := w.progress(first)
	require.Len(t, together.Additions, 1)
	require.EqualValues(t, []int64{10, 2}, []int64{together.People.Accepted, together.Additions[0].People.Accepted})
	code, err := w.code(p.Dispatch, 1)
	require.NoError(t, err)
	page, ok, err := w.service.Genuine(w.ctx, "acme", code)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, first.Notice, page.Notice, "the page of the notice vouches for its additions")

	w.fault(incident.Conflict, second(w.service.Extend(w.ctx, rui, first.Notice, w.delta(people.ID, 10, 12).ID)))
	again := w.delta(late.ID, 3, 10, 12)
	require.EqualValues(t, 1, again.Total, "neither who is in the delta nor who is in its base")
	_, err = w.service.Extend(w.ctx, rui, first.Notice, again.ID)
	require.NoError(t, err)
}

func (w *world) code(d notify.Dispatch, seq int64) (string, error) {
	key, err := w.db.OperatorKey(w.ctx, "acme")
	return notify.NewCodec(key).Code(d.No, seq), err
}
