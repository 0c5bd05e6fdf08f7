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
	stepRedraft, stepEdit, stepSubmit, stepApprove, stepReopen, stepReturn, stepWithdraw, stepDispatch, stepFile, stepAhead, stepRefuse,
}

func TestEveryTransition(t *testing.T) {
	allowed := map[DocumentState]map[step]DocumentState{
		DocDraft:     {stepRedraft: DocDraft, stepEdit: DocDraft, stepSubmit: DocSubmitted, stepWithdraw: DocWithdrawn},
		DocReturned:  {stepEdit: DocDraft, stepSubmit: DocSubmitted, stepWithdraw: DocWithdrawn},
		DocSubmitted: {stepEdit: DocDraft, stepApprove: DocApproved, stepReturn: DocReturned, stepWithdraw: DocWithdrawn},
		DocApproved: {stepEdit: DocDraft, stepReopen: DocSubmitted, stepReturn: DocReturned, stepWithdraw: DocWithdrawn,
			stepDispatch: DocDispatched, stepFile: DocFiled},
		DocFiled: {stepRefuse: DocReturned},
	}
	ahead := map[DocumentState]map[step]DocumentState{ // filed before approval: it stands still until it is reviewed
		DocSubmitted: {stepApprove: DocApproved, stepReturn: DocReturned, stepAhead: DocFiled},
		DocFiled:     {stepReturn: DocReturned, stepRefuse: DocReturned},
	}
	for _, from := range allStates[1:] {
		for _, s := range allSteps {
			want, ok := ahead[from][s]
			if from != DocSubmitted && from != DocFiled {
				continue
			}
			d := Document{Kind: templates.Report, State: from, Ahead: "usr_a"}
			err := d.take(s)
			require.Equalf(t, ok, err == nil, "ahead %s: %s", from, s)
			if ok {
				require.Equal(t, want, d.State)
				require.Equal(t, want == DocReturned, d.Ahead == "", "returned is reviewed")
			}
		}
	}
	for _, kind := range []templates.Kind{templates.Notice, templates.Report} {
		for _, from := range allStates {
			for _, s := range allSteps {
				want, ok := allowed[from][s]
				if s == stepDispatch && kind != templates.Notice || (s == stepFile || s == stepRefuse) && kind != templates.Report {
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

// TestNothingLeavesUnapproved walks documents through any steps: what goes out was approved last or goes ahead
// under an authorisation and is reviewed, and only an authority or that review brings back what is out.
func TestNothingLeavesUnapproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Document{Kind: rapid.SampledFrom([]templates.Kind{templates.Notice, templates.Report}).Draw(t, "kind"), State: DocDraft}
		for _, s := range rapid.SliceOf(rapid.SampledFrom(allSteps)).Draw(t, "steps") {
			from, ahead := d.State, d.Ahead
			if d.State == DocSubmitted && rapid.Bool().Draw(t, "authorised") {
				ahead, d.Ahead = "usr_a", "usr_a"
			}
			if d.take(s) != nil {
				require.Equal(t, from, d.State)
				continue
			}
			require.NotContains(t, []DocumentState{DocWithdrawn, DocDispatched}, from)
			if from == DocFiled {
				require.Equal(t, DocReturned, d.State)
				require.True(t, s == stepRefuse || ahead != "")
			}
			if d.State == DocDispatched || d.State == DocFiled && ahead == "" {
				require.Equal(t, DocApproved, from)
			}
			if d.State == DocApproved {
				d.Ahead = "" // as settle leaves it
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
