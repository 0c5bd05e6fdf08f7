package notify

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLateWordOfATryThatFailedChangesNoPlan: a journal read after its process died tells again what was recorded
// long ago. Who is being tried again by then must not be put into a second range.
func TestLateWordOfATryThatFailedChangesNoPlan(t *testing.T) {
	for _, c := range []Class{ClassRetry, ClassRetryAt, ClassRcptSoft} {
		row := Delivery{Attempt: 2, Class: ClassRetry, Code: "421", RangeNo: 7, At: noon}
		late, failed := settled(t, row, Outcome{Attempt: 1, Verdict: Verdict{Class: c, Code: "450", RetryAt: noon.Add(time.Hour)}})
		require.Equal(t, row, late, c)
		require.False(t, failed)
	}
	row := Delivery{Attempt: 2, Class: ClassRetry, RangeNo: 7, At: noon}
	late, _ := settled(t, row, Outcome{Attempt: 1, Verdict: Verdict{Class: ClassAccepted, ProviderID: "x"}})
	require.Equal(t, []any{Accepted, true}, []any{late.State, late.Doubt}, "but a message that was taken was taken")
	late, _ = settled(t, row, Outcome{Attempt: 1, Verdict: Verdict{Class: ClassInDoubt}})
	require.Equal(t, []any{InDoubt, true}, []any{late.State, late.Doubt})
}

// TestArrivalEndsADoubtElsewhere: whoever has the message on one channel is not sent it again on another because
// nobody knows whether it came there, too.
func TestArrivalEndsADoubtElsewhere(t *testing.T) {
	tx := newMemoryTx(Dispatch{No: 1, Total: 1, State: DispRunning, StartedAt: noon})
	apply := func(o Outcome) Delivery {
		_, err := applyOutcomes(context.Background(), tx, tx.d, kindReceipts, []Outcome{o})
		require.NoError(t, err)
		return tx.rows[0]["email"]
	}
	apply(Outcome{Channel: "sms", Attempt: 1, Verdict: Verdict{Class: ClassAccepted}})
	doubtful := apply(Outcome{Channel: "email", Attempt: 1, Verdict: Verdict{Class: ClassInDoubt}})
	require.NotNil(t, doubtful.NextAt)
	left := apply(Outcome{Channel: "sms", Verdict: Verdict{Class: ClassDelivered}})
	require.Nil(t, left.NextAt)
	require.Equal(t, []any{InDoubt, true}, []any{left.State, left.Doubt}, "and listed")
}
