package intake_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/incidenttest"
	"tocsin/incident/intake"
	"tocsin/internal/clock"
)

var (
	start = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	tool  = evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_1"}}
	write = flag.Bool("update", false, "write the golden files")
)

func service() (*intake.Service, *incidenttest.Store) {
	clk := clock.NewFake(start)
	store := incidenttest.New(clk)
	return intake.New(store, clk), store
}

func accept(t *testing.T, r intake.Request) (intake.Answer, *incidenttest.Store, error) {
	t.Helper()
	if r.Format == "" {
		r.Format = "auto"
	}
	s, store := service()
	a, err := s.Accept(context.Background(), tool, r)
	return a, store, err
}

func facts(t *testing.T, store *incidenttest.Store, id incident.ID) (inc incident.Incident, s incident.Snapshot) {
	t.Helper()
	require.NoError(t, store.View(context.Background(), tool, func(tx incident.Tx) (err error) {
		inc, s, err = incident.Load(context.Background(), tx, id)
		return err
	}))
	return inc, s
}

func problems(t *testing.T, err error, kind incident.FaultKind) map[string]string {
	t.Helper()
	var fault *incident.Fault
	require.True(t, errors.As(err, &fault), "%v", err)
	require.Equal(t, kind, fault.Kind)
	out := map[string]string{}
	for _, p := range fault.Problems {
		require.NotEmpty(t, p.Rule)
		require.NotEmpty(t, p.Message)
		out[p.Pointer] = p.Rule
	}
	return out
}

// Every sample of ours has a golden file: each fact with its pointer, and the warnings.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/samples/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			dry, store, err := accept(t, intake.Request{Body: body, DryRun: true})
			require.NoError(t, err)
			require.Empty(t, store.All())
			recorded, store, err := accept(t, intake.Request{Body: body})
			require.NoError(t, err)
			require.Len(t, recorded.Incidents, 1)
			inc, s := facts(t, store, recorded.Incidents[0].ID)
			got, err := json.MarshalIndent(map[string]any{"mapped": dry.DryRun, "warnings": recorded.Warnings, "facts": s.Object(),
				"incident": map[string]any{"title": inc.Title, "summary": inc.Summary, "severity": inc.Severity, "mode": inc.Mode, "source": inc.Source, "tags": inc.Tags},
			}, "", "  ")
			require.NoError(t, err)
			golden := strings.Replace(file, ".json", ".golden", 1)
			if *write {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(strings.TrimSpace(string(want)), string(got)))
			require.Equal(t, body, store.Kept()[0].Body, "the original stays as it came")
		})
	}
}

func TestNativeFaultsComeAllAtOnceWithoutValues(t *testing.T) {
	_, store, err := accept(t, intake.Request{Format: "native", Body: []byte(`{"titel": "SECRET", "title": "", "operator": 5, "mode": "SECRET",
		"at": "SECRET", "source": {"tol": "SECRET", "url": "javascript:SECRET"}, "facts": {"people": {"count": "SECRET"}, "cause": {"text": "a"}},
		"cause": {"text": "SECRET", "color": 1}, "tags": [1], "severity": "SECRET", "severity": "SECRET", "advice": "SECRET"}`)})
	got := problems(t, err, incident.Invalid)
	require.Equal(t, map[string]string{"/titel": "unknown-field", "/title": "required", "/operator": "type", "/mode": "enum", "/at": "date",
		"/source/tol": "unknown-field", "/source/url": "url", "/facts/people/count": "type", "/cause": "duplicate", "/cause/color": "unknown-field",
		"/tags/0": "type", "/severity": "enum", "/advice": "type"}, got)
	require.NotContains(t, err.Error(), "SECRET")
	require.Empty(t, store.All())
}

func TestInputsThatAreRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for name, c := range map[string]struct {
		request intake.Request
		kind    incident.FaultKind
		rule    string
	}{
		"no json":        {intake.Request{Body: []byte("SECRET")}, incident.Invalid, "json"},
		"empty":          {intake.Request{Format: "native"}, incident.Invalid, "json"},
		"trailing data":  {intake.Request{Body: []byte(`{"title":"a","facts":{}} {"SECRET":1}`)}, incident.Invalid, "json"},
		"not a number":   {intake.Request{Body: []byte(`{"title":"a","facts":{"records":NaN}}`)}, incident.Invalid, "json"},
		"duplicate key":  {intake.Request{Body: []byte(`{"title":"SECRET","title":"b","facts":{}}`)}, incident.Invalid, "duplicate-key"},
		"not UTF-8":      {intake.Request{Body: []byte("{\"title\":\"a\xff\",\"facts\":{}}")}, incident.Invalid, "utf-8"},
		"too deep":       {intake.Request{Body: []byte(deep)}, incident.Invalid, "limit"},
		"too many items": {intake.Request{Body: []byte("[" + strings.Repeat("1,", 10_000) + "1]")}, incident.Invalid, "limit"},
		"long key":       {intake.Request{Body: []byte(`{"` + strings.Repeat("k", 300) + `":1}`)}, incident.Invalid, "limit"},
		"unknown mode":   {intake.Request{Body: []byte(`{}`), Mode: "SECRET"}, incident.Invalid, "mode"},
		"other mode":     {intake.Request{Body: []byte(`{"title":"a","mode":"live","facts":{}}`), Mode: incident.Drill}, incident.Invalid, "mode"},
		"other operator": {intake.Request{Body: []byte(`{"title":"a","operator":"SECRET","facts":{}}`)}, incident.Invalid, "operator"},
		"no incident id": {intake.Request{Format: "veris", Body: []byte(`{"incident_id":"Unknown"}`)}, incident.Invalid, "required"},
		"list":           {intake.Request{Format: "native", Body: []byte(`[]`)}, incident.Invalid, "type"},
		"unknown format": {intake.Request{Format: "SECRET", Body: []byte(`{}`)}, incident.Unsupported, ""},
		"unrecognised":   {intake.Request{Body: []byte(`{"a":"SECRET"}`)}, incident.Unsupported, ""},
		"too large":      {intake.Request{Body: bytes.Repeat([]byte(" "), intake.MaxBody+1)}, incident.TooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, store, err := accept(t, c.request)
			got := problems(t, err, c.kind)
			require.NotContains(t, err.Error(), "SECRET")
			if c.rule != "" {
				require.Len(t, got, 1)
				for _, rule := range got {
					require.Equal(t, c.rule, rule)
				}
			}
			require.Empty(t, store.All())
		})
	}
}

func TestTheSameFindingManyTimesAtOnceIsOneIncident(t *testing.T) {
	body, err := os.ReadFile("testdata/samples/native.json")
	require.NoError(t, err)
	s, store := service()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			_, err := s.Accept(context.Background(), tool, intake.Request{Format: "native", Body: body})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, store.All(), 1)
	require.EqualValues(t, 1, store.All()[0].Revision)
	require.Len(t, store.Emitted(), 1)
	changed := bytes.Replace(body, []byte(`"count": 1200000`), []byte(`"count": 1300000`), 1)
	a, err := s.Accept(context.Background(), tool, intake.Request{Format: "native", Body: changed})
	require.NoError(t, err)
	require.Equal(t, []intake.Accepted{{ID: store.All()[0].ID, Revision: 2, MatchedBy: "dedup_key"}}, a.Incidents)
}

func TestCloudEventsByEveryBinding(t *testing.T) {
	const data = `{"title":"Unusual export","facts":{"records":5000}}`
	structured := func(member string) []byte {
		return []byte(`{"specversion":"1.0","type":"t","source":"/s","id":"1","time":"2026-02-28T17:00:00Z",` + member + `}`)
	}
	binary := map[string]string{"CE-SpecVersion": "1.0", "ce-type": "t", "ce-source": `"%2Fs"`, "ce-id": "1", "ce-time": "2026-02-28T17:00:00Z",
		"Authorization": "Bearer SECRET", "Content-Type": "application/json"}
	var identities []string
	for name, r := range map[string]intake.Request{
		"structured by type":   {Header: map[string]string{"content-TYPE": "application/cloudevents+json; charset=utf-8"}, Body: structured(`"data":` + data)},
		"structured, NATS":     {Body: structured(`"data":` + data)},
		"base64":               {Body: structured(`"data_base64":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"`)},
		"data as string":       {Body: structured(fmt.Sprintf(`"data":%q`, data))},
		"binary":               {Header: binary, Body: []byte(data)},
		"batch":                {Header: map[string]string{"Content-Type": "application/cloudevents-batch+json"}, Body: []byte("[" + string(structured(`"data":`+data)) + "]")},
		"batch without type":   {Format: "cloudevents", Body: []byte("[" + string(structured(`"data":`+data)) + "]")},
		"event in an event":    {Body: []byte(`{"specversion":"1.0","type":"t","source":"/o","id":"9","data":` + string(structured(`"data":`+data)) + `}`)},
		"format in dataschema": {Body: structured(`"dataschema":"https://schema.example.com/native","data":{"title":"Unusual export"}`)},
	} {
		a, store, err := accept(t, r)
		require.NoError(t, err, name)
		require.Len(t, a.Incidents, 1, name)
		_, s := facts(t, store, a.Incidents[0].ID)
		require.Equal(t, "Unusual export", s.Facts["title"].Value, name)
		require.Equal(t, "2026-02-28T17:00:00Z", s.Facts["first_signal_at"].Value, name)
		require.NotContains(t, fmt.Sprint(store.Kept()), "SECRET")
		identities = append(identities, name)
	}
	require.Len(t, identities, 9)

	s, store := service()
	for _, r := range []intake.Request{{Format: "auto", Header: binary, Body: []byte(data)}, {Format: "cloudevents", Body: structured(`"data":` + data)}} {
		_, err := s.Accept(context.Background(), tool, r)
		require.NoError(t, err)
	}
	require.Len(t, store.All(), 1, "both doors, one event, one incident")
}

