package notify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

const (
	individuals = "cn/pipl-57-individuals"
	authority   = "cn/pipl-57-authority"
)

func TestNoticeNeedsFourEyesOnExactlyWhatIsSubmitted(t *testing.T) {
	w := newWorld(t)
	d := w.propose(individuals, notify.Policy{Quorum: 2, Teams: []string{"legal"}, Requirements: requires(templates.Measures, templates.Remedies)})
	require.Equal(t, d, w.propose(individuals, d.Policy), "a second proposal is the same document")

	f := w.fault(incident.Invalid, second(w.service.Submit(w.ctx, rui, d.ID, d.Version, "")))
	require.Len(t, f.Problems, 2, "remedies in both locales")
	require.Equal(t, "/content/zh-Hans/remedies", f.Problems[0].Pointer)
	require.Equal(t, "req-remedies", f.Problems[0].Rule)
	require.Contains(t, f.Problems[0].Message, "57")

	w.fault(incident.Stale, second(w.service.Edit(w.ctx, rui, d.ID, d.Version+1, notify.Edit{})))
	v, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Passages: []notify.EditPassage{
		{Locale: "zh-Hans", Block: templates.Remedies, Open: true},
		{Locale: "en", Block: templates.Remedies, Text: "One year of monitoring, free of charge."},
	}})
	require.NoError(t, err)
	require.Empty(t, v.Gaps)
	require.Equal(t, []string{"usr_rui"}, v.Editors)

	w.fault(incident.Conflict, second(w.service.Submit(w.ctx, ren, d.ID, v.Version, "")))
	a := w.audience()
	v, err = w.service.Submit(w.ctx, ren, d.ID, v.Version, "")
	require.NoError(t, err)
	require.Equal(t, notify.DocSubmitted, v.State)
	require.Equal(t, []any{a.ID, a.Root, 2}, []any{v.Audience, v.Digest.Audience, v.Needed})
	a, err = w.service.Audience(w.ctx, audit, a.ID)
	require.NoError(t, err)
	require.True(t, a.Frozen)

	stranger := an
	stranger.Teams = []string{"other"}
	_, err = w.service.Approve(w.ctx, ren, d.ID, v.Digest.All, "")
	w.fault(incident.Forbidden, err) // submitted it
	w.fault(incident.Forbidden, second(w.service.Approve(w.ctx, rui, d.ID, v.Digest.All, "")))
	w.fault(incident.Forbidden, second(w.service.Approve(w.ctx, stranger, d.ID, v.Digest.All, "")))
	w.fault(incident.Stale, second(w.service.Approve(w.ctx, an, d.ID, v.Digest.Messages, "")))
	w.fault(incident.Stale, second(w.service.Approve(w.ctx, an, d.ID, "", "")))

	v, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "looks right")
	require.NoError(t, err)
	require.Equal(t, []any{notify.DocSubmitted, 1, false, "already"}, []any{v.State, v.Needed, v.CanApprove, v.WhyNot})
	w.fault(incident.Conflict, second(w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")))
	v, err = w.service.Approve(w.ctx, ai, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, []any{notify.DocApproved, 0, "state"}, []any{v.State, v.Needed, v.WhyNot})

	v, err = w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Subject: map[string]string{"en": "A new subject"}})
	require.NoError(t, err)
	require.Equal(t, notify.DocDraft, v.State)
	require.Empty(t, v.Approvals)
	require.Len(t, v.Voided, 1)
	require.Equal(t, []string{"en", "subject", "A new subject"}, []string{v.Voided[0].Locale, v.Voided[0].Block, v.Voided[0].After})
	require.Equal(t, []string{"document.drafted", "document.edited", "audience.ready", "document.submitted",
		"document.approved", "document.approved", "document.edited"}, w.ledger(1))
}

// edited has a person answer for a draft's words, so that the policy's own quorum holds.
func (w *world) edited(d notify.Document) notify.Document {
	w.t.Helper()
	v, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Subject: map[string]string{"en": "A subject by a person"}})
	require.NoError(w.t, err)
	return v.Document
}

func second[A any](_ A, err error) error { return err }

func TestToolsAndTheSystemNeverDecide(t *testing.T) {
	w := newWorld(t)
	d := w.propose(individuals, notify.Policy{Quorum: 1})
	w.audience()
	for name, try := range map[string]func() error{
		"tool edits":    func() error { return second(w.service.Edit(w.ctx, tool, d.ID, d.Version, notify.Edit{})) },
		"tool submits":  func() error { return second(w.service.Submit(w.ctx, tool, d.ID, d.Version, "")) },
		"system edits":  func() error { return second(w.service.Edit(w.ctx, system, d.ID, d.Version, notify.Edit{})) },
		"tool approves": func() error { return second(w.service.Approve(w.ctx, tool, d.ID, "", "")) },
		"auditor edits": func() error { return second(w.service.Edit(w.ctx, audit, d.ID, d.Version, notify.Edit{})) },
		"tool returns":  func() error { return second(w.service.Return(w.ctx, tool, d.ID, "why")) },
		"tool files": func() error {
			return second(w.service.RecordFiling(w.ctx, tool, notify.Filing{Report: d.ID}, nil))
		},
	} {
		t.Run(name, func(t *testing.T) { w.fault(incident.Forbidden, try()) })
	}

	v, err := w.service.Submit(w.ctx, system, d.ID, d.Version, "")
	require.NoError(t, err)
	require.Equal(t, 2, v.Needed, "nobody has read an untouched draft that the system submits")
	w.fault(incident.Forbidden, second(w.service.Approve(w.ctx, system, d.ID, v.Digest.All, "")))
	v, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, notify.DocSubmitted, v.State)
}

