package notify

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/templates"
)

var allStates = []DocumentState{DocDraft, DocSubmitted, DocApproved, DocReturned, DocWithdrawn, DocDispatched, DocFiled}

var allSteps = []step{
	stepRedraft, stepEdit, stepSubmit, stepApprove, stepReopen, stepReturn, stepWithdraw, stepDispatch, stepFile,
}

func TestEveryTransition(t *testing.T) {
	allowed := map[DocumentState]map[step]DocumentState{
		DocDraft:     {stepRedraft: DocDraft, stepEdit: DocDraft, stepSubmit: DocSubmitted, stepWithdraw: DocWithdrawn},
		DocReturned:  {stepEdit: DocDraft, stepSubmit: DocSubmitted, stepWithdraw: DocWithdrawn},
		DocSubmitted: {stepEdit: DocDraft, stepApprove: DocApproved, stepReturn: DocReturned, stepWithdraw: DocWithdrawn},
		DocApproved: {stepEdit: DocDraft, stepReopen: DocSubmitted, stepReturn: DocReturned, stepWithdraw: DocWithdrawn,
			stepDispatch: DocDispatched, stepFile: DocFiled},
	}
	for _, kind := range []templates.Kind{templates.Notice, templates.Report} {
		for _, from := range allStates {
			for _, s := range allSteps {
				want, ok := allowed[from][s]
				if s == stepDispatch && kind != templates.Notice || s == stepFile && kind != templates.Report {
					ok = false
				}
				d := Document{Kind: kind, State: from}
				err := d.take(s)
				if !ok {
					require.Errorf(t, err, "%s %s: %s", kind, from, s)
					require.Equal(t, from, d.State)
					continue
				}
				require.NoErrorf(t, err, "%s %s: %s", kind, from, s)
				require.Equal(t, want, d.State)
			}
		}
	}
}

// TestNothingLeavesUnapproved walks documents through any steps: what goes out was approved last, and what
// is out or withdrawn stays so.
func TestNothingLeavesUnapproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Document{Kind: rapid.SampledFrom([]templates.Kind{templates.Notice, templates.Report}).Draw(t, "kind"), State: DocDraft}
		for _, s := range rapid.SliceOf(rapid.SampledFrom(allSteps)).Draw(t, "steps") {
			from := d.State
			if d.take(s) != nil {
				require.Equal(t, from, d.State)
				continue
			}
			require.NotContains(t, []DocumentState{DocWithdrawn, DocDispatched, DocFiled}, from)
			if d.State == DocDispatched || d.State == DocFiled {
				require.Equal(t, DocApproved, from)
			}
			if d.State == DocApproved {
				require.Equal(t, DocSubmitted, from)
			}
		}
	})
}

// TestQuorumCountsOnlyOthers draws any history of approvals: those that count are of this submission and
// this digest, not voided, by different people, and never by an author.
func TestQuorumCountsOnlyOthers(t *testing.T) {
	user := rapid.SampledFrom([]string{"usr_a", "usr_b", "usr_c", "usr_d"})
	rapid.Check(t, func(t *rapid.T) {
		d := Document{
			State: DocSubmitted, Frozen: 3, Digest: Digest{All: "now"},
			Editors: rapid.SliceOfNDistinct(user, 0, 2, rapid.ID).Draw(t, "editors"),
			Policy:  Policy{Quorum: rapid.IntRange(0, 3).Draw(t, "quorum")},
		}
		if rapid.Bool().Draw(t, "by a person") {
			d.Submitter = user.Draw(t, "submitter")
		}
		approval := rapid.Custom(func(t *rapid.T) Approval {
			a := Approval{User: user.Draw(t, "user"), Version: rapid.IntRange(2, 3).Draw(t, "version"),
				Digest: rapid.SampledFrom([]string{"now", "then"}).Draw(t, "digest")}
			if rapid.IntRange(0, 3).Draw(t, "void") == 0 {
				at := time.Unix(0, 0)
				a.VoidedAt = &at
			}
			return a
		})
		all := rapid.SliceOf(approval).Draw(t, "approvals")
		living := d.living(all)
		var users []string
		for _, a := range living {
			require.Nil(t, a.VoidedAt)
			require.Equal(t, "now", a.Digest)
			require.Equal(t, 3, a.Version)
			require.NotContains(t, d.authors(), a.User)
			require.NotContains(t, users, a.User)
			users = append(users, a.User)
		}
		require.GreaterOrEqual(t, d.quorum(), max(1, d.Policy.Quorum))
		if len(d.Editors) == 0 {
			require.GreaterOrEqual(t, d.quorum(), 2)
		}
		settle(&d, all)
		require.Equal(t, len(users) >= d.quorum(), d.State == DocApproved)
	})
}

func TestMergeShowsTheWayFromFirstToLast(t *testing.T) {
	first := []Change{{Locale: "en", Block: "advice", Before: "a", After: "b"}, {Block: "channels", Before: "sms", After: "email"}}
	got := merge(first, []Change{{Locale: "en", Block: "advice", Before: "b", After: "c"}, {Locale: "en", Block: "cause", Before: "", After: "x"}})
	require.Equal(t, []Change{
		{Locale: "en", Block: "advice", Before: "a", After: "c"},
		{Block: "channels", Before: "sms", After: "email"},
		{Locale: "en", Block: "cause", Before: "", After: "x"},
	}, got)
	require.Equal(t, got[1:], merge(got, []Change{{Locale: "en", Block: "advice", Before: "c", After: "a"}}), "back to the first words")
	require.Equal(t, "a", first[0].Before)
	require.True(t, slices.Equal(first, []Change{{Locale: "en", Block: "advice", Before: "a", After: "b"}, {Block: "channels", Before: "sms", After: "email"}}))
}