func TestCloudEventsFaults(t *testing.T) {
	event := func(rest string) []byte {
		return []byte(`{"specversion":"1.0","type":"t","source":"/s","id":"1"` + rest + `}`)
	}
	for name, c := range map[string]struct {
		r    intake.Request
		want map[string]string
	}{
		"attributes":   {intake.Request{Body: []byte(`{"specversion":"0.3","id":"","source":5,"data":{}}`)}, map[string]string{"/specversion": "specversion", "/id": "required", "/source": "required", "/type": "required"}},
		"no data":      {intake.Request{Body: event(``)}, map[string]string{"/data": "required"}},
		"data twice":   {intake.Request{Body: event(`,"data":{},"data_base64":"e30="`)}, map[string]string{"/data_base64": "duplicate"}},
		"bad base64":   {intake.Request{Body: event(`,"data_base64":"SECRET!"`)}, map[string]string{"/data_base64": "base64"}},
		"unknown":      {intake.Request{Body: event(`,"data":{"a":"SECRET"}`)}, map[string]string{"/data": "format"}},
		"inside":       {intake.Request{Body: event(`,"data":{"title":"a","facts":{"harm":"SECRET","x":1}}`)}, map[string]string{"/data/facts/harm": "enum", "/data/facts/x": "unknown-field"}},
		"twice":        {intake.Request{Body: event(`,"data":{"title":"a","title":"SECRET","facts":{}}`)}, map[string]string{"/data/title": "duplicate-key"}},
		"bad header":   {intake.Request{Header: map[string]string{"ce-specversion": "1.0", "ce-id": "%C0%AF"}, Body: []byte(`{}`)}, map[string]string{"/headers/ce-id": "header"}},
		"no headers":   {intake.Request{Header: map[string]string{"ce-specversion": "1.0"}, Body: []byte(`{}`)}, map[string]string{"/headers/ce-id": "required", "/headers/ce-source": "required", "/headers/ce-type": "required"}},
		"avro":         {intake.Request{Header: map[string]string{"Content-Type": "application/cloudevents+avro"}, Body: []byte(`{}`)}, map[string]string{"": "content-type"}},
		"no end of it": {intake.Request{Body: event(`,"data":` + string(event(`,"data":`+string(event(`,"data":`+string(event(`,"data":{"facts":{}}`)))))))}, map[string]string{"/data/data/data/data": "limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Format = "cloudevents"
			_, _, err := accept(t, c.r)
			require.Equal(t, c.want, problems(t, err, incident.Invalid))
			require.NotContains(t, err.Error(), "SECRET")
		})
	}
}

func TestABatchLosesOnlyWhatIsWrong(t *testing.T) {
	item := func(id, data string) string {
		return `{"specversion":"1.0","type":"t","source":"/s","id":"` + id + `","data":` + data + `}`
	}
	body := "[" + strings.Join([]string{item("1", `{"title":"a","facts":{}}`), item("2", `{"title":"b","facts":{"records":-1}}`), item("3", `{"title":"c","operator":"x","facts":{}}`),
		item("1", `{"title":"a","facts":{}}`)}, ",") + "]"
	a, store, err := accept(t, intake.Request{Format: "cloudevents", Body: []byte(body)})
	require.NoError(t, err)
	require.Len(t, store.All(), 1)
	require.Equal(t, []intake.Accepted{{ID: store.All()[0].ID, Created: true, Revision: 1, Pointer: "/0"},
		{ID: store.All()[0].ID, Revision: 1, MatchedBy: "source+id", Pointer: "/3"}}, a.Incidents)
	require.Len(t, a.Rejected, 2)
	require.Equal(t, "/1/data/facts/records", a.Rejected[0].Pointer)
	require.Equal(t, "/2/operator", a.Rejected[1].Pointer)
	a, _, err = accept(t, intake.Request{Format: "cloudevents", Body: []byte("[]")})
	require.NoError(t, err)
	require.Equal(t, "empty-batch", a.Ignored)
	require.NotNil(t, a.Incidents)
}

func TestStoreDownIsSaidAndNothingIsHalfDone(t *testing.T) {
	s, store := service()
	store.Down = incident.NewFault(incident.Busy, "store is down")
	_, err := s.Accept(context.Background(), tool, intake.Request{Format: "auto", Body: []byte(`{"title":"a","facts":{}}`)})
	require.True(t, incident.IsFault(err, incident.Busy))
	require.Empty(t, store.All())
}

func TestFormats(t *testing.T) {
	require.Equal(t, []string{"auto", "cloudevents", "native", "veris"}, intake.Formats())
	f, err := intake.Native([]byte(`{"title":"a","facts":{}}`), "")
	require.NoError(t, err)
	require.Equal(t, incident.Live, f.Mode)
	_, err = intake.Native([]byte(`{"facts":{"x":1}}`), "/0")
	require.Equal(t, map[string]string{"/0/facts/x": "unknown-field", "/0/title": "required"}, problems(t, err, incident.Invalid))
}
