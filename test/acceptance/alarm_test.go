package acceptance

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAlarm has the relay refuse everything: what a monitor reads says which provider and which dispatch wait for
// a person, an event tells it, and nothing of that is left when a person has mended it.
func TestAlarm(t *testing.T) {
	t.Parallel()
	const people = 400
	h := newClockHouse(t, nil)
	changes := h.stream("/events")
	defer changes.Body.Close()
	h.simulate("faults", map[string]any{"channel": "email", "at": "rcpt", "code": 552, "text": "Daily sending quota exceeded"})
	id := h.report(leak("alarm"))
	h.audience(id, people, nil)
	notice := h.approvedNotice(id)
	provider := `tocsin_provider_paused{channel="email",provider="relay"}`
	require.Equal(t, "0", h.metric(provider))
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	h.until("the pause", 30*time.Second, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		return d.State == "paused"
	})
	dispatch := `tocsin_dispatch_paused{dispatch="` + d.ID + `",reason="stop"}`
	require.Equal(t, "1", h.metric(provider))
	require.Equal(t, "1", h.metric(dispatch))
	told := false
	for lines := bufio.NewScanner(changes.Body); !told && lines.Scan(); {
		told = strings.Contains(lines.Text(), `"provider.paused"`)
	}
	require.True(t, told)

	req, err := http.NewRequest(http.MethodDelete, "http://"+h.simulator+"/_admin/faults", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("X-Simulator", "1")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	h.must(h.worker, http.MethodPost, "/providers/relay/resume", nil, nil)
	h.move(2 * time.Minute) // whom it had refused is tried again after a minute
	_, repeated := h.mended(d, people, 0)
	require.Zero(t, repeated)
	require.Equal(t, "0", h.metric(provider))
	require.Empty(t, h.metric(dispatch))
}
