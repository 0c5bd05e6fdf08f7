package acceptance

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// planted are people's data that must stand nowhere in clear.
var planted = []string{"Zuzana Plantova", "普兰托娃", "zuzana.plantova@example.org", "zuzana.plantova", "13900007777", "plantedpersonkey", "planteddeviceid000000000000000000", "Plantgasse 7", "13900008888"}

// TestPlantedDataIsFoundNowhere runs everything with planted people, their data also in wrong places, and reads
// every byte that the run left behind.
func TestPlantedDataIsFoundNowhere(t *testing.T) {
	h := newHouse(t)
	f := leak("planted")
	f["title"] = "Customer Zuzana Plantova 普兰托娃 called"
	f["summary"] = "She lives in Plantgasse 7, phone 13900008888."
	id := h.report(f)
	h.audience(id, 40, func(i int, p map[string]any) {
		p["name"] = "Zuzana Plantova 普兰托娃"
		p["person_key"] = "plantedpersonkey" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		if i == 0 {
			p["emails"], p["phones"], p["channels"] = []string{"zuzana.plantova@example.org"}, []string{"+8613900007777"}, []string{"sms", "email"}
		}
		if i == 1 {
			p["push"] = []any{map[string]any{"provider": "aliyun", "target": "DEVICE", "id": "planteddeviceid000000000000000000"}}
			p["channels"] = []string{"push"}
		}
	})
	var answers [][]byte
	for _, bad := range []struct{ path, body, kind string }{
		{"/incidents", `{"title": 7, "facts": {"people": {"count": "zuzana.plantova@example.org"}}}`, "application/json"},
		{"/intake/auto", `zuzana.plantova@example.org`, "application/json"},
		{"/intake/nosuch", `{"name":"Zuzana Plantova"}`, "application/json"},
		{"/incidents/" + id + "/audience", `{"emails":["zuzana.plantova@"],"phones":["13900007777x"]}` + "\n", "application/x-ndjson"},
		{"/obligations/derive", `{"facts":{"data_event":"Plantgasse 7"}}`, "application/json"},
	} {
		_, raw, err := h.call(h.worker, http.MethodPost, bad.path, []byte(bad.body), nil, "Content-Type", bad.kind)
		require.NoError(t, err)
		answers = append(answers, raw)
	}
	h.audience(id, 40, func(i int, p map[string]any) { // the newest is the one that is sent to
		p["name"] = "Zuzana Plantova 普兰托娃"
		if i == 0 {
			p["emails"], p["phones"], p["channels"] = []string{"zuzana.plantova@example.org"}, []string{"+8613900007777"}, []string{"sms", "email"}
		}
	})
	notice := h.approvedNotice(id)
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	h.until("the dispatch", 30*time.Second, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		return d.State == "done"
	})
	require.Zero(t, d.People["failed"])
	var pack bytes.Buffer
	_, raw, err := h.call(h.worker, http.MethodGet, "/incidents/"+id+"/evidence", nil, nil)
	require.NoError(t, err)
	pack.Write(raw)
	h.service.stop(t)

	people := planted[2:7] // the incident's own text is in the pack, affected people are not
	for _, p := range people {
		require.NotContains(t, pack.String(), p, "the evidence pack")
	}
	for _, p := range planted {
		for _, a := range answers {
			require.NotContains(t, string(a), p, "an answer")
		}
		require.NotContains(t, h.service.output(), p, "the log")
	}
	files := 0
	require.NoError(t, filepath.WalkDir(h.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, p := range planted {
			require.False(t, bytes.Contains(b, []byte(p)), "%s holds %q", path, p)
		}
		return nil
	}))
	require.Greater(t, files, 3)
}
