package notify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/templates"
)

// first is the policy of a first report: what the law lets be unknown may stay so.
func first(p notify.Policy) notify.Policy {
	p.Quorum, p.Requirements = 1, []templates.Requirement{
		{ID: "pipl-1a", Block: "pipl-1a", Law: "个人信息保护法", Article: "57"},
		{ID: "pipl-1b", Block: "pipl-1b", Law: "个人信息保护法", Article: "57", MayBeOpen: true},
	}
	return p
}

func (w *world) filing(id string, state notify.FilingState) notify.Filing {
	return notify.Filing{Report: id, State: state, FiledAt: w.clock.Now(), Contact: "Duty desk"}
}

func (w *world) view(id string) notify.DocumentView {
	w.t.Helper()
	v, err := w.service.Document(w.ctx, audit, id)
	require.NoError(w.t, err)
	return v
}

func TestAuthorityReturnsAReport(t *testing.T) {
	w := newWorld(t)
	d := w.edited(w.propose(authority, notify.Policy{Quorum: 1}))
	v, err := w.service.Submit(w.ctx, rui, d.ID, d.Version, "")
	require.NoError(t, err)
	_, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	for _, state := range []notify.FilingState{notify.Spoken, notify.Written, notify.Confirmed} {
		_, err = w.service.RecordFiling(w.ctx, rui, w.filing(d.ID, state), nil)
		require.NoError(t, err)
	}
	back := w.filing(d.ID, notify.ReturnedBy)
	f := w.fault(incident.Invalid, second(w.service.RecordFiling(w.ctx, rui, back, nil)))
	require.Equal(t, "/note", f.Problems[0].Pointer)
	back.Note = "The place is missing"
	require.NoError(t, second(w.service.RecordFiling(w.ctx, rui, back, nil)))
	v = w.view(d.ID)
	require.Equal(t, []any{notify.DocReturned, "The place is missing"}, []any{v.State, v.ReturnReason})
	w.fault(incident.Conflict, second(w.service.RecordFiling(w.ctx, rui, w.filing(d.ID, notify.Written), nil)))

	old := v.Digest.All
	v, err = w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Subject: map[string]string{"zh-Hans": "更正后的报告"}})
	require.NoError(t, err)
	v, err = w.service.Submit(w.ctx, rui, d.ID, v.Version, "")
	require.NoError(t, err)
	require.NotEqual(t, old, v.Digest.All, "the new version needs its own approval")
	w.fault(incident.Stale, second(w.service.Approve(w.ctx, an, d.ID, old, "")))
	_, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.NoError(t, second(w.service.RecordFiling(w.ctx, rui, w.filing(d.ID, notify.Written), nil)))
	chain, err := w.service.Filings(w.ctx, audit, d.ID)
	require.NoError(t, err)
	var states []notify.FilingState
	for _, f := range chain {
		states = append(states, f.State)
	}
	require.Equal(t, []notify.FilingState{notify.Spoken, notify.Written, notify.Confirmed, notify.ReturnedBy, notify.Written}, states)
	require.Equal(t, []string{old, v.Digest.All}, []string{chain[1].Digest, chain[4].Digest}, "each filing names the words that were filed")
}

func until(w *world, d time.Duration) *time.Time {
	at := w.clock.Now().Add(d)
	return &at
}

func officer() evidence.Scope {
	sc := person("usr_duty", "responder")
	sc.Teams = []string{"duty-officer"}
	return sc
}

func TestNobodyFilesAheadWithoutAStandingAuthorisation(t *testing.T) {
	duty := officer()
	for name, c := range map[string]struct {
		by      evidence.Scope
		policy  func(w *world) notify.Policy
		refused incident.FaultKind
	}{
		"nobody is authorised": {duty, func(*world) notify.Policy { return notify.Policy{} }, incident.Conflict},
		"another team": {rui, func(*world) notify.Policy {
			return notify.Policy{Standing: []notify.Standing{{Teams: []string{"duty-officer"}}}}
		}, incident.Conflict},
		"it has ended": {duty, func(w *world) notify.Policy {
			return notify.Policy{Standing: []notify.Standing{{Teams: []string{"duty-officer"}, Until: until(w, 0)}}}
		}, incident.Conflict},
		"a person without the permission to work": {person("usr_aud", "auditor"), func(*world) notify.Policy {
			return notify.Policy{Standing: []notify.Standing{{Users: []string{"usr_aud"}}}}
		}, incident.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.propose(authority, first(c.policy(w)))
			w.fault(c.refused, second(w.service.RecordFiling(w.ctx, c.by, w.filing(d.ID, notify.Written), nil)))
			require.Equal(t, notify.DocDraft, w.view(d.ID).State)
		})
	}

}

