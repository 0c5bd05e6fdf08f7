package templates

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
)

const individuals = "cn/pipl-57-individuals"

// gaps lists block@locale: reason facts of what is missing.
func gaps(c *Catalog, content Content, facts incident.Snapshot, reqs []Requirement) map[string][]string {
	out := map[string][]string{}
	for _, g := range c.Check(content, facts, reqs) {
		out[g.Requirement.Block+"@"+g.Locale] = append([]string{g.Reason}, g.Facts...)
	}
	return out
}

func TestCompleteDraftHasNoGaps(t *testing.T) {
	c := catalog(t)
	for _, name := range []string{individuals, "cn/announcement", "cn/pipl-57-authority"} {
		require.Empty(t, c.Check(draft(t, c, name, leak), snapshot(t, leak), requirements(t, c, name)), name)
	}
}

func TestGapsNameWhatIsMissing(t *testing.T) {
	c := catalog(t)
	for name, tc := range map[string]struct {
		facts string
		edit  func(Content)
		want  map[string][]string
	}{
		"unknown facts, named": {`{"data": ["name"], "data_event": "unknown", "cause": {"text": "", "certainty": "unknown"}, "measures": [], "remedies": null}`, nil,
			map[string][]string{
				"circumstances@zh-Hans": {GapFactUnknown, "data_event"}, "circumstances@en": {GapFactUnknown, "data_event"},
				"cause@zh-Hans": {GapFactUnknown, "cause"}, "cause@en": {GapFactUnknown, "cause"},
				"impact@zh-Hans": {GapFactUnknown, "data_event"}, "impact@en": {GapFactUnknown, "data_event"},
				"measures@zh-Hans": {GapFactUnknown, "measures"}, "measures@en": {GapFactUnknown, "measures"},
				"advice@zh-Hans": {GapFactUnknown, "data_event"}, "advice@en": {GapFactUnknown, "data_event"},
				"remedies@zh-Hans": {GapFactUnknown, "remedies"}, "remedies@en": {GapFactUnknown, "remedies"},
			}},
		"a text in one language leaves the other empty": {`{"data": ["name"], "data_event": "leaked", "cause": "接口没有检查权限", "measures": [{"text": "Closed the port"}], "remedies": ["2026"]}`, nil,
			map[string][]string{"cause@zh-Hans": {GapMissing}, "cause@en": {GapMissing}, "measures@zh-Hans": {GapMissing}}},
		"what a person wrote counts, blanks do not": {leak, func(content Content) {
			for _, l := range []string{"zh-Hans", "en"} {
				write(content, l, "cause", "…")
			}
			write(content, "en", "measures", " \n")
		}, map[string][]string{"measures@en": {GapMissing}}},
		"automatic text that prints no fact is boilerplate": {leak, func(content Content) {
			content.Locales["en"][2] = Passage{Block: "cause", Text: "We take your security seriously."}
		}, map[string][]string{"cause@en": {GapNotPrinted, "cause"}}},
		"open where the law does not allow it": {leak, func(content Content) { mark(content, "impact") },
			map[string][]string{"impact@zh-Hans": {GapOpenNotAllowed}, "impact@en": {GapOpenNotAllowed}}},
	} {
		t.Run(name, func(t *testing.T) {
			content := draft(t, c, individuals, tc.facts)
			if tc.edit != nil {
				tc.edit(content)
			}
			require.Empty(t, cmp.Diff(tc.want, gaps(c, content, snapshot(t, tc.facts), requirements(t, c, individuals))))
		})
	}
}

func TestReportLeavesOpenWhatTheLawAllows(t *testing.T) {
	c := catalog(t)
	content, facts, reqs := draft(t, c, "cn/cac-initial", leak), snapshot(t, leak), requirements(t, c, "cn/cac-initial")
	require.Equal(t, map[string][]string{"cac-3@zh-Hans": {GapMissing}, "cac-5@zh-Hans": {GapMissing},
		"cac-6@zh-Hans": {GapMissing}, "cac-7@zh-Hans": {GapMissing}, "cac-8@zh-Hans": {GapMissing}}, gaps(c, content, facts, reqs),
		"what no fact can answer waits for a person; the English reading version is not checked")
	content.Locales["zh-Hans"][11].Text = "我们正在进行调查。"
	require.Len(t, c.Check(content, facts, reqs), 5, "text that nobody wrote and no fact stands behind counts for nothing")
	content.Locales["zh-Hans"][11].Text = ""
	for _, b := range []string{"cac-3", "cac-5", "cac-6", "cac-7", "cac-8"} {
		mark(content, b)
	}
	require.Empty(t, c.Check(content, facts, reqs))

	content.Locales["zh-Hans"][9].OpenBy = ""
	require.Len(t, c.Check(content, facts, reqs), 1, "open needs a named person")
}

func TestRequirementOfAnyGrainFindsItsItems(t *testing.T) {
	c := catalog(t)
	content, facts := draft(t, c, "cn/cac-initial", `{"data_event": "leaked"}`), snapshot(t, `{"data_event": "leaked"}`)
	got := gaps(c, content, facts, []Requirement{{ID: "cac-1", Block: "cac-1"}, {ID: "cac-2c", Block: "cac-2c"},
		{ID: "cac-5a", Block: "cac-5a"}, {ID: "pipl-3", Block: "contact"}})
	require.Equal(t, map[string][]string{"cac-1@zh-Hans": {GapFactUnknown, "systems"}, "cac-5a@zh-Hans": {GapMissing},
		"contact@zh-Hans": {GapMissing}}, got, "a whole needs all its parts; what no item answers is missing")
}

func TestProfileWithoutContactIsAGap(t *testing.T) {
	c := catalog(t)
	org := organisation()
	org.Contact = nil
	content, err := c.Draft(Input{Template: individuals, Facts: snapshot(t, leak), Org: org})
	require.NoError(t, err)
	require.Equal(t, []string{GapFactUnknown, "org.contact"},
		gaps(c, content, snapshot(t, leak), requirements(t, c, individuals))["contact@en"])
}

func TestOnlyPrintedFactsMakeStale(t *testing.T) {
	c := catalog(t)
	content, facts := draft(t, c, individuals, leak), snapshot(t, leak)
	require.Empty(t, StaleFacts(content, facts))

	change := func(path string, v any) {
		facts.Facts[path] = incident.Fact{Path: path, Value: v, Revision: 4}
	}
	change("ransom.asked", true)
	change("loss_cny", int64(5))
	require.Empty(t, StaleFacts(content, facts), "the notice prints neither")
	change("people.count", int64(1_500_000))
	change("cause", nil)
	require.Equal(t, []string{"cause", "people.count"}, StaleFacts(content, facts))
}
