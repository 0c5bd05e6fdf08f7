package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/simulator"
)

// TestEveryFault sends to people of whom one in a hundred meets each fault that the simulator has, over all
// three channels, and holds what arrived against the ledger person by person. SOAK_PEOPLE and SOAK_FAULTS set
// how many people and which faults.
func TestEveryFault(t *testing.T) {
	people, faults, hang := soakFaults()
	h := newClockHouse(t, []string{"--seed", "7", "--faults", faults, "--hang", hang.String(), "--slow", (hang / 5).String(), "--sample", "1000"},
		"TOCSIN_LOG_LEVEL=info", "TOCSIN_LEASE=1h", "TOCSIN_WORKERS=16", "TOCSIN_SMTP__CONNECTIONS=64")
	id := h.report(leak("faults"))
	h.audience(id, people, everyWay)
	notice := h.approve(h.steer(h.draft(id), map[string]any{
		"limit": map[string]any{"failed": 1, "complaints": 1}, "waits": map[string]string{"push": "1h"},
	}))
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	began := time.Now()
	d = h.walk(d, people)
	took := time.Since(began).Round(time.Second)

	require.EqualValues(t, people, d.sum())
	require.Zero(t, d.People["pending"], "everybody has an outcome")
	found := h.audit(d, people)
	t.Logf("%v in %v; %+v", d.People, took, found)
	require.Zero(t, found.Lost, "who counts as reached was sent to")
	require.Zero(t, found.Unlisted, "who was sent to is in the ledger")
	require.Zero(t, found.Unexplained, "each repeat is named")
	h.agrees(d)
	record(t, "every fault", fmt.Sprintf("%d people, faults `%s`, a hang takes %v", people, faults, hang), fmt.Sprintf(
		"%d reached, %d unreachable and listed, %d in doubt and listed; lost %d, repeats %d, all named (%d possible duplicates), unexplained %d",
		d.People["accepted"]+d.People["delivered"]+d.People["read"], d.People["failed"], d.People["in_doubt"], found.Lost, found.Repeats, d.Duplicates, found.Unexplained), took)
}

func soakFaults() (people int, faults string, hang time.Duration) {
	people, faults, hang = 3000, "*=0.01,hang=0.001", 200*time.Millisecond
	if os.Getenv("SOAK") != "" {
		people, faults, hang = 1_000_000, "*=0.01", time.Second
	}
	if n, err := strconv.Atoi(os.Getenv("SOAK_PEOPLE")); err == nil {
		people = n
	}
	if f := os.Getenv("SOAK_FAULTS"); f != "" {
		faults = f
	}
	if d, err := time.ParseDuration(os.Getenv("SOAK_HANG")); err == nil {
		hang = d
	}
	return people, faults, hang
}

// steer sets the course of a notice.
func (h *house) steer(notice document, course map[string]any) document {
	h.t.Helper()
	h.must(h.worker, http.MethodPatch, "/notices/"+notice.ID, map[string]any{"course": course}, &notice, "If-Match", fmt.Sprintf(`"%d"`, notice.Version))
	return notice
}

// everyWay gives people addresses: everybody mail, some a phone as well, some the app.
func everyWay(i int, p map[string]any) {
	p["emails"] = []string{mailbox(i)}
	switch {
	case i%20 == 7:
		p["push"], p["channels"] = []map[string]string{{"provider": "aliyun", "target": "DEVICE", "id": device(i)}}, []string{"push", "email"}
	case i%10 == 5:
		p["phones"], p["channels"] = []string{"+86" + phone(i)}, []string{"email", "sms"}
	}
}

func device(i int) string { return fmt.Sprintf("%032x", i+1<<40) }
func phone(i int) string  { return fmt.Sprintf("139%08d", i) }

// mailbox spreads people over many domains: one that complains of frequency is sent to slowly from then on.
func mailbox(i int) string { return fmt.Sprintf("user%d@m%d.example.com", i, i%20011) }

