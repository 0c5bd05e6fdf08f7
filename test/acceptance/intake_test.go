package acceptance

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func (h *house) bus(addr string) *nats.Conn {
	token, err := os.ReadFile(filepath.Join(h.data, "bus-token"))
	require.NoError(h.t, err)
	nc, err := nats.Connect("nats://"+addr, nats.Token(strings.TrimSpace(string(token))))
	require.NoError(h.t, err)
	h.t.Cleanup(nc.Close)
	return nc
}

// TestOneFindingOverBothDoorsIsOneIncident posts the same finding 100 times in parallel over HTTP and NATS.
func TestOneFindingOverBothDoorsIsOneIncident(t *testing.T) {
	h := newHouse(t)
	h.service.stop(t)
	nc := h.bus(h.serve("--nats-listen", "127.0.0.1:0")["bus"])
	body, err := json.Marshal(leak("same"))
	require.NoError(t, err)
	ids := make([]string, 100)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			var out struct{ Incidents []struct{ ID string } }
			if i%2 == 0 {
				status, raw, err := h.call(h.worker, http.MethodPost, "/intake/native", body, &out)
				if err != nil || status != http.StatusAccepted {
					t.Errorf("http: %d %s %v", status, raw, err)
					return
				}
			} else {
				m, err := nc.Request("tocsin.intake.native", body, 20*time.Second)
				if err != nil || json.Unmarshal(m.Data, &out) != nil {
					t.Errorf("nats: %v", err)
					return
				}
			}
			if len(out.Incidents) == 1 {
				ids[i] = out.Incidents[0].ID
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	var list struct{ Incidents []struct{ Revision int } }
	h.must(h.worker, http.MethodGet, "/incidents", nil, &list)
	require.Len(t, list.Incidents, 1)
	require.Equal(t, 1, list.Incidents[0].Revision)

	changed := leak("same")
	changed["facts"].(map[string]any)["people"] = map[string]any{"count": 1300000, "certainty": "at_least"}
	body, err = json.Marshal(changed)
	require.NoError(t, err)
	m, err := nc.Request("tocsin.intake.native", body, 5*time.Second)
	require.NoError(t, err)
	var out struct {
		Incidents []struct {
			ID       string
			Created  bool
			Revision int
		}
	}
	require.NoError(t, json.Unmarshal(m.Data, &out))
	require.Equal(t, ids[0], out.Incidents[0].ID)
	require.False(t, out.Incidents[0].Created)
	require.Equal(t, 2, out.Incidents[0].Revision)
}

// TestRejectsNameEveryFault sends a finding with three faults over both doors: the same list, nothing stored.
func TestRejectsNameEveryFault(t *testing.T) {
	h := newHouse(t)
	h.service.stop(t)
	nc := h.bus(h.serve("--nats-listen", "127.0.0.1:0")["bus"])
	rejected, err := nc.SubscribeSync("tocsin.rejected.native")
	require.NoError(t, err)
	bad := []byte(`{"title":"x","facts":{"people":{"count":-1},"data_event":"gone","nosuch":1}}`)
	type problem struct {
		Status int
		Errors []struct{ Pointer, Rule, Message string }
	}
	status, raw, err := h.call(h.worker, http.MethodPost, "/intake/native", bad, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, status)
	var over, under problem
	require.NoError(t, json.Unmarshal(raw, &over))
	require.Len(t, over.Errors, 3, "%s", raw)
	m, err := nc.Request("tocsin.intake.native", bad, 5*time.Second)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(m.Data, &under))
	require.Equal(t, over, under)
	m, err = rejected.NextMsg(5 * time.Second)
	require.NoError(t, err)
	var event struct{ Data struct{ Problem problem } }
	require.NoError(t, json.Unmarshal(m.Data, &event))
	require.Equal(t, over, event.Data.Problem)
	var list struct{ Incidents []any }
	h.must(h.worker, http.MethodGet, "/incidents", nil, &list)
	require.Empty(t, list.Incidents)
}

// TestAnswersOfTheContract walks through the refusals of the API.
func TestAnswersOfTheContract(t *testing.T) {
	h := newHouse(t)
	id := h.report(leak("answers"))
	huge := []byte(`{"title":"` + strings.Repeat("x", 5<<20) + `"}`)
	for _, c := range []struct {
		name, token, method, path string
		body                      any
		header                    []string
		want                      int
	}{
		{"no token", "", "GET", "/incidents", nil, nil, 401},
		{"not permitted", h.one, "POST", "/incidents", leak("x"), nil, 403},
		{"not there", h.worker, "GET", "/incidents/inc_nosuch", nil, nil, 404},
		{"stale", h.worker, "PATCH", "/incidents/" + id, map[string]any{"facts": map[string]any{"loss_cny": 1}}, []string{"If-Match", `"77"`}, 412},
		{"too large", h.worker, "POST", "/intake/native", huge, nil, 413},
		{"unknown format", h.worker, "POST", "/intake/nosuch", []byte(`{}`), nil, 415},
		{"a typo in the profile", h.admin, "PUT", "/operators/acme/profile", map[string]any{"sectrs": []string{}}, nil, 400},
		{"approve what is not submitted", h.one, "POST", "/notices/ntc_nosuch/approve", map[string]any{"digest": "x"}, nil, 404},
	} {
		status, raw, err := h.call(c.token, c.method, c.path, c.body, nil, c.header...)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, status, "%s: %s", c.name, raw)
	}
	finding := leak("idem")
	delete(finding, "dedup_key")
	var first, again struct{ ID string }
	h.must(h.worker, http.MethodPost, "/incidents", finding, &first, "Idempotency-Key", "k1")
	h.must(h.worker, http.MethodPost, "/incidents", finding, &again, "Idempotency-Key", "k1")
	require.Equal(t, first, again)
	finding["title"] = "Another"
	status, _, err := h.call(h.worker, http.MethodPost, "/incidents", finding, nil, "Idempotency-Key", "k1")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	status, _, err = h.call(h.worker, http.MethodPost, "/incidents", leak("answers"), nil, "Idempotency-Key", "k2")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, "a known dedup_key under another key")
}
