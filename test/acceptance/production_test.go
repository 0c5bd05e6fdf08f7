package acceptance

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// claimed bounds what the loss of a worker leaves in doubt: the ranges that its four hands hold.
const claimed = 4 * 2000

// people of a dispatch that must outlast what is done to it.
const people = 40_000

// TestProduction runs two serve and two worker processes on PostgreSQL and NATS the whole way, and takes
// processes away from them.
func TestProduction(t *testing.T) {
	c := newCluster(t, postgres(t), 2, 2)
	t.Cleanup(func() {
		for i, w := range c.workers {
			if t.Failed() {
				t.Logf("worker %d said: %s", i, tail(w.output()))
			}
		}
	})
	t.Run("both doors take the same finding", c.sameFinding)
	t.Run("a worker dies and stays dead", c.lostWorker)
	t.Run("a worker dies and comes back", c.revivedWorker)
	t.Run("workers are stopped", c.stoppedWorkers)
	t.Run("a door is closed", c.closedDoor)
}

// sameFinding posts one finding from many sides at once.
func (c *cluster) sameFinding(t *testing.T) {
	c.t = t
	body, err := json.Marshal(leak("everywhere"))
	require.NoError(t, err)
	nc := c.connect()
	ids := make([]string, 60)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			var out struct{ Incidents []struct{ ID string } }
			var raw []byte
			if i%3 < 2 {
				h := *c.house
				h.addr = c.addrs[i%3]
				_, answer, err := h.call(h.worker, http.MethodPost, "/intake/native", body, nil)
				if err != nil {
					t.Error(err)
					return
				}
				raw = answer
			} else {
				m, err := nc.Request("tocsin.intake.native", body, 20*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				raw = m.Data
			}
			if err := json.Unmarshal(raw, &out); err != nil || len(out.Incidents) != 1 {
				t.Errorf("%s %v", raw, err)
				return
			}
			ids[i] = out.Incidents[0].ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	c.until("the notice", 20*time.Second, func() bool { return len(c.documents(ids[0], "notice")) > 0 })
}

// begin brings a notice to so many people out, through both doors in turn, until some have been reached: how
// many is left to chance.
func (c *cluster) begin(t *testing.T, key string, people int) (id string, d progress) {
	c.t = t
	c.forget()
	c.through(0)
	id = c.report(leak(key))
	c.through(1)
	c.audience(id, people, nil)
	notice := c.approvedNotice(id)
	c.through(0)
	c.must(c.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	moment := int64(people - 1 - rand.IntN(people/2))
	c.until("the first outcomes", 20*time.Second, func() bool {
		d = c.progress(d.ID)
		return d.People["pending"] <= moment
	})
	require.Equal(t, "running", d.State, "the dispatch must outlast what is done to it now")
	t.Logf("now, at %v", d.People)
	return id, d
}

// end waits until everybody has an outcome and looks at it through each door.
func (c *cluster) end(id string, d progress, people int, most int64) progress {
	turn := 0
	c.until("the dispatch", 40*time.Second, func() bool {
		c.through(turn % len(c.doors))
		turn++
		d = c.progress(d.ID)
		require.EqualValues(c.t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	require.Zero(c.t, d.People["pending"]+d.People["in_doubt"]+d.People["failed"])
	c.compare(d, people, most)
	c.through(turn % len(c.doors))
	c.verify(id)
	return d
}

// lostWorker has another worker take over when a lease ends; what the dead one sent last is in a journal
// that nobody has.
func (c *cluster) lostWorker(t *testing.T) {
	id, d := c.begin(t, "lost", people)
	c.workers[0].kill()
	d = c.end(id, d, people, claimed)
	require.LessOrEqual(t, d.Duplicates, int64(claimed))

	c.hire(0) // its journal tells of sends that others have made again
	c.until("the journal", 20*time.Second, func() bool {
		left, err := filepath.Glob(filepath.Join(c.rooms[0], "journal", "*.journal"))
		return err == nil && len(left) == 0
	})
	c.end(id, d, people, claimed)
}

// revivedWorker starts a killed worker again: its journal narrows the doubt to what was in flight.
func (c *cluster) revivedWorker(t *testing.T) {
	c.t = t
	c.quit(c.workers[1])
	c.hire(1, "TOCSIN_LEASE=5m") // nobody takes its ranges before it is back, however slow the machine
	id, d := c.begin(t, "revived", people)
	c.workers[1].kill()
	c.hire(1)
	d = c.end(id, d, people, inFlight)
	require.LessOrEqual(t, d.Duplicates, int64(inFlight))
}

// stoppedWorkers ends every worker in the middle of a dispatch: each finishes what is in flight, so nobody
// is in doubt.
func (c *cluster) stoppedWorkers(t *testing.T) {
	id, d := c.begin(t, "stopped", people)
	var wg sync.WaitGroup
	for _, w := range c.workers {
		wg.Go(func() { c.quit(w) })
	}
	wg.Wait()
	d = c.progress(d.ID)
	require.Equal(t, "running", d.State)
	require.EqualValues(t, people, d.sum())
	for i := range c.workers {
		c.hire(i)
	}
	d = c.end(id, d, people, 0)
	require.Zero(t, d.Duplicates)
}

// closedDoor stops one serve process; timers, events and intake go on at the other.
func (c *cluster) closedDoor(t *testing.T) {
	c.t = t
	c.quit(c.doors[0])
	c.through(1)
	events := c.connect()
	sub, err := events.SubscribeSync("tocsin.events.document.drafted")
	require.NoError(t, err)
	id := c.report(leak("after"))
	c.audience(id, 20, nil)
	require.NotEmpty(t, c.approvedNotice(id).ID)
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	require.Contains(t, string(m.Data), id)
	for _, p := range append(c.workers, c.doors[1]) {
		c.quit(p)
	}
}
