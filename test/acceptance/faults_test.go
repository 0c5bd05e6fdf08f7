package acceptance

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// shed is the answer that tells a tool to come again later.
type shed struct {
	Status     int
	RetryAfter int `json:"retry_after"`
}

// refused posts a finding over both doors while the store cannot take it: both say so, and when to come again.
func (h *house) refused(nc *nats.Conn, key string) {
	h.t.Helper()
	body, err := json.Marshal(leak(key))
	require.NoError(h.t, err)
	var over, under shed
	req, err := http.NewRequest(http.MethodPost, "http://"+h.addr+"/api/v1/incidents", strings.NewReader(string(body)))
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "Bearer "+h.worker)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	require.Equal(h.t, http.StatusServiceUnavailable, resp.StatusCode, "%s\n%s", raw, tail(h.service.output()))
	require.Equal(h.t, "application/problem+json", resp.Header.Get("Content-Type"))
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	require.NoError(h.t, err)
	require.Positive(h.t, seconds)
	require.NoError(h.t, json.Unmarshal(raw, &over))
	m, err := nc.Request("tocsin.intake.native", body, 30*time.Second)
	require.NoError(h.t, err)
	require.NoError(h.t, json.Unmarshal(m.Data, &under))
	require.Equal(h.t, over, under)
}

// taken posts the same finding again until it is taken.
func (h *house) taken(key string) (id string) {
	h.t.Helper()
	h.until("the store", 30*time.Second, func() bool {
		var out struct{ ID string }
		status, raw, err := h.call(h.worker, http.MethodPost, "/incidents", leak(key), &out)
		require.NoError(h.t, err)
		require.Contains(h.t, []int{http.StatusCreated, http.StatusOK, http.StatusServiceUnavailable}, status, "%s", raw)
		id = out.ID
		return status < 300
	})
	return id
}

// only holds the list of incidents against what is to be there, each whole: with duties and its draft.
func (h *house) only(ids ...string) {
	h.t.Helper()
	var list struct{ Incidents []struct{ ID string } }
	h.must(h.worker, http.MethodGet, "/incidents?limit=500", nil, &list)
	var got []string
	for _, i := range list.Incidents {
		got = append(got, i.ID)
	}
	require.ElementsMatch(h.t, ids, got)
	for _, id := range ids {
		var duties struct{ Obligations []any }
		h.must(h.worker, http.MethodGet, "/incidents/"+id+"/obligations", nil, &duties)
		require.NotEmpty(h.t, duties.Obligations)
		h.until("the draft", 30*time.Second, func() bool { return len(h.documents(id, "notice")) > 0 })
	}
}

// readable is whether the service still answers questions.
func (h *house) readable() {
	h.t.Helper()
	h.must(h.worker, http.MethodGet, "/incidents", nil, nil)
}

// TestLockedDatabase has another program hold the database's lock, in the middle of a dispatch, for longer than
// the service waits.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	const people = 6000
	h := newHouse(t)
	h.service.stop(t)
	nc := h.bus(h.serve("--nats-listen", "127.0.0.1:0")["bus"])
	first := h.taken("before")
	d := h.underWay(first, people)

	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.data, "tocsin.db")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer db.Close()
	conn, err := db.Conn(context.Background())
	require.NoError(t, err)
	defer conn.Close()
	began := time.Now()
	_, err = conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	h.troubled(nc, d, "locked")
	time.Sleep(time.Until(began.Add(lasting(0))))
	_, err = conn.ExecContext(context.Background(), "ROLLBACK")
	require.NoError(t, err)

	locked := time.Since(began)
	h.only(first, h.taken("during"))
	d, repeated := h.mended(d, people, 0)
	status, said := h.ready()
	require.Equal(t, http.StatusOK, status, said)
	record(t, "database locked by another program (SQLite)", fmt.Sprintf("%d people, locked for %v in the middle", people, locked.Round(time.Second)), killed(people, d, repeated), time.Since(began))
}

// TestLockedTable has another session hold locks on what a dispatch and an intake write, in the middle of both.
func TestLockedTable(t *testing.T) {
	t.Parallel()
	const people = 6000
	dsn := postgres(t)
	c := newCluster(t, dsn+" lock_timeout=1500", 1, 1)
	first := c.taken("before")
	d := c.underWay(first, people)

	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer db.Close()
	tx, err := db.Begin()
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // it may be over
	began := time.Now()
	_, err = tx.Exec("LOCK TABLE incident, dispatch_range IN EXCLUSIVE MODE")
	require.NoError(t, err)
	c.troubled(c.connect(), d, "locked")
	time.Sleep(time.Until(began.Add(lasting(0))))
	require.NoError(t, tx.Rollback())

	locked := time.Since(began)
	c.only(first, c.taken("during"))
	d, repeated := c.mended(d, people, inFlight)
	record(t, "tables locked by another session (PostgreSQL)", fmt.Sprintf("%d people, locked for %v in the middle", people, locked.Round(time.Second)), killed(people, d, repeated), time.Since(began))
}

