package obligation

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goldenCase is facts laid over the harmless ones, and the rows of one rule that they give.
type goldenCase struct {
	Name    string          `json:"name"`
	AsOf    string          `json:"as_of"`
	Facts   json.RawMessage `json:"facts"`
	Profile json.RawMessage `json:"profile"`
	Want    []goldenRow     `json:"want"`
	WhyNot  string          `json:"why_not"`
	Asks    string          `json:"asks"`
	Off     bool            `json:"off"`
	// Customers are the rules that each told customer owes.
	Customers map[string][]string `json:"customers"`
}

type goldenRow struct {
	Addressee   string   `json:"addressee"`
	State       State    `json:"state"`
	Deadline    string   `json:"deadline"`
	LegalLimit  string   `json:"legal_limit"`
	Target      string   `json:"target"`
	Undated     bool     `json:"undated"`
	Exempt      string   `json:"exempt"`
	Provisional bool     `json:"provisional"`
	Items       []string `json:"items"`
	Note        string   `json:"note"` // part of it
}

func goldenFile(t *testing.T, name string, into any) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("golden", name))
	require.NoError(t, err, "a rule without golden cases")
	d := json.NewDecoder(strings.NewReader(string(src)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(into), name)
}

// Every rule has a file of facts that trigger it and facts just short of it.
func TestGolden(t *testing.T) {
	e := engine(t)
	for _, id := range e.ids() {
		t.Run(id, func(t *testing.T) {
			var cases []goldenCase
			goldenFile(t, id+".json", &cases)
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) { c.check(t, e, id) })
			}
		})
	}
}

// ids of all rules, each once.
func (e *Engine) ids() []string {
	var ids []string
	for _, r := range e.law.rules {
		if !slices.Contains(ids, r.ID.text) {
			ids = append(ids, r.ID.text)
		}
	}
	return ids
}

func orElse[T ~string | ~[]byte](s, otherwise T) T {
	if len(s) == 0 {
		return otherwise
	}
	return s
}

func (c goldenCase) check(t *testing.T, e *Engine, rule string) {
	result := deriveAll(t, e, string(orElse(c.Facts, json.RawMessage("{}"))), string(orElse(c.Profile, json.RawMessage("{}"))), orElse(c.AsOf, noon))
	var rows []Obligation
	for _, o := range result.Obligations {
		if o.ID == rule {
			rows = append(rows, o)
		}
	}
	for i, want := range c.Want {
		if i < len(rows) {
			want.check(t, rows[i])
		}
	}
	require.Len(t, rows, len(c.Want))
	reasons, off := "", false
	for _, n := range result.NotApplied {
		if n.ID == rule {
			reasons, off = reasons+n.Because, n.Off
		}
	}
	require.Contains(t, reasons, c.WhyNot)
	require.Equal(t, c.Off, off, "off")
	c.checkQuestions(t, result, rule)
	for id, owes := range c.Customers {
		i := slices.IndexFunc(result.Customers, func(x Customer) bool { return x.ID == id })
		require.GreaterOrEqual(t, i, 0, "customer %s", id)
		var ids []string
		for _, o := range result.Customers[i].Obligations {
			ids = append(ids, o.ID)
		}
		require.Subset(t, ids, owes)
	}
}

func (want goldenRow) check(t *testing.T, got Obligation) {
	t.Helper()
	require.Equal(t, want.Addressee, got.Addressee)
	require.Equal(t, want.State, got.State)
	require.Equal(t, want.Provisional, got.Provisional)
	instant := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	require.Equal(t, want.Deadline, instant(got.Deadline), "deadline")
	require.Equal(t, want.LegalLimit, instant(got.LegalLimit), "legal limit")
	require.Equal(t, want.Target, instant(got.Target), "target")
	require.Equal(t, want.Undated, got.Undated != nil, "undated")
	require.Equal(t, want.Exempt != "", got.Exempt != nil, "exempt")
	if got.Exempt != nil {
		require.Equal(t, want.Exempt, got.Exempt.ID)
	}
	if want.Items != nil {
		require.Equal(t, want.Items, got.ContentItems)
	}
	require.Contains(t, got.Note["en"], want.Note)
	if got.Kind != Task {
		require.NotEmpty(t, got.Requirements)
	}
	require.NotEmpty(t, got.Because)
	require.Len(t, got.Why["zh-Hans"], len(got.Because))
	require.NotEmpty(t, got.AddresseeName["zh-Hans"])
}

