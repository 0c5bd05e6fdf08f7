package playbooks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

func (h *house) letter(id incident.ID, l playbooks.NewLetter) playbooks.LetterView {
	h.t.Helper()
	v, err := h.books.ReceiveLetter(ctx, lin, id, l)
	require.NoError(h.t, err)
	return v
}

func TestOrderToNotifyStartsItsDuties(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	h.confirm(wei, h.propose(lin, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted"}).ID)
	due := storetest.Start.Add(48 * time.Hour)
	l := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterOrder, Authority: "pi-authority:CN-SH", Reference: "沪网信〔2026〕7号",
		ReceivedAt: storetest.Start, DueAt: &due, Text: "notify the individuals", AskedBy: "Officer Zhao",
		File: &playbooks.Attachment{Name: "order.pdf", ContentType: "application/pdf", Body: []byte("%PDF")}})
	v := h.view(id)
	facts := v.Snapshot.Facts
	for _, path := range []string{"anchors.ordered:pi-authority", "anchors.ordered:pi-authority:CN-SH", "anchors.due:pi-authority"} {
		require.NotNil(t, facts[path].Value, path)
	}
	ordered := duty(t, v.Duties, "cn-pipl-57-ordered")
	require.Equal(t, due, ordered.Obligation.Deadline.UTC(), "an order of law, at the instant the authority set")
	require.Equal(t, obligation.Exempt, h.individuals(id).State, "the order is a duty of its own")

	own := duty(t, v.Duties, playbooks.LetterRule)
	require.Equal(t, l.Duty, own.ID)
	require.Equal(t, due, own.Obligation.Deadline.UTC())
	require.Equal(t, "沪网信〔2026〕7号", own.Obligation.Source.Article)
	require.Equal(t, obligation.Running, own.State)

	h.pump()
	h.amend(lin, id, "", fact("data_event", "none"))
	require.Equal(t, obligation.Running, duty(t, h.view(id).Duties, playbooks.LetterRule).State, "no rule takes away what an authority asked")
	h.clock.Advance(48 * time.Hour)
	require.Positive(t, h.wake())
	require.Equal(t, obligation.Overdue, duty(t, h.view(id).Duties, playbooks.LetterRule).State)

	_, err := h.books.CompleteTask(ctx, lin, l.Task, "", nil)
	require.True(t, incident.IsFault(err, incident.Conflict))
	answered, err := h.books.AnswerLetter(ctx, lin, l.ID, playbooks.Answer{At: h.clock.Now(), Via: "site", Receipt: "R-1", Text: "done"})
	require.NoError(t, err)
	require.Equal(t, playbooks.LetterAnswered, answered.State)
	require.Equal(t, obligation.Met, duty(t, h.view(id).Duties, playbooks.LetterRule).State)
	_, err = h.books.AnswerLetter(ctx, lin, l.ID, playbooks.Answer{At: h.clock.Now(), Via: "site"})
	require.True(t, incident.IsFault(err, incident.Conflict))
	kinds := h.ledger(id)
	require.Equal(t, 1, count(kinds, "letter.received"))
	require.Equal(t, 1, count(kinds, "letter.answered"))
}

func TestTwoLettersOfOneAuthorityAreTwoDuties(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	due := storetest.Start.Add(24 * time.Hour)
	one := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterQuestions, Authority: "provincial-cac:CN-SH", Reference: "1", ReceivedAt: storetest.Start, DueAt: &due})
	two := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterQuestions, Authority: "provincial-cac:CN-SH", Reference: "2", ReceivedAt: storetest.Start, DueAt: &due})
	require.NotEqual(t, one.Duty, two.Duty)
	_, err := h.books.AnswerLetter(ctx, lin, one.ID, playbooks.Answer{At: h.clock.Now(), Via: "mail"})
	require.NoError(t, err)
	h.pump()
	states := map[string]obligation.State{}
	for _, d := range h.view(id).Duties {
		states[d.ID] = d.State
	}
	require.Equal(t, obligation.Met, states[one.Duty])
	require.Equal(t, obligation.Running, states[two.Duty])
}

func TestRequestToHoldShowsItsConflicts(t *testing.T) {
	h := open(t)
	id := h.report(german(fact("risk", "high"), fact("jurisdictions.CN", int64(5)))).ID
	until := storetest.Start.Add(72 * time.Hour)
	_, err := h.books.ReceiveLetter(ctx, lin, id, playbooks.NewLetter{Kind: playbooks.LetterHold, Authority: "Polizei", ReceivedAt: storetest.Start.Add(time.Hour)})
	for _, pointer := range []string{"/authority", "/received_at", "/hold_until"} {
		require.ErrorContains(t, err, pointer)
	}
	l := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterHold, Authority: "police", Reference: "K 12", ReceivedAt: storetest.Start, HoldUntil: &until})
	again := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterHold, Authority: "police", Reference: "K 13", ReceivedAt: storetest.Start, HoldUntil: &until})
	require.Equal(t, l.Holds, again.Holds, "one proposal for each duty, whoever asks again")
	against := map[string]string{}
	for _, c := range l.Conflicts {
		against[c.Rule] = c.Why["en"]
	}
	require.Equal(t, playbooks.ConflictUndecided, against["eu-gdpr-34-individuals"])
	require.Equal(t, playbooks.ConflictHold, against["cn-pipl-57-individuals"])
	for _, d := range h.view(id).Duties {
		require.NotEqual(t, obligation.OnHold, d.State, "a letter alone holds nothing")
	}
	for _, hold := range l.Holds {
		h.confirm(wei, hold)
	}
	v := h.view(id)
	require.Equal(t, obligation.OnHold, duty(t, v.Duties, "eu-gdpr-34-individuals").State)
	require.Equal(t, obligation.Running, duty(t, v.Duties, "cn-pipl-57-individuals").State)
	require.Equal(t, playbooks.ConflictHold, duty(t, v.Duties, "cn-pipl-57-individuals").Conflict)
	after, err := h.books.Letter(ctx, lin, l.ID)
	require.NoError(t, err)
	for _, c := range after.Conflicts {
		require.NotEqual(t, "eu-gdpr-34-individuals", c.Rule, "what is held conflicts no more")
	}
	require.NotEmpty(t, after.Conflicts)
}

func TestLetterThatAsksForNothingIsNoted(t *testing.T) {
	h := open(t)
	id := h.report(leak(10)).ID
	l := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterFeedback, Authority: "provincial-cac:CN-SH", ReceivedAt: storetest.Start, Text: "received with thanks"})
	require.Equal(t, playbooks.LetterNoted, l.State)
	require.Empty(t, l.Duty)
	_, err := h.books.ReceiveLetter(ctx, siem, id, playbooks.NewLetter{Kind: playbooks.LetterOther, Authority: "police", ReceivedAt: storetest.Start})
	require.True(t, incident.IsFault(err, incident.Forbidden))
}
