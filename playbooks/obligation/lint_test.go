package obligation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
)

const soundRule = `instruments:
  x: {title: Law X}
addressees: {somebody: {name: {en: Somebody, zh-Hans: 某机关}}}
schemes: [{id: x-scheme, title: {en: x, zh-Hans: 甲}, source: {instrument: x, article: "2"}, grades: [general, larger, major], conditions: [{id: x1, grade: larger, if: kind == "threat", yes: {en: x, zh-Hans: 甲}}]}]
items:
  x-1: {term: 甲, gloss: what, law: x, article: "1", report: [impact], notice: [circumstances]}
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
	require.Empty(t, Lint(fsys, someday))
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
		{"unknown key", "    urgency: within", "    urgent: within", "17:5", `unknown key "urgent"`},
		{"unknown fact", "people.count >= 500", "people.cuont >= 500", "11:13", "unknown fact or condition"},
		{"bad syntax", "people.count >= 500", "people.count >= ", "11:29", "Syntax error"},
		{"wrong type", "people.count >= 500", `people.count >= "500"`, "11:26", "no matching overload"},
		{"not a condition", "people.count >= 500", "people.count", "11:13", "not true or false"},
		{"word that is none", "people.count >= 500", `data_event == "leakd"`, "11:24", `"leakd" is not one of`},
		{"word of a list that is none", "people.count >= 500", `data_event in ["leakd"]`, "11:24", `"leakd" is not one of`},
		{"field of a record", "people.count >= 500", "systems.exists(s, s.ciii)", "11:31", `unknown fact "ciii"`},
		{"inside a block", "if: people.count >= 500", "if: |\n          people.count >= 1 ||\n          people.cuont >= 1", "13:11", "unknown fact"},
		{"unknown region", "people.count >= 500", `residents("Narnia") >= 1`, "11:22", "unknown region"},
		{"missing source", `source: {instrument: x, article: "1"}`, `source: {instrument: y, article: "1"}`, "22:14", `missing source: no instrument "y"`},
		{"item without block", "kind: report", "kind: notice", "20:13", ""},
		{"unknown item", "items: [x-1]", "items: [x-1, x-2]", "20:18", `unknown content item "x-2"`},
		{"unknown counting rule", "count: hours", "count: moons", "19:16", "counting rule"},
		{"unknown anchor", "anchor: aware_at", "anchor: whenever", "18:13", `unknown anchor "whenever"`},
		{"text without a language", "no: {en: few, zh-Hans: 人少}", "no: {en: few}", "11:13", "no text in zh-Hans"},
		{"placeholder", "{people.count} people", "{people.cuont} people", "11:13", `unknown fact "people.cuont"`},
		{"rule that cannot apply", "people.count >= 500", "people.count >= 500 && people.count < 400", "11:13", "can never apply"},
		{"word that excludes another", "people.count >= 500", `kind == "incident" && kind in ["threat", "vulnerability"]`, "11:13", "can never apply"},
		{"field of one record twice", "people.count >= 500", `systems.exists(s, s.mlps_level >= 3 && s.mlps_level < 2)`, "11:13", "can never apply"},
		{"grade that no condition gives", "people.count >= 500", `graded("x-scheme", "major")`, "11:13", "can never apply"},
		{"addressee never told", "- name: somebody", "- {name: somebody, if: people.count < 500}", "15:30", "can never be told"},
		{"undeclared addressee", "- name: somebody", "- name: nobody", "15:9", `addressee "nobody" is not declared`},
		{"rows that cannot be told apart", "- name: somebody", "- {name: somebody, each: {residents: EU}}", "15:10", "needs {place} or {customer}"},
		{"wrong placeholder", "- name: somebody", `- {name: "somebody:{province}", each: {customers: true}}`, "15:10", "is {customer}"},
		{"no region", "- name: somebody", `- {name: "somebody:{place}", each: {residents: Narnia}}`, "15:43", "unknown region"},
		{"unknown instant", "people.count >= 500", `known("someday")`, "11:18", `unknown anchor "someday"`},
		{"sum of what is no number", "people.count >= 500", `data_event + 1 >= 5`, "11:24", "no matching overload"},
		{"follows no rule", "anchor: aware_at", `anchor: "submitted:y-rule"`, "18:14", `no rule "y-rule"`},
		{"deadline of no rule", "deadline: {n: 72, count: hours}", "deadline: {with: y-rule}", "19:16", `no rule "y-rule"`},
		{"off without a reason", "    urgency: within", "    off: {en: \"\"}\n    urgency: within", "8:5", "why it is off has no text"},
		{"report block of no template", "report: [impact]", "report: [nowhere]", "20:13", `no report template has the block "nowhere"`},
		{"notice block", "notice: [circumstances]", "notice: [nowhere]", "6:9", `block "nowhere" is not one of`},
		{"alias", "items: [x-1]", "items: &i [x-1]", "20:12", "anchors"},
		{"duplicate key", "    kind: report\n", "    kind: report\n    kind: notice\n", "17:5", "already defined"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, soundRule, c.old)
			src := strings.Replace(soundRule, c.old, c.new, 1)
			if c.name == "item without block" {
				src = strings.Replace(src, ", notice: [circumstances]", "", 1)
			}
			faults := Lint(tree(t, map[string]string{"law/x.yaml": src}), someday)
			require.NotEmpty(t, faults)
			found := false
			for _, f := range faults {
				found = found || fmt.Sprintf("%d:%d", f.Line, f.Column) == c.at && strings.Contains(f.Message, c.message)
			}
			own := slices.DeleteFunc(faults, func(f Fault) bool { return f.File != "law/x.yaml" })
			require.True(t, found, "want %s %q, got %v", c.at, c.message, own)
		})
	}
}

func TestLintListsAllFaultsAtOnce(t *testing.T) {
	src := strings.NewReplacer("people.count >= 500", "people.cuont >= 500", "anchor: aware_at", "anchor: whenever", "urgency: within", "urgent: within").Replace(soundRule)
	src += strings.Replace(soundRule[strings.Index(soundRule, "  - id"):], "hours", "moons", 1)
	faults := Lint(tree(t, map[string]string{"law/x.yaml": src}), someday)
	all := fmt.Sprint(faults)
	for _, part := range []string{"cuont", "whenever", "urgent", "moons", "already defined"} {
		require.Contains(t, all, part)
	}
}

func TestConditionsMayNotRestOnThemselves(t *testing.T) {
	words := "yes: {en: a, zh-Hans: a}, no: {en: b, zh-Hans: b}"
	faults := Lint(tree(t, map[string]string{"law/x.yaml": "conditions:\n  a.a: {if: a.b, " + words + "}\n  a.b: {if: a.a, " + words + "}\n"}), someday)
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
	f.Add("schemes: [*0]\nrules: [&a b, !t c]\n")
	f.Add("schemes: [0]\nrules: [null, 7]\nfacts: [null, [1]]\nconditions: {a: 0, b: null}\n")
	f.Fuzz(func(t *testing.T, src string) {
		for _, fault := range Lint(tree(t, map[string]string{"law/x.yaml": src}), someday) {
			require.Positive(t, fault.Line)
		}
	})
}

const laterVersion = `
  - id: x-rule
    title: {en: Tell, zh-Hans: 告知}
    when: [{if: people.count >= 500, yes: {en: many, zh-Hans: 人多}, no: {en: few, zh-Hans: 人少}}]
    to: [{name: somebody}]
    kind: report
    urgency: within
    anchor: aware_at
    items: [x-1]
    met_by: ["report:written"]
    source: {instrument: x, article: "1"}
    confidence: S
    valid: {from: 2026-04-01}