func (c goldenCase) checkQuestions(t *testing.T, result Result, rule string) {
	if c.Asks == "" {
		return
	}
	require.True(t, slices.ContainsFunc(result.OpenQuestions, func(q Question) bool {
		return q.Fact == c.Asks && strings.Contains(strings.Join(q.Decides, " "), rule) && q.Text["en"] != "" && q.Text["zh-Hans"] != ""
	}), "it should ask for %s: %v", c.Asks, result.OpenQuestions)
}

// deriveAll derives with reasons.
func deriveAll(t testing.TB, e *Engine, facts, profile, asOf string) Result {
	t.Helper()
	body, err := json.Marshal(map[string]any{"as_of": asOf,
		"facts": merge(parsed(t, harmless), parsed(t, facts)), "profile": merge(parsed(t, operator), parsed(t, profile))})
	require.NoError(t, err)
	in, problems := ReadInput(body)
	require.Empty(t, problems)
	result, problems := e.derive(in, explanation)
	require.Empty(t, problems)
	return result
}

// No duty of the law notes is missing, none is invented, and each is on or off as they say.
func TestTheRulesAreThoseOfTheTables(t *testing.T) {
	src, err := os.ReadFile("testdata/table-ids.txt")
	require.NoError(t, err)
	allowed := map[string][]string{"on": {"on"}, "voluntary": {"voluntary"}, "recommended": {"on", "voluntary"}, "off": {"off"}, "advice": {"off"}}
	want := map[string][]string{}
	for line := range strings.Lines(string(src)) {
		if id, status, ok := strings.Cut(strings.TrimSpace(line), " "); ok && id != "#" {
			require.Contains(t, allowed, status)
			want[id] = allowed[status]
		}
	}
	got := map[string]bool{}
	for _, r := range engine(t).law.rules {
		status := "on"
		switch {
		case r.Off != nil:
			status = "off"
		case r.Voluntary:
			status = "voluntary"
		}
		got[r.ID.text] = true
		if assert.Contains(t, want, r.ID.text, "invented: %s", r.ID.text) {
			assert.Contains(t, want[r.ID.text], status, r.ID.text)
		}
	}
	for _, id := range sortedKeys(want) {
		assert.True(t, got[id], "missing: %s", id)
	}
}

// gradeCase is a vector of a scheme, in golden/grade.<scheme>.json.
type gradeCase struct {
	Name    string          `json:"name"`
	AsOf    string          `json:"as_of"`
	Facts   json.RawMessage `json:"facts"`
	Profile json.RawMessage `json:"profile"`
	Grade   string          `json:"grade"`   // "" where the scheme does not apply
	Ceiling string          `json:"ceiling"` // the grade, when left out
	Because []string        `json:"because"` // among the conditions that gave it
}

// Every scheme beside the State's own, whose vectors stand in TestGradingVectors, has vectors of its own.
func TestGradesOfSchemes(t *testing.T) {
	e := engine(t)
	for _, s := range e.law.schemes {
		if s.ID == "cn-cac-2025" || s.Off != nil {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			var cases []gradeCase
			goldenFile(t, "grade."+s.ID+".json", &cases)
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) { c.check(t, e, s.ID) })
			}
		})
	}
}

func (c gradeCase) check(t *testing.T, e *Engine, scheme string) {
	result := deriveAll(t, e, string(orElse(c.Facts, json.RawMessage("{}"))), string(orElse(c.Profile, json.RawMessage("{}"))), orElse(c.AsOf, noon))
	i := slices.IndexFunc(result.Grades, func(g Grade) bool { return g.Scheme == scheme })
	if c.Grade == "" {
		require.Negative(t, i)
		return
	}
	require.GreaterOrEqual(t, i, 0)
	got := result.Grades[i]
	require.Equal(t, []string{c.Grade, c.Grade, orElse(c.Ceiling, c.Grade)}, []string{got.Grade, got.Floor, got.Ceiling})
	require.Subset(t, got.Because, c.Because)
	require.NotEmpty(t, got.GradeName["zh-Hans"])
}
