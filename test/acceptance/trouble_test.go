package acceptance

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// underWay has people told slowly enough for trouble to come in the middle, and waits until some are.
func (h *house) underWay(id string, people int) (d progress) {
	h.t.Helper()
	h.audience(id, people, nil)
	notice := h.approve(h.steer(h.draft(id), map[string]any{"limit": map[string]any{}, "rates": map[string]float64{"email": float64(people) / 8}}))
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	h.until("the first outcomes", 30*time.Second, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		return d.People["pending"] < int64(people)
	})
	require.Equal(h.t, "running", d.State, "the trouble must come in the middle")
	return d
}

// troubled holds the service to what it says while the store takes nothing: both doors refuse for now, whoever
// reads or steers is told, and a monitor knows why.
func (h *house) troubled(nc *nats.Conn, d progress, why string) {
	h.t.Helper()
	h.refused(nc, "during")
	h.readable()
	out, errOut, code := tocsin(h.t, []string{"TOCSIN_URL=http://" + h.addr, "TOCSIN_TOKEN=" + h.worker}, "", "dispatch", "pause", d.ID, "--reason", "trouble")
	require.NotZero(h.t, code, out)
	require.Contains(h.t, errOut, why)
	status, said := h.ready()
	require.Equal(h.t, http.StatusServiceUnavailable, status)
	require.Contains(h.t, said, "store is not ready")
	require.Contains(h.t, said, why)
	require.Equal(h.t, "0", h.metric(`tocsin_ready{part="store"}`))
	h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
	require.Equal(h.t, "running", d.State)
	require.NotZero(h.t, d.People["pending"], "the trouble came in the middle")
	require.Equal(h.t, strconv.FormatInt(d.People["pending"], 10), h.metric(`tocsin_dispatch_people{dispatch="`+d.ID+`",state="pending"}`))
}

// mended holds the dispatch to its end once the store takes writes again; at most so many people are told twice.
func (h *house) mended(d progress, people int, most int64) (progress, int64) {
	h.t.Helper()
	h.until("the dispatch", 2*time.Minute, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		require.EqualValues(h.t, people, d.sum(), "the states always add up")
		return d.State == "done"
	})
	return d, h.compare(d, people, most)
}

// ready is what /readyz says.
func (h *house) ready() (status int, said string) {
	h.t.Helper()
	return h.plain("/readyz")
}

func (h *house) plain(path string) (status int, said string) {
	h.t.Helper()
	resp, err := http.Get("http://" + h.addr + path)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	return resp.StatusCode, string(b)
}

// metric is the value of one series, or "".
func (h *house) metric(series string) string {
	h.t.Helper()
	_, all := h.plain("/metrics")
	for line := range strings.Lines(all) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// lasting is how long trouble lasts: no longer than it takes to be seen, or in a soak longer than a claim.
func lasting(short time.Duration) time.Duration {
	if os.Getenv("SOAK") != "" {
		return 90 * time.Second
	}
	return short
}

// disk is where a house keeps its data, and how that fills up and empties.
type disk struct {
	kind        string
	fill, empty func(h *house)
}

// smallDisk is a file system of its own where the machine lets one be mounted, else a limit to how large the
// service's files may become.
func smallDisk(t *testing.T, h *house) disk {
	if syscall.Mount("tmpfs", h.data, "tmpfs", 0, "size=256m") != nil {
		limit := func(bytes string) func(h *house) {
			return func(h *house) {
				out, err := exec.Command("prlimit", "--pid", strconv.Itoa(h.service.cmd.Process.Pid), "--fsize="+bytes+":unlimited").CombinedOutput()
				require.NoError(h.t, err, "%s", out)
			}
		}
		return disk{"a limit to the size of files", limit("4096"), limit("unlimited")}
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(h.data, 0)) })
	ballast := filepath.Join(h.data, "ballast")
	return disk{"a full file system",
		func(h *house) {
			f, err := os.Create(ballast)
			require.NoError(h.t, err)
			defer f.Close()
			for page := make([]byte, 4096); err == nil; {
				_, err = f.Write(page)
			}
			require.ErrorIs(h.t, err, syscall.ENOSPC)
		},
		func(h *house) { require.NoError(h.t, os.Remove(ballast)) },
	}
}
