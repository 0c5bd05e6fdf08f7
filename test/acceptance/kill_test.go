package acceptance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inFlight bounds what a kill may leave in doubt: the messages that the channels have under way at once, 32 on
// each of 16 connections to the relay, 64 calls for SMS, 16 calls for 100 devices each.
const inFlight = 16*32 + 64 + 16*100

// TestKill ends the service with kill -9 at random moments of a dispatch and starts it again: everyone ends
// with an outcome, none is lost, and each repeated message is listed by name.
func TestKill(t *testing.T) {
	people, kills := 80_000, 20
	if os.Getenv("SOAK") != "" {
		people, kills = 500_000, 200
	}
	began := time.Now()
	h := newHouse(t)
	id := h.report(leak("kill"))
	h.audience(id, people, nil)
	notice := h.approvedNotice(id)
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	done := 0
	for ; done < kills && d.State == "running"; done++ {
		time.Sleep(time.Duration(dice.IntN(250)) * time.Millisecond)
		h.service.kill()
		h.serve()
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
	}
	t.Logf("%d kills; then %v", done, d.People)
	outlasted(t, done, kills)
	h.until("the dispatch", 5*time.Minute, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		require.EqualValues(t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	require.Zero(t, d.People["pending"])
	require.Zero(t, d.People["in_doubt"])
	repeated := h.compare(d, people, int64(kills*inFlight))
	record(t, "kill -9 of the process (SQLite)", fmt.Sprintf("%d people, %d kills", people, done), killed(people, d, repeated), time.Since(began))
}

// outlasted holds a dispatch to enough kills. A fast machine may be through before the last of them.
func outlasted(t *testing.T, done, kills int) {
	t.Helper()
	least := kills / 4
	if os.Getenv("SOAK") != "" {
		least = kills
	}
	require.GreaterOrEqual(t, done, least, "the dispatch must outlast the kills")
}

// killed is the result of a run with kills for its table.
func killed(people int, d progress, repeated int64) string {
	return fmt.Sprintf("%d reached, lost 0, %d arrived twice, each named among %d possible duplicates", people, repeated, d.Duplicates)
}

// TestKillWorker ends workers with kill -9 at random moments of a dispatch on PostgreSQL and starts them again.
func TestKillWorker(t *testing.T) {
	people, kills := 12000, 4
	if os.Getenv("SOAK") != "" {
		people, kills = 600_000, 200
	}
	if n, err := strconv.Atoi(os.Getenv("SOAK_KILLS")); err == nil {
		people, kills = 3000*n, n
	}
	began := time.Now()
	c := newCluster(t, postgres(t), 1, 2)
	id := c.report(leak("kill-worker"))
	c.audience(id, people, nil)
	notice := c.approvedNotice(id)
	var d progress
	c.must(c.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	done := 0
	for ; done < kills && d.State == "running"; done++ {
		left := d.People["pending"]
		c.until("the workers", time.Minute, func() bool { d = c.progress(d.ID); return d.People["pending"] < left || d.State != "running" })
		time.Sleep(rand.N(200 * time.Millisecond))
		c.workers[done%2].kill()
		c.hire(done % 2)
		d = c.progress(d.ID)
	}
	t.Logf("%d kills; then %v", done, d.People)
	outlasted(t, done, kills)
	c.until("the dispatch", 5*time.Minute, func() bool {
		d = c.progress(d.ID)
		require.EqualValues(t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	require.Zero(t, d.People["pending"]+d.People["in_doubt"]+d.People["failed"])
	repeated := c.compare(d, people, int64(kills*inFlight))
	record(t, "kill -9 of workers (PostgreSQL)", fmt.Sprintf("%d people, 2 workers, %d kills", people, done), killed(people, d, repeated), time.Since(began))
}

// compare holds the ledger's outcome against what the providers say arrived; at most so many messages may
// have arrived again.
func (h *house) compare(d progress, people int, most int64) int64 {
	var journal struct {
		Channels map[string]struct{ Deliveries, Repeated, Recipients int64 }
	}
	h.fetch("http://"+h.simulator+"/_admin/journal", &journal)
	var arrived, repeated int64
	for _, c := range journal.Channels {
		arrived += c.Deliveries
		repeated += c.Repeated
	}
	reached := d.People["accepted"] + d.People["delivered"] + d.People["read"]
	require.EqualValues(h.t, people, reached)
	require.GreaterOrEqual(h.t, arrived, reached, "nobody counts as reached to whom nothing was sent")
	require.LessOrEqual(h.t, repeated, most, "duplicates stay within what was in doubt")
	require.GreaterOrEqual(h.t, d.Duplicates, repeated, "each repeated message is listed")
	h.t.Logf("%d people reached, %d messages arrived twice, %d listed as possible duplicates", reached, repeated, d.Duplicates)
	h.listed(d, repeated)
	return repeated
}

// listed sums the repeats of the deliveries listed as possible duplicates: no repeat is outside the list.
func (h *house) listed(d progress, repeated int64) {
	var sum int64
	for after := int64(-1); ; {
		var page struct {
			Deliveries []struct {
				Recipient int64
				Channel   string
			}
		}
		h.must(h.worker, http.MethodGet, fmt.Sprintf("/dispatches/%s/deliveries?duplicates=true&limit=1000&after=%d", d.ID, after), nil, &page)
		for _, p := range page.Deliveries {
			address := fmt.Sprintf("user%d@example.com", p.Recipient)
			if p.Channel == "sms" {
				address = fmt.Sprintf("139%08d", p.Recipient)
			}
			var one struct{ Count int64 }
			h.fetch("http://"+h.simulator+"/_admin/journal?channel="+p.Channel+"&recipient="+address, &one)
			sum += max(one.Count-1, 0)
			after = p.Recipient
		}
		if len(page.Deliveries) == 0 {
			break
		}
	}
	require.Equal(h.t, repeated, sum, "every repeated message belongs to a listed delivery")
}

func (h *house) fetch(url string, out any) {
	resp, err := http.Get(url)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	require.Equal(h.t, http.StatusOK, resp.StatusCode)
	require.NoError(h.t, json.NewDecoder(resp.Body).Decode(out))
}
