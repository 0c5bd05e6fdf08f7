package notify

import (
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