func TestUneditedDraftNeedsTwoWhoeverSubmits(t *testing.T) {
	w := newWorld(t)
	d := w.propose(authority, notify.Policy{Quorum: 1})
	v, err := w.service.Submit(w.ctx, ren, d.ID, d.Version, "")
	require.NoError(t, err)
	w.fault(incident.Forbidden, second(w.service.Approve(w.ctx, ren, d.ID, v.Digest.All, "")))
	v, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, []any{notify.DocSubmitted, 1}, []any{v.State, v.Needed})
	v, err = w.service.Approve(w.ctx, ai, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, notify.DocApproved, v.State)
}

func TestOnlyPrintedFactsMakeStale(t *testing.T) {
	w := newWorld(t)
	policy := notify.Policy{Quorum: 1}
	d := w.propose(individuals, policy)
	w.amend(`{"data": ["name", "phone", "id_number"]}`)
	redrafted := w.propose(individuals, policy)
	require.Equal(t, d.ID, redrafted.ID)
	require.NotEqual(t, d.Content, redrafted.Content, "what no person touched is drafted again")

	v, err := w.service.Edit(w.ctx, rui, d.ID, redrafted.Version, notify.Edit{Subject: map[string]string{"en": "A new subject"}})
	require.NoError(t, err)
	w.amend(`{"public_attention": "none"}`)
	require.Equal(t, v.Version, w.propose(individuals, policy).Version, "a fact that is not printed changes nothing")
	w.amend(`{"data": ["name"]}`)
	stale := w.propose(individuals, policy)
	require.Equal(t, []string{"data"}, stale.Stale)
	require.Equal(t, v.Content, stale.Content)
	require.Equal(t, "A new subject", stale.Content.Subject["en"])

	v, err = w.service.Edit(w.ctx, rui, d.ID, stale.Version, notify.Edit{Refresh: true})
	require.NoError(t, err)
	require.Empty(t, v.Stale)
	require.Equal(t, "A new subject", v.Content.Subject["en"])
	require.NotEqual(t, stale.Content, v.Content)
}

func TestUnchangedWordsAreNoEdit(t *testing.T) {
	w := newWorld(t)
	d := w.propose(individuals, notify.Policy{Quorum: 1})
	p := d.Content.Locales["en"][0]
	v, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{
		Passages: []notify.EditPassage{{Locale: "en", Block: p.Block, Text: p.Text}}, Channels: d.Channels})
	require.NoError(t, err)
	require.Equal(t, d, v.Document)

	f := w.fault(incident.Invalid, second(w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{
		Subject:  map[string]string{"fr": "x", "en": " "},
		Passages: []notify.EditPassage{{Locale: "en", Block: "nothing"}, {Locale: "en", Block: "cause", Text: "a\x00b"}},
		Channels: []string{"fax", "sms", "sms"},
	})))
	var pointers []string
	for _, p := range f.Problems {
		pointers = append(pointers, p.Pointer)
	}
	require.Equal(t, []string{"/subject/en", "/subject/fr", "/passages/0", "/passages/1/text", "/channels/0", "/channels/2"}, pointers)
}

func TestStricterPolicyReopens(t *testing.T) {
	w := newWorld(t)
	d := w.edited(w.propose(authority, notify.Policy{Quorum: 1}))
	v, err := w.service.Submit(w.ctx, rui, d.ID, d.Version, "")
	require.NoError(t, err)
	v, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, notify.DocApproved, v.State)
	require.Equal(t, notify.DocSubmitted, w.propose(authority, notify.Policy{Quorum: 2}).State)
	v, err = w.service.Approve(w.ctx, ai, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	require.Equal(t, notify.DocApproved, v.State)
}

func TestReturnedUnchangedNeedsNewApproval(t *testing.T) {
	w := newWorld(t)
	d := w.edited(w.propose(authority, notify.Policy{Quorum: 1}))
	v, err := w.service.Submit(w.ctx, rui, d.ID, d.Version, "")
	require.NoError(t, err)
	v, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	w.fault(incident.Invalid, second(w.service.Return(w.ctx, ai, d.ID, " ")))
	v, err = w.service.Return(w.ctx, ai, d.ID, "The count is doubtful")
	require.NoError(t, err)
	require.Equal(t, []any{notify.DocReturned, "The count is doubtful"}, []any{v.State, v.ReturnReason})
	v, err = w.service.Submit(w.ctx, rui, d.ID, v.Version, "")
	require.NoError(t, err)
	require.Equal(t, []any{notify.DocSubmitted, 1}, []any{v.State, v.Needed})

	v, err = w.service.Withdraw(w.ctx, rui, d.ID, "Not owed")
	require.NoError(t, err)
	require.Equal(t, notify.DocWithdrawn, v.State)
	require.Equal(t, v.Version, w.propose(authority, notify.Policy{Quorum: 3}).Version, "withdrawn is for good")
}