func TestStandingAuthorisation(t *testing.T) {
	duty := officer()
	authorised := func(w *world) notify.Document {
		w.amend(`{"cause": null}`) // not found yet: the law lets that be
		return w.propose(authority, first(notify.Policy{Standing: []notify.Standing{{Teams: []string{"duty-officer"}, Until: until(w, time.Hour)}}}))
	}
	t.Run("an item of the minimum is empty", func(t *testing.T) {
		w := newWorld(t)
		w.amend(`{"data": null}`)
		d := authorised(w)
		f := w.fault(incident.Invalid, second(w.service.RecordFiling(w.ctx, duty, w.filing(d.ID, notify.Written), nil)))
		require.Equal(t, "pipl-1a", f.Problems[0].Rule)
		require.Equal(t, d.Version, w.view(d.ID).Version, "nothing is stored")
	})
	t.Run("filed, then approved", func(t *testing.T) {
		w := newWorld(t)
		d := authorised(w)
		filed, err := w.service.RecordFiling(w.ctx, duty, w.filing(d.ID, notify.Written), nil)
		require.NoError(t, err)
		v := w.view(d.ID)
		require.True(t, filed.Standing)
		require.Equal(t, []any{notify.DocFiled, "usr_duty", filed.Digest, 1}, []any{v.State, v.Ahead, v.Digest.All, v.Needed})
		require.Empty(t, v.Gaps, "who files answers for what stays open")
		queue, err := w.service.Queue(w.ctx, an, incident.Page{})
		require.NoError(t, err)
		require.Len(t, queue, 1, "the review is in the approvers' queue")
		require.True(t, queue[0].CanApprove)
		w.fault(incident.Conflict, second(w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Refresh: true})))
		w.fault(incident.Conflict, second(w.service.Withdraw(w.ctx, rui, d.ID, "gone wrong")))
		w.fault(incident.Stale, second(w.service.Approve(w.ctx, an, d.ID, "other words", "")))
		v, err = w.service.Approve(w.ctx, an, d.ID, filed.Digest, "as I would have")
		require.NoError(t, err)
		require.Equal(t, []any{notify.DocFiled, "", 0}, []any{v.State, v.Ahead, v.Needed})
		queue, err = w.service.Queue(w.ctx, an, incident.Page{})
		require.NoError(t, err)
		require.Empty(t, queue)
		w.fault(incident.Conflict, second(w.service.Return(w.ctx, an, d.ID, "too late")))
	})
	t.Run("called, then approved and written", func(t *testing.T) {
		w := newWorld(t)
		d := authorised(w)
		require.True(t, func() bool { v, err := w.service.Document(w.ctx, duty, d.ID); return err == nil && v.FileAhead }())
		said, err := w.service.RecordFiling(w.ctx, duty, w.filing(d.ID, notify.Spoken), nil)
		require.NoError(t, err)
		v := w.view(d.ID)
		require.Equal(t, []any{notify.DocSubmitted, said.Digest}, []any{v.State, v.Digest.All}, "what was said is fixed")
		w.fault(incident.Forbidden, second(w.service.Approve(w.ctx, person("usr_duty", "approver"), d.ID, said.Digest, "")))
		v, err = w.service.Approve(w.ctx, an, d.ID, said.Digest, "")
		require.NoError(t, err)
		require.Equal(t, []any{notify.DocApproved, ""}, []any{v.State, v.Ahead})
		require.NoError(t, second(w.service.RecordFiling(w.ctx, duty, w.filing(d.ID, notify.Written), nil)))
	})
	t.Run("the review rejects it", func(t *testing.T) {
		w := newWorld(t)
		d := authorised(w)
		require.NoError(t, second(w.service.RecordFiling(w.ctx, duty, w.filing(d.ID, notify.Spoken), nil)))
		require.NoError(t, second(w.service.RecordFiling(w.ctx, duty, w.filing(d.ID, notify.Written), nil)))
		v, err := w.service.Return(w.ctx, an, d.ID, "The grade is wrong")
		require.NoError(t, err)
		require.Equal(t, []any{notify.DocReturned, "", true}, []any{v.State, v.Ahead, v.Filings[0].Standing})
		require.Contains(t, w.ledger(1), "document.returned")
		_, err = w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Subject: map[string]string{"zh-Hans": "更正后的报告"}})
		require.NoError(t, err, "a correction is an edit like any other")
	})
}