// TestFullDisk lets no file grow any more, in the middle of a dispatch too, and then lets them again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const people = 6000
	h := &house{t: t, data: t.TempDir(), addr: freePort(t)}
	disk := smallDisk(t, h)
	furnish(h, nil)
	h.service.stop(t)
	nc := h.bus(h.serve("--nats-listen", "127.0.0.1:0")["bus"])
	first := h.taken("before")
	d := h.underWay(first, people)

	began := time.Now()
	disk.fill(h)
	h.troubled(nc, d, "disk")
	time.Sleep(time.Until(began.Add(lasting(0))))
	disk.empty(h)
	full := time.Since(began)

	second := h.taken("during")
	h.only(first, second)
	d, repeated := h.mended(d, people, 0)
	h.hears(nc)
	record(t, "disk full (SQLite)", fmt.Sprintf("%d people, %s for %v in the middle", people, disk.kind, full.Round(time.Second)), killed(people, d, repeated), time.Since(began))
	h.service.stop(t)
	require.Zero(t, h.service.cmd.ProcessState.ExitCode(), h.service.output())
}

// hears waits for an event of a new incident on the bus.
func (h *house) hears(nc *nats.Conn) {
	h.t.Helper()
	sub, err := nc.SubscribeSync("tocsin.events.incident.recorded")
	require.NoError(h.t, err)
	defer sub.Unsubscribe() //nolint:errcheck // the connection ends with the test
	id := h.taken("heard")
	for {
		m, err := sub.NextMsg(30 * time.Second)
		require.NoError(h.t, err, "%s", tail(h.service.output()))
		if strings.Contains(string(m.Data), id) {
			return
		}
	}
}

// TestStoreGone cuts PostgreSQL off again and again while findings come in: what was acknowledged is there,
// once, and nothing else.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	cut := newCut(t, postgres(t))
	c := newCluster(t, cut.dsn, 1, 1)
	nc := c.connect()
	first := c.taken("before")
	ready := func() int { status, _ := c.ready(); return status }
	require.Equal(t, http.StatusOK, ready())
	cut.off()
	c.refused(nc, "during")
	require.Equal(t, http.StatusServiceUnavailable, ready())
	cut.on()
	ids := []string{first, c.taken("during")}

	var mu sync.Mutex
	var wg sync.WaitGroup
	for side := range 4 {
		wg.Go(func() {
			for i := range 5 {
				id := c.taken(fmt.Sprintf("burst-%d-%d", side, i))
				mu.Lock()
				ids = append(ids, id)
				mu.Unlock()
			}
		})
	}
	for range 3 {
		time.Sleep(100 * time.Millisecond)
		cut.off()
		time.Sleep(50 * time.Millisecond)
		cut.on()
	}
	wg.Wait()
	c.only(ids...)
	require.Eventually(t, func() bool { return ready() == http.StatusOK }, 20*time.Second, 50*time.Millisecond)
	for _, p := range append(c.workers, c.doors...) {
		c.quit(p)
	}
}

// cut is a line to a server that can be interrupted.
type cut struct {
	dsn string // through the line
	to  string
	l   net.Listener

	mu    sync.Mutex
	down  bool
	lines map[net.Conn]struct{}
}

func newCut(t *testing.T, dsn string) *cut {
	var host, port string
	for _, word := range strings.Fields(dsn) {
		if v, ok := strings.CutPrefix(word, "port="); ok {
			port = v
		}
		if v, ok := strings.CutPrefix(word, "host="); ok {
			host = v
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, through, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	c := &cut{dsn: strings.Replace(dsn, "port="+port, "port="+through, 1), to: net.JoinHostPort(host, port), l: l, lines: map[net.Conn]struct{}{}}
	go c.serve()
	t.Cleanup(func() { l.Close(); c.off() })
	return c
}

func (c *cut) serve() {
	for {
		in, err := c.l.Accept()
		if err != nil {
			return
		}
		go c.join(in)
	}
}

func (c *cut) join(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", c.to)
	if err != nil || !c.add(in, out) {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(out, in); out.Close() }()
	_, _ = io.Copy(in, out)
}

func (c *cut) add(lines ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return false
	}
	for _, l := range lines {
		c.lines[l] = struct{}{}
	}
	return true
}

// off ends every connection and takes no more.
func (c *cut) off() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	for l := range c.lines {
		l.Close()
	}
	clear(c.lines)
}

func (c *cut) on() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = false
}