func TestFilingNeedsApprovalAndProof(t *testing.T) {
	w := newWorld(t)
	d := w.edited(w.propose(authority, notify.Policy{Quorum: 1, Proof: []string{notify.ProofReceipt, notify.ProofText}, Via: "cn-local-cac"}))
	filing := notify.Filing{Report: d.ID, State: notify.Written, FiledAt: w.clock.Now()}
	w.fault(incident.Conflict, second(w.service.RecordFiling(w.ctx, rui, filing, nil)))

	v, err := w.service.Submit(w.ctx, rui, d.ID, d.Version, "")
	require.NoError(t, err)
	body, contentType, err := w.service.Export(w.ctx, audit, d.ID, "zh-Hans", "json")
	require.NoError(t, err)
	require.Equal(t, "application/json", contentType)
	v, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)

	spoken := filing
	spoken.State = notify.Spoken
	f := w.fault(incident.Invalid, second(w.service.RecordFiling(w.ctx, rui, spoken, nil)))
	require.Equal(t, "/contact", f.Problems[0].Pointer, "a call is proved by who answered")
	spoken.Contact = "Duty desk"
	got, err := w.service.RecordFiling(w.ctx, rui, spoken, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"cn-local-cac", "provincial-cac:CN-SH", "usr_rui"}, []string{got.Via, got.Addressee, got.By})

	late := filing
	late.State, late.FiledAt = notify.Confirmed, w.clock.Now().Add(time.Hour)
	f = w.fault(incident.Invalid, second(w.service.RecordFiling(w.ctx, rui, late, nil)))
	require.Len(t, f.Problems, 3, "order, time, receipt")
	f = w.fault(incident.Invalid, second(w.service.RecordFiling(w.ctx, rui, filing, nil)))
	require.Equal(t, []string{"/receipt_number", "/file"}, []string{f.Problems[0].Pointer, f.Problems[1].Pointer})

	w.clock.Advance(time.Hour)
	again, _, err := w.service.Export(w.ctx, audit, d.ID, "zh-Hans", "json")
	require.NoError(t, err)
	require.Equal(t, body, again, "what is exported is what was approved")
	filing.Receipt = "R-1"
	got, err = w.service.RecordFiling(w.ctx, rui, filing, &incident.File{Name: "report.json", ContentType: contentType, Body: again})
	require.NoError(t, err)
	require.NotEmpty(t, got.File)
	v, err = w.service.Document(w.ctx, audit, d.ID)
	require.NoError(t, err)
	require.Equal(t, notify.DocFiled, v.State)
	require.Len(t, v.Filings, 2)
	filing.State, filing.File = notify.Confirmed, got.File
	require.NoError(t, second(w.service.RecordFiling(w.ctx, rui, filing, nil)))
	w.fault(incident.Conflict, second(w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Refresh: true})))
}

func TestPreviewIsFrozenAtSubmit(t *testing.T) {
	w := newWorld(t)
	d := w.propose(individuals, notify.Policy{Quorum: 1})
	w.audience()
	before, err := w.service.Preview(w.ctx, audit, d.ID, "en", templates.Email)
	require.NoError(t, err)
	require.NotEmpty(t, before.Text)
	w.fault(incident.NotFound, second(w.service.Preview(w.ctx, audit, d.ID, "fr", templates.Email)))
	v, err := w.service.Submit(w.ctx, rui, d.ID, d.Version, "")
	require.NoError(t, err)
	after, err := w.service.Preview(w.ctx, audit, d.ID, "en", templates.Email)
	require.NoError(t, err)
	require.Equal(t, before, after)
	queue, err := w.service.Queue(w.ctx, an, incident.Page{})
	require.NoError(t, err)
	require.Len(t, queue, 1)
	require.True(t, queue[0].CanApprove)

	require.NoError(t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
		frozen, err := tx.Messages(w.ctx, d.ID, v.Frozen)
		require.NoError(t, err)
		require.Len(t, frozen, 8, "four channels in two locales")
		messages := make([]templates.Message, len(frozen))
		for i, f := range frozen {
			messages[i] = f.Message
		}
		plan := notify.PlanHash(v.Channels, v.Audience, 2, v.Course)
		require.Equal(t, v.Digest, notify.MakeDigest(messages, v.Digest.Audience, plan))
		other := notify.MakeDigest(messages, v.Digest.Audience, notify.PlanHash(v.Channels, v.Audience, 3, v.Course))
		require.NotEqual(t, v.Digest.All, other.All)
		return nil
	}))
}
