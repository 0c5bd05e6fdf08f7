package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
)

func TestDecisionsAndLettersAreKeptInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		other := insertIncident(t, db, incident.Live)
		first := playbooks.Decision{ID: evidence.NewID("dcn"), Incident: i.ID, Kind: playbooks.DecideHold, State: playbooks.DecisionProposed,
			Reason: "the police asked", ProposedAt: storetest.Start, Facts: []playbooks.RestingFact{{Path: "data_event", Value: "leaked", At: storetest.Start}}}
		second := playbooks.Decision{ID: evidence.NewID("dcn"), Incident: i.ID, ProposedAt: storetest.Start}
		letter := playbooks.Letter{ID: evidence.NewID("ltr"), Incident: i.ID, Authority: "police", Text: "wait", ReceivedAt: storetest.Start}
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.PutDecision(ctx, first))
			require.NoError(t, tx.PutDecision(ctx, second))
			require.NoError(t, tx.PutDecision(ctx, playbooks.Decision{ID: evidence.NewID("dcn"), Incident: other.ID}))
			require.NoError(t, tx.PutLetter(ctx, letter))
		})
		first.State, letter.State = playbooks.DecisionConfirmed, playbooks.LetterAnswered
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.PutDecision(ctx, first))
			require.NoError(t, tx.PutLetter(ctx, letter))
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			all, err := tx.Decisions(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Decision{first, second}, all)
			one, err := tx.Letter(ctx, letter.ID)
			require.NoError(t, err)
			require.Equal(t, letter, one)
			letters, err := tx.Letters(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Letter{letter}, letters)
		})
		view(t, db, evil, func(tx playbooks.Tx) {
			_, err := tx.Decision(ctx, first.ID)
			requireFault(t, err, incident.NotFound)
			_, err = tx.Letter(ctx, letter.ID)
			requireFault(t, err, incident.NotFound)
			all, err := tx.Decisions(ctx, i.ID)
			require.NoError(t, err)
			require.Empty(t, all)
		})
	})
}

func TestRulesSeenAreEachOperators(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		for _, version := range []string{"one", "two"} {
			tx(t, db, acme, func(tx playbooks.Tx) { require.NoError(t, tx.SeeRules(ctx, version)) })
			view(t, db, acme, func(tx playbooks.Tx) {
				seen, err := tx.RulesSeen(ctx)
				require.NoError(t, err)
				require.Equal(t, version, seen)
			})
		}
		view(t, db, evil, func(tx playbooks.Tx) {
			seen, err := tx.RulesSeen(ctx)
			require.NoError(t, err)
			require.Empty(t, seen)
		})
	})
}