// walk follows a dispatch to its end; whenever next to nothing moves, the service's clock and the providers' go on
// ten minutes: what comes again comes spread over as long as it took the first time.
func (h *house) walk(d progress, people int) progress {
	h.t.Helper()
	var by time.Duration
	still, last := time.Now(), d
	for d.State == "running" {
		require.Less(h.t, by, 72*time.Hour, "%s", tail(h.service.output()))
		time.Sleep(50 * time.Millisecond)
		var now progress
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &now)
		require.EqualValues(h.t, people, now.sum(), "the states always add up")
		d = now
		if d.moved(last) > int64(people)/2000 {
			still, last = time.Now(), d
			continue
		}
		if time.Since(still) > 2*time.Second {
			by += 10 * time.Minute
			h.move(by)
			h.simulate("clock", map[string]string{"advance": "10m"})
			h.t.Logf("%v, %d possible duplicates: the clock goes on to +%v", now.People, now.Duplicates, by)
			still, last = time.Now(), d
		}
	}
	require.Equal(h.t, "done", d.State, d.Reason)
	return d
}

// moved is how many people stand elsewhere than before.
func (d progress) moved(before progress) int64 {
	n := max(d.Duplicates-before.Duplicates, before.Duplicates-d.Duplicates)
	for state, people := range d.People {
		n += max(people-before.People[state], before.People[state]-people)
	}
	return n
}

// audited is what the comparison of ledger and arrivals found.
type audited struct {
	Arrived, Repeats, Lost, Unlisted, Unexplained int
}

// audit holds every person's deliveries in the ledger against what arrived there.
func (h *house) audit(d progress, people int) (a audited) {
	h.t.Helper()
	arrived := h.arrivals()
	for _, n := range arrived {
		a.Arrived += n
		a.Repeats += n - 1
	}
	resp := h.stream("/dispatches/" + d.ID + "/export?format=ndjson")
	defer resp.Body.Close()
	seen, next := json.NewDecoder(bufio.NewReaderSize(resp.Body, 1<<20)), int64(0)
	for seen.More() {
		var r struct {
			Recipient             int64
			Channel, State, Class string
			Doubt                 bool `json:"possible_duplicate"`
		}
		require.NoError(h.t, seen.Decode(&r))
		require.True(h.t, r.Recipient == next || r.Recipient == next-1, "no recipient is left out")
		next = r.Recipient + 1
		if r.Channel == "" || r.Channel == "none" {
			continue
		}
		key := simulator.KeyOf(r.Channel, address(r.Channel, int(r.Recipient)), "").Person
		n := arrived[key]
		delete(arrived, key)
		reached := r.State == "accepted" || r.State == "delivered" || r.State == "read"
		if reached && n == 0 && r.Channel != "push" { // a push to a device that is gone is dropped without a word
			a.Lost++
			h.t.Logf("lost: %+v", r)
		}
		if n > 1 && !r.Doubt {
			a.Unexplained++
			h.t.Logf("arrived %d times: %+v", n, r)
		}
	}
	require.EqualValues(h.t, people, next)
	a.Unlisted = len(arrived)
	return a
}

func address(channel string, i int) string {
	switch channel {
	case "sms":
		return phone(i)
	case "push":
		return device(i)
	}
	return mailbox(i)
}

// arrivals is how many messages each person got, by the simulator's hash of channel and address.
func (h *house) arrivals() map[uint64]int {
	h.t.Helper()
	resp, err := http.Get("http://" + h.simulator + "/_admin/export")
	require.NoError(h.t, err)
	defer resp.Body.Close()
	got := map[uint64]int{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var person uint64
		var id uint32
		var n int
		_, err := fmt.Sscanf(lines.Text(), "%x %x %d", &person, &id, &n)
		require.NoError(h.t, err)
		got[person] += n
	}
	return got
}

// stream asks for what is too much to hold at once.
func (h *house) stream(path string) *http.Response {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+h.addr+"/api/v1"+path, nil)
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "Bearer "+h.worker)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	require.Equal(h.t, http.StatusOK, resp.StatusCode)
	return resp
}

// agrees has everything counted again: counters, deliveries, batches and ledger say the same.
func (h *house) agrees(d progress) {
	h.t.Helper()
	out, errOut, code := tocsin(h.t, []string{"TOCSIN_URL=http://" + h.addr, "TOCSIN_TOKEN=" + h.worker}, "", "dispatch", "reconcile", d.ID, "--recount")
	require.Zero(h.t, code, "%s%s", out, errOut)
}
