package obligation

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
)

const soundRule = `instruments:
  x: {title: Law X}
items:
  x-1: {term: 甲, gloss: what, law: x, article: "1", notice: [circumstances]}
rules:
  - id: x-rule
    title: {en: Tell, zh-Hans: 告知}
    when:
      - if: people.count >= 500
        yes: {en: "{people.count} people", zh-Hans: "{people.count} 人"}
        no: {en: few, zh-Hans: 人少}
    to:
      - name: somebody
    kind: report
    urgency: within
    anchor: aware_at
    deadline: {n: 72, count: hours}
    items: [x-1]
    met_by: ["report:written"]
    source: {instrument: x, article: "1"}
    confidence: S
`

func TestOwnRulesStandOnTheBuiltInVocabulary(t *testing.T) {
	fsys := fstest.MapFS{"law/x.yaml": {Data: []byte(soundRule)}}
	require.Empty(t, Lint(fsys))
	e, err := Open(fsys)
	require.NoError(t, err)
	in, _ := ReadInput([]byte(`{"as_of": "2026-03-01T03:00:00Z", "facts": {"aware_at": "2026-03-01T02:00:00Z", "people": {"count": 500}}}`))
	result, problems := e.Derive(in)
	require.Empty(t, problems)
	require.Len(t, result.Obligations, 1)
	require.Equal(t, []string{"500 people"}, result.Obligations[0].Because)
	require.Equal(t, secondaryNote, result.Obligations[0].ConfidenceNote)
}

// Each fault is found where an editor would put the cursor.
func TestLintFaultPositions(t *testing.T) {
	cases := []struct{ name, old, new, at, message string }{
		{"unknown key", "    urgency: within", "    urgent: within", "15:5", `unknown key "urgent"`},
		{"unknown fact", "people.count >= 500", "people.cuont >= 500", "9:13", "unknown fact or condition"},
		{"bad syntax", "people.count >= 500", "people.count >= ", "9:29", "Syntax error"},
		{"wrong type", "people.count >= 500", `people.count >= "500"`, "9:26", "no matching overload"},
		{"not a condition", "people.count >= 500", "people.count", "9:13", "not true or false"},
		{"word that is none", "people.count >= 500", `data_event == "leakd"`, "9:24", `"leakd" is not one of`},
		{"word of a list that is none", "people.count >= 500", `data_event in ["leakd"]`, "9:24", `"leakd" is not one of`},
		{"field of a record", "people.count >= 500", "systems.exists(s, s.ciii)", "9:31", `unknown fact "ciii"`},
		{"inside a block", "if: people.count >= 500", "if: |\n          people.count >= 1 ||\n          people.cuont >= 1", "11:11", "unknown fact"},
		{"unknown region", "people.count >= 500", `residents("Narnia") >= 1`, "9:22", "unknown region"},
		{"missing source", `source: {instrument: x, article: "1"}`, `source: {instrument: y, article: "1"}`, "20:14", `missing source: no instrument "y"`},
		{"item without block", "kind: report", "kind: notice", "18:13", ""},
		{"unknown item", "items: [x-1]", "items: [x-1, x-2]", "18:18", `unknown content item "x-2"`},
		{"unknown counting rule", "count: hours", "count: moons", "17:16", "counting rule"},
		{"unknown anchor", "anchor: aware_at", "anchor: whenever", "16:13", `unknown anchor "whenever"`},
		{"text without a language", "no: {en: few, zh-Hans: 人少}", "no: {en: few}", "9:13", "no text in zh-Hans"},
		{"placeholder", "{people.count} people", "{people.cuont} people", "9:13", `unknown fact "people.cuont"`},
		{"alias", "items: [x-1]", "items: &i [x-1]", "18:12", "anchors"},
		{"duplicate key", "    kind: report\n", "    kind: report\n    kind: notice\n", "15:5", "already defined"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, soundRule, c.old)
			src := strings.Replace(soundRule, c.old, c.new, 1)
			if c.name == "item without block" {
				src = strings.Replace(src, ", notice: [circumstances]", "", 1)
			}
			faults := Lint(fstest.MapFS{"law/x.yaml": {Data: []byte(src)}})
			require.NotEmpty(t, faults)
			found := false
			for _, f := range faults {
				found = found || fmt.Sprintf("%d:%d", f.Line, f.Column) == c.at && strings.Contains(f.Message, c.message)
			}
			require.True(t, found, "want %s %q, got %v", c.at, c.message, faults)
		})
	}
}

func TestLintListsAllFaultsAtOnce(t *testing.T) {
	src := strings.NewReplacer("people.count >= 500", "people.cuont >= 500", "anchor: aware_at", "anchor: whenever", "urgency: within", "urgent: within").Replace(soundRule)
	src += strings.Replace(soundRule[strings.Index(soundRule, "  - id"):], "hours", "moons", 1)
	faults := Lint(fstest.MapFS{"law/x.yaml": {Data: []byte(src)}})
	all := fmt.Sprint(faults)
	for _, part := range []string{"cuont", "whenever", "urgent", "moons", "already defined"} {
		require.Contains(t, all, part)
	}
}

func TestConditionsMayNotRestOnThemselves(t *testing.T) {
	words := "yes: {en: a, zh-Hans: a}, no: {en: b, zh-Hans: b}"
	faults := Lint(fstest.MapFS{"law/x.yaml": {Data: []byte("conditions:\n  a.a: {if: a.b, " + words + "}\n  a.b: {if: a.a, " + words + "}\n")}})
	require.Contains(t, fmt.Sprint(faults), "rests on itself")
}

// Every fact that can be recorded is known to the law's vocabulary, and the other way round.
func TestVocabulariesAgree(t *testing.T) {
	v := engine(t).law.vocabulary
	recorded := map[string]bool{}
	for _, entry := range incident.Vocabulary() {
		path := strings.TrimSuffix(entry.Path, ".*")
		recorded[path] = true
		require.True(t, v.byPath[path] != nil || v.groups[path], path)
	}
	for _, f := range v.order {
		require.True(t, f.ofProfile() || recorded[f.Path] || recorded[parent(f.Path)], f.Path)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(soundRule)
	f.Add("rules: [{id: a, when: [|]}]")
	f.Add("conditions: {a: {if: 'x'}}\nschemes: [{}]\nfacts: [{}]\n")
	f.Fuzz(func(t *testing.T, src string) {
		for _, fault := range Lint(fstest.MapFS{"law/x.yaml": {Data: []byte(src)}}) {
			require.Positive(t, fault.Line)
		}
	})
}
