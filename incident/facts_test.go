package incident_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
)

func object(t *testing.T, s string) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	var out map[string]any
	require.NoError(t, d.Decode(&out))
	return out
}

func TestCheckFactsKeepsWhatWasSaid(t *testing.T) {
	inputs, problems := incident.CheckFacts(object(t, `{
		"occurred_at": "2014", "aware_at": "2026-03-01T02:00:00+08:00", "plan_activated_at": "2026-03",
		"jurisdictions": {"CN": null, "US-CA": 12}, "people": {"count": 9007199254740993}, "records": 12000000000,
		"data": ["phone", "name", "phone"], "loss_cny": 1.5, "anchors": {"submitted:eu-dora-19-initial": "2026-03-01"},
		"measures": [{"text": {"zh-Hans": "已封堵", "en": "blocked"}, "taken_at": null}], "cause": {"text": "x\u001b[31m\u0007y", "certainty": "suspected"},
		"grading": {"data": {"core": {"event": "none"}}}}`), "/facts")
	require.Empty(t, problems)
	got := map[string]any{}
	for _, in := range inputs {
		got[in.Path] = in.Value
	}
	require.Equal(t, map[string]any{
		"occurred_at": "2014", "aware_at": "2026-03-01T02:00:00+08:00", "plan_activated_at": "2026-03",
		"jurisdictions.CN": nil, "jurisdictions.US-CA": int64(12), "people.count": int64(9007199254740993), "records": int64(12000000000),
		"data": []any{"name", "phone"}, "loss_cny": 1.5, "anchors.submitted:eu-dora-19-initial": "2026-03-01",
		"measures":                []any{map[string]any{"text": map[string]any{"zh-Hans": "已封堵", "en": "blocked"}}},
		"cause":                   map[string]any{"text": "xy", "certainty": "suspected"},
		"grading.data.core.event": "none",
	}, got)
}

func TestCheckFactsListsAllFaultsWithoutValues(t *testing.T) {
	_, problems := incident.CheckFacts(object(t, `{
		"occurred_at": "SECRET", "closed_at": "0001-01-01T00:00:00Z", "confirmed": "SECRET", "data_event": "SECRET", "people": {"count": -1, "cuont": 1},
		"records": 92233720368547758070, "jurisdictions": {"China": 1}, "data": ["name", "SECRET"], "systems": [{"name": "crm", "color": "SECRET"}],
		"measures": {"text": "SECRET"}, "ransom": 5, "ransm": "SECRET", "advice": [7], "cause": {"text": {"english": "SECRET"}},
		"loss_cny": -0.5, "13900000000": 1}`), "/facts")
	got := map[string]string{}
	for _, p := range problems {
		got[p.Pointer] = p.Rule
		require.NotEmpty(t, p.Message)
		require.NotContains(t, p.Message+p.Pointer, "SECRET")
	}
	require.Equal(t, map[string]string{
		"/facts/occurred_at": "date", "/facts/closed_at": "date", "/facts/confirmed": "type", "/facts/data_event": "enum",
		"/facts/people/count": "minimum", "/facts/people/cuont": "unknown-field", "/facts/records": "type",
		"/facts/jurisdictions/China": "key", "/facts/data/1": "enum", "/facts/systems/0/color": "unknown-field",
		"/facts/measures": "type", "/facts/ransom": "type", "/facts/ransm": "unknown-field", "/facts/advice/0": "type",
		"/facts/cause/text/english": "key", "/facts/loss_cny": "minimum", "/facts/[masked]": "unknown-field",
	}, got)
}

func TestNullOfAGroupIsUnknownForEachFact(t *testing.T) {
	inputs, problems := incident.CheckFacts(object(t, `{"people": null}`), "")
	require.Empty(t, problems)
	require.Len(t, inputs, 5)
	require.Nil(t, inputs[0].Value)
	require.Equal(t, "/people", inputs[0].Pointer)
}

func TestObjectIsAcceptedByCheckFactsAgain(t *testing.T) {
	in := object(t, `{"people": {"count": 5}, "jurisdictions": {"CN": null}, "systems": [{"name": "crm", "down_minutes": 2.5}], "aware_at": "2026-01-02"}`)
	inputs, problems := incident.CheckFacts(in, "")
	require.Empty(t, problems)
	var facts []incident.Fact
	for _, i := range inputs {
		facts = append(facts, incident.Fact{Path: i.Path, Value: i.Value, Source: "x"})
	}
	facts = append(facts, incident.Fact{Path: "title", Value: "t"}, incident.Fact{Path: "harm", Source: "x"},
		incident.Fact{Path: "encrypted_safe", Value: true, Certainty: incident.Claimed, Source: "x"})
	out := incident.Resolve(facts).Object()
	require.Equal(t, map[string]any{"people": map[string]any{"count": int64(5)}, "jurisdictions": map[string]any{"CN": nil},
		"systems": []any{map[string]any{"name": "crm", "down_minutes": 2.5}}, "aware_at": "2026-01-02"}, out)
	again, problems := incident.CheckFacts(out, "")
	require.Empty(t, problems)
	require.Len(t, again, len(inputs))
}

func TestVocabularyEntriesAreFoundAndExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range incident.Vocabulary() {
		require.False(t, seen[e.Path], e.Path)
		seen[e.Path] = true
		require.NotEmpty(t, e.Means, e.Path)
		require.NotEmpty(t, e.Type, e.Path)
	}
}

func TestTextFromToolsIsHarmless(t *testing.T) {
	require.Equal(t, "a\tb\nc", incident.CleanText(" a\tb\r\nc\x00\x1b[2J\u202e\x07 ", 100))
	require.Equal(t, "一二…", incident.CleanText("一二三四", 3))
	for in, want := range map[string]string{
		"call 13900000000 now":             "call [masked] now",
		"用户139 0000 0000投诉":                "用户[masked]投诉",
		"2026-03-01 +86 139-0000-0000":     "2026-03-01 [masked]",
		"id 11010519491231002X leaked":     "id [masked] leaked",
		"card 4111 1111 1111 1111":         "card [masked]",
		"hash 9f13900000000ab":             "hash 9f13900000000ab",
		"ticket 4711 of 2026-03-01":        "ticket 4711 of 2026-03-01",
		"12000000000 records":              "12000000000 records",
		"d24d7280-6b0c-11e7-9b43-bf15":     "d24d7280-6b0c-11e7-9b43-bf15",
		"two 13900000000, 13900000001 end": "two [masked], [masked] end",
	} {
		got, masked := incident.MaskPersonal(in)
		require.Equal(t, want, got)
		require.Equal(t, got != in, masked)
	}
}
