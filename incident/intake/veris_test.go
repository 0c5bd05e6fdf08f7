package intake_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/intake"
)

// records are our own VERIS samples, and the real ones where a checkout stands beside this one.
func records(t *testing.T) map[string][]byte {
	t.Helper()
	dirs := []string{"testdata/samples"}
	for up := ".."; len(up) < 30; up += "/.." {
		dirs = append(dirs, filepath.Join(up, "shared/samples/vcdb/records"))
	}
	out := map[string][]byte{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		require.NoError(t, err)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			if dir != "testdata/samples" || strings.HasPrefix(filepath.Base(file), "veris-") {
				out[filepath.Base(file)] = body
			}
		}
	}
	require.NotEmpty(t, out)
	return out
}

// schema is what the test reads of a record by itself, without the reader.
type schema struct {
	ID        string `json:"incident_id"`
	Confirmed string `json:"security_incident"`
	Timeline  struct {
		Incident struct{ Year, Month, Day int }
	}
	Victim struct{ Country []string }
	Impact struct {
		Currency string `json:"iso_currency_code"`
	}
	Attribute struct {
		Confidentiality *struct {
			Disclosure string `json:"data_disclosure"`
			Total      int64  `json:"data_total"`
			Data       []struct{ Variety string }
		}
	}
}

func TestEveryRecordBecomesAnIncidentAndNothingIsInvented(t *testing.T) {
	for name, body := range records(t) {
		t.Run(name, func(t *testing.T) {
			var want schema
			require.NoError(t, json.Unmarshal(body, &want))
			a, store, err := accept(t, intake.Request{Format: "auto", Body: body})
			require.NoError(t, err)
			require.Len(t, a.Incidents, 1)
			inc, s := facts(t, store, a.Incidents[0].ID)
			require.Equal(t, incident.Imported, inc.Mode)
			require.NotEmpty(t, inc.Title)
			require.Equal(t, want.ID, inc.Source.ID)

			object := s.Object()
			_, faults := incident.CheckFacts(object, "/facts")
			require.Empty(t, faults)

			day := want.Timeline.Incident
			occurred, _ := object["occurred_at"].(string)
			require.True(t, strings.HasPrefix(occurred, strconv.Itoa(day.Year)))
			if day.Month == 0 {
				require.Len(t, occurred, 4, "a year stays a year")
			}
			require.LessOrEqual(t, len(occurred), 10, "no time of day without a zone")

			people, _ := object["people"].(map[string]any)
			require.NotContains(t, people, "count", "records are not people")
			for _, never := range []string{"aware_at", "closed_at", "encrypted_safe", "harm", "risk", "crime_suspected", "ransom", "role", "assessments", "grading"} {
				require.NotContains(t, object, never)
			}
			if want.Impact.Currency != "CNY" {
				require.NotContains(t, object, "loss_cny")
			}
			if want.Confirmed == "Suspected" {
				require.Equal(t, false, object["confirmed"])
			}
			held := want.Attribute.Confidentiality
			if held == nil || held.Total == 0 || held.Disclosure == "No" {
				require.NotContains(t, object, "records")
			} else {
				require.Equal(t, held.Total, object["records"])
			}
			require.Equal(t, held != nil && held.Disclosure == "Yes", object["data_event"] == "leaked")
			for country, n := range asObject(object["jurisdictions"]) {
				require.Contains(t, want.Victim.Country, country)
				require.Nil(t, n)
			}
		})
	}
}

func asObject(v any) map[string]any { m, _ := v.(map[string]any); return m }

// Live, the clocks of an old record start from its discovery where it is known, else from receipt.
func TestAnImportedRecordMadeLiveHasAFirstSignal(t *testing.T) {
	body := records(t)["veris-outage.json"]
	a, store, err := accept(t, intake.Request{Format: "veris", Mode: incident.Live, Body: body})
	require.NoError(t, err)
	inc, s := facts(t, store, a.Incidents[0].ID)
	require.Equal(t, incident.Live, inc.Mode)
	require.Equal(t, "2026-03-01T02:00:00Z", s.Facts["first_signal_at"].Value)
}

func TestAClaimOfEncryptionWaitsForAPerson(t *testing.T) {
	a, store, err := accept(t, intake.Request{Body: records(t)["veris-year-only.json"]})
	require.NoError(t, err)
	_, s := facts(t, store, a.Incidents[0].ID)
	require.Equal(t, incident.Claimed, s.Facts["encrypted_safe"].Certainty)
	require.NotContains(t, s.Object(), "encrypted_safe")
}

func TestLooseRecordsAreTakenWithWarnings(t *testing.T) {
	a, store, err := accept(t, intake.Request{Format: "veris", Body: []byte(`{"incident_id":"a","victim":[],"action":5,"schema_version":1,"source_id":{},
		"timeline":{"incident":{"year":"2014"},"discovery":[]},"asset":{"assets":"S - Database"},"plus":{"modified":"SECRET"},"plus":{"modified":"SECRET"},
		"attribute":{"confidentiality":{"data_disclosure":["SECRET"],"data_total":"SECRET","data":[{"variety":"SECRET"},7]}},"impact":{"overall_amount":"SECRET"}}`)})
	require.NoError(t, err)
	rules := map[string]string{}
	for _, w := range a.Warnings {
		rules[w.Pointer] = w.Rule
		require.NotContains(t, w.Message, "SECRET")
	}
	require.Equal(t, map[string]string{"/plus": "duplicate-key", "/plus/modified": "date", "/timeline/incident/year": "date",
		"/attribute/confidentiality/data_total": "type", "/attribute/confidentiality/data/0/variety": "enum", "/impact/overall_amount": "currency"}, rules)
	inc, _ := facts(t, store, a.Incidents[0].ID)
	require.Equal(t, "VERIS a", inc.Title)
}