`

// A rule may have versions over time, one at a time.
func TestVersionsOfARule(t *testing.T) {
	lint := func(src string) string {
		return fmt.Sprint(Lint(tree(t, map[string]string{"law/x.yaml": src}), someday))
	}
	require.Contains(t, lint(soundRule+laterVersion), "valid at the same time")
	require.Contains(t, lint(soundRule+"    valid: {until: 2026-04-01}"+laterVersion), "valid at the same time")
	both := soundRule + "    valid: {until: 2026-03-31}" + laterVersion
	require.Equal(t, "[]", lint(both))
	e, err := Open(tree(t, map[string]string{"law/x.yaml": both}))
	require.NoError(t, err)
	for aware, dated := range map[string]bool{"2026-03-31T23:59:59Z": true, "2026-04-01T00:00:00Z": false} {
		in, _ := ReadInput([]byte(`{"as_of": "2026-05-01T00:00:00Z", "facts": {"aware_at": "` + aware + `", "people": {"count": 500}}}`))
		result, problems := e.derive(in, explanation)
		require.Empty(t, problems)
		require.Len(t, result.Obligations, 1)
		require.Equal(t, dated, result.Obligations[0].Deadline != nil)
		for _, n := range result.NotApplied {
			require.NotEqual(t, "x-rule", n.ID)
		}
	}
}

// Every value that lint tries for facts is one that conditions can tell apart, so that a rule that can apply
// is never called unreachable.
func TestEveryBuiltInRuleCanApply(t *testing.T) {
	require.Empty(t, engine(t).law.unreachable())
}
