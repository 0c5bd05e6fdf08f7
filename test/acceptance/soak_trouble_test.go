package acceptance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClockJumps moves the service's clock an hour on and two hours back in the middle of a dispatch: claims run
// out and deadlines pass by, and yet everybody has an outcome and each repeat is named.
func TestClockJumps(t *testing.T) {
	people := 8000
	began := time.Now()
	h := newClockHouse(t, nil)
	id := h.report(leak("clock"))
	h.audience(id, people, nil)
	notice := h.approve(h.steer(h.draft(id), map[string]any{"limit": map[string]any{}, "rates": map[string]float64{"email": 1000}}))
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	for _, by := range []time.Duration{time.Hour, -time.Hour, 0} {
		left := d.People["pending"]
		h.until("more outcomes", 30*time.Second, func() bool {
			h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
			return d.People["pending"] < left
		})
		require.Equal(t, "running", d.State)
		t.Logf("%v: the clock goes to %v", d.People, by)
		h.move(by)
	}
	h.until("the dispatch", time.Minute, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		require.EqualValues(t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	repeated := h.compare(d, people, d.Duplicates)
	h.agrees(d)
	record(t, "clock jumps an hour on, two hours back", "8000 people, 1000 messages a second", killed(people, d, repeated), time.Since(began))
}

// TestHangingProvider has the relay take messages and not answer: the dispatch goes on, the doubt is named, and
// those whose answer was lost are sent to again.
func TestHangingProvider(t *testing.T) {
	people := 1000
	began := time.Now()
	h := newHouse(t)
	h.simulate("faults", map[string]any{"channel": "email", "accept": true, "hang": int64(3 * time.Second), "drop": true, "times": 5})
	id := h.report(leak("hang"))
	h.audience(id, people, nil)
	notice := h.approvedNotice(id)
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	h.until("the dispatch", 2*time.Minute, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		require.EqualValues(t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	require.NotZero(t, d.Duplicates, "whose answer was lost is named")
	repeated := h.compare(d, people, d.Duplicates)
	require.NotZero(t, repeated)
	record(t, "provider hangs", "1000 people, 5 answers lost after a hang", killed(people, d, repeated), time.Since(began))
}

// TestBusGone takes NATS away in the middle of a dispatch: it goes on from the rows, readiness says what is
// wrong, and what happened meanwhile is told when the bus is back.
func TestBusGone(t *testing.T) {
	people := 6000
	began := time.Now()
	c := newCluster(t, postgres(t), 1, 1)
	id := c.report(leak("bus"))
	c.audience(id, people, nil)
	notice := c.approvedNotice(id)
	c.broker.kill()
	var d progress
	c.must(c.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	require.Eventually(t, func() bool {
		code, why := c.ready()
		return code == http.StatusServiceUnavailable && strings.Contains(why, "bus")
	}, 30*time.Second, 50*time.Millisecond, "readiness names the bus")
	c.until("the dispatch", time.Minute, func() bool {
		d = c.progress(d.ID)
		require.EqualValues(t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	during := c.taken("without-bus")
	c.broker = c.again()
	require.Eventually(t, func() bool { code, _ := c.ready(); return code == http.StatusOK }, 30*time.Second, 50*time.Millisecond)
	c.only(id, during)
	repeated := c.compare(d, people, 0)
	c.hears(c.connect())
	record(t, "NATS gone and back", "6000 people, PostgreSQL", killed(people, d, repeated), time.Since(began))
}
