package acceptance

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var buildMoved = sync.OnceValues(func() (string, error) {
	program := filepath.Join(filepath.Dir(binary), "moved")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", program, "tocsin/test/soak")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	_, err := build.Output()
	return program, err
})

// movedProgram is the service with a clock that a test moves.
func movedProgram(t *testing.T) string {
	t.Helper()
	program, err := buildMoved()
	require.NoError(t, err)
	return program
}

// newClockHouse is an installation whose clock a test moves, with a simulator of its own making.
func newClockHouse(t *testing.T, simulator []string, env ...string) *house {
	h := &house{t: t, data: t.TempDir(), addr: freePort(t), clock: filepath.Join(t.TempDir(), "clock")}
	h.move(0)
	return furnish(h, simulator, env...)
}

// move sets how far the service's clock is from the machine's.
func (h *house) move(by time.Duration) {
	h.t.Helper()
	require.NoError(h.t, os.WriteFile(h.clock+".new", []byte(by.String()), 0o600))
	require.NoError(h.t, os.Rename(h.clock+".new", h.clock))
}

// simulate changes something at the simulator.
func (h *house) simulate(path string, body any) {
	h.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(h.t, err)
	req, err := http.NewRequest(http.MethodPost, "http://"+h.simulator+"/_admin/"+path, bytes.NewReader(raw))
	require.NoError(h.t, err)
	req.Header.Set("X-Simulator", "1")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	require.NoError(h.t, resp.Body.Close())
	require.Equal(h.t, http.StatusNoContent, resp.StatusCode)
}
