package acceptance

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMailDoesNotWaitForSlowShortMessages sends to people of whom one in twenty wants short messages, which are given
// forty a second: five seconds' worth.
func TestMailDoesNotWaitForSlowShortMessages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.report(leak("lanes"))
	h.audience(id, 4000, nil)
	notice := h.approve(h.steer(h.draft(id), map[string]any{"limit": map[string]any{}, "rates": map[string]float64{"sms": 40}}))
	var d struct {
		progress
		By map[string]map[string]int64 `json:"by_channel"`
	}
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	reached := func(channel string) (n int64) {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		for _, people := range d.By[channel] {
			n += people
		}
		return n
	}
	h.until("all mail", 20*time.Second, func() bool { return reached("email") == 3800 })
	require.Less(t, reached("sms"), int64(150))
	require.Equal(t, "running", d.State)
	h.until("the short messages", 20*time.Second, func() bool { return reached("sms") == 200 && d.State == "done" })
	require.Zero(t, d.Duplicates)
	require.Zero(t, d.People["failed"])
	h.agrees(d.progress)
}
