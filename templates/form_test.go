package templates

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
)

// asked makes a requirement of each row: item, block, article, term of law, English.
func asked(law, rule string, rows ...[5]string) (out []Requirement) {
	for _, r := range rows {
		out = append(out, Requirement{ID: r[0], Block: r[1], Article: r[2], Term: r[3], Gloss: r[4], Law: law, Rule: rule})
	}
	return out
}

// duties are what laws without a template of their own ask for; the last block of each is in no library.
var duties = map[string]Input{
	"cac-like": {Template: "any/report",
		Title: map[string]string{"zh-Hans": "向行业主管部门报告网络安全事件", "en": "Report the incident to the industry regulator"},
		Requirements: asked("某行业网络安全事件报告办法", "cn-example-initial",
			[5]string{"ex-1", "org-name", "6(1)", "单位名称", "name of the unit"},
			[5]string{"ex-3", "measures", "6(3)", "已经采取的处置措施", "handling so far"},
			[5]string{"ex-2a", "times", "6(2)", "事件发现时间", "time of discovery"},
			[5]string{"ex-2b", "effects", "6(2)", "影响范围和危害程度", "extent and degree of harm"},
			[5]string{"ex-2c", "effects", "6(2)", "造成的损失", "loss caused"},
			[5]string{"ex-4", "support", "6(4)", "需要支持的事项", "matters in need of support"},
			[5]string{"ex-5", "ex-5", "6(5)", "值班联系安排", "duty roster"})},
	"gdpr-33-like": {Template: "any/report", Filed: []string{"en"},
		Title: map[string]string{"zh-Hans": "向监管机构通知个人数据泄露", "en": "Personal data breach notification to the supervisory authority"},
		Requirements: asked("Regulation (EU) 2016/679", "eu-example-33",
			[5]string{"gx-a1", "breach", "33(3)(a)", "个人数据泄露的性质", "nature of the personal data breach"},
			[5]string{"gx-a2", "categories-of-persons", "33(3)(a)", "数据主体的类别", "categories of data subjects"},
			[5]string{"gx-a3", "people-count", "33(3)(a)", "数据主体的大致人数", "approximate number of data subjects"},
			[5]string{"gx-a4", "data-kinds", "33(3)(a)", "个人数据记录的类别", "categories of records"},
			[5]string{"gx-a5", "records-count", "33(3)(a)", "个人数据记录的大致数量", "approximate number of records"},
			[5]string{"gx-b", "dpo", "33(3)(b)", "数据保护官或其他联络点的姓名和联系方式", "name and contact details of the data protection officer or other contact point"},
			[5]string{"gx-c", "impact", "33(3)(c)", "可能的后果", "likely consequences"},
			[5]string{"gx-d", "corrective", "33(3)(d)", "已采取或拟采取的措施", "measures taken or proposed"})},
	"gdpr-34-like": {Template: "any/notice",
		Title: map[string]string{"zh-Hans": "关于您的个人数据泄露的通知", "en": "Notice of a personal data breach"},
		Requirements: asked("Regulation (EU) 2016/679", "eu-example-34",
			[5]string{"gx-1", "circumstances", "34(2)", "个人数据泄露的性质", "nature of the personal data breach"},
			[5]string{"gx-2", "impact", "34(2)", "可能的后果", "likely consequences"},
			[5]string{"gx-3", "measures", "34(2)", "已采取的措施", "measures taken"},
			[5]string{"gx-3", "advice", "34(2)", "已采取的措施", "measures taken"},
			[5]string{"gx-4", "contact", "34(2)", "联络点", "contact point"},
			[5]string{"gx-5", "gx-5", "35", "如何投诉", "how to complain"})},
}

func forDuty(t testing.TB, name, facts string) Content {
	t.Helper()
	in := duties[name]
	in.Facts, in.Org, in.Now = snapshot(t, facts), organisation(), preparedAt
	content, err := catalog(t).Draft(in)
	require.NoError(t, err)
	return content
}

func blocksIn(c Content, locale string) (out []string) {
	for _, p := range c.Locales[locale] {
		out = append(out, p.Block)
	}
	return out
}

func TestDocumentsForAnyDutyAsTheyRead(t *testing.T) {
	c := catalog(t)
	for _, name := range slices.Sorted(maps.Keys(duties)) {
		content := forDuty(t, name, leak)
		content.Version = "VERSION"
		for _, l := range []string{"zh-Hans", "en"} {
			if duties[name].Template == "any/notice" {
				write(content, l, "gx-5", "[[ref]]")
				m, err := c.Compile(content, organisation(), Email, l)
				require.NoError(t, err)
				golden(t, "any/"+name+"/email."+l+".txt", []byte(m.Text))
				golden(t, "any/"+name+"/email."+l+".preview.html", Preview(m))
				continue
			}
			for _, format := range []string{"html", "json"} {
				b, _, err := c.Export(content, organisation(), duties[name].Requirements, l, format, preparedAt)
				require.NoError(t, err)
				golden(t, "any/"+name+"/report."+l+"."+format, b)
			}
		}
	}
}

func TestDocumentForAnyDutyHasWhatIsRequired(t *testing.T) {
	content := forDuty(t, "cac-like", leak)
	require.Equal(t, []string{"org-name", "times", "effects", "measures", "support", "ex-5"}, blocksIn(content, "en"), "in the library's order, what it does not know last")
	require.Equal(t, content.Subject, duties["cac-like"].Title)
	require.Contains(t, content.passage("zh-Hans", "effects").Text, "至少1,200,000人")
	require.Empty(t, content.passage("zh-Hans", "support").Text)
	form, ok := catalog(t).Form(content)
	require.True(t, ok)
	require.Equal(t, Item{Block: "ex-5", Label: map[string]string{"zh-Hans": "值班联系安排", "en": "Duty roster"}}, form.Items[5])

	for name, tc := range map[string]struct {
		in   Input
		want []string
	}{
		"blocks choose among the requirements": {Input{Blocks: []string{"ex-5", "times"}, Requirements: duties["cac-like"].Requirements}, []string{"times", "ex-5"}},
		"items of another template":            {Input{Blocks: []string{"cac-6", "cac-3"}}, []string{"cac-3", "cac-6"}},
		"a whole stands for its parts":         {Input{Blocks: []string{"cac-1"}}, []string{"cac-1a", "cac-1b"}},
		"nothing required":                     {Input{}, []string{"contact", "circumstances", "times", "systems", "effects", "cause", "measures", "planned"}},
	} {
		tc.in.Template, tc.in.Facts, tc.in.Org = "any/report", snapshot(t, leak), organisation()
		content, err := catalog(t).Draft(tc.in)
		require.NoError(t, err)
		require.Equal(t, tc.want, blocksIn(content, "zh-Hans"), name)
		require.Equal(t, tc.want, blocksIn(content, "en"), name)
	}
}

func TestGapsOfADocumentForAnyDuty(t *testing.T) {
	c := catalog(t)
	reqs, facts := duties["cac-like"].Requirements, snapshot(t, leak)
	content := forDuty(t, "cac-like", leak)
	require.Equal(t, map[string][]string{"support@zh-Hans": {GapMissing}, "ex-5@zh-Hans": {GapMissing}}, gaps(c, content, facts, reqs),
		"what a person must write is missing, in the language that is filed")
	write(content, "zh-Hans", "support", "暂无。")
	write(content, "zh-Hans", "ex-5", "全天值守。")
	require.Empty(t, c.Check(content, facts, reqs))

	bare := forDuty(t, "gdpr-33-like", `{}`)
	got := gaps(c, bare, snapshot(t, `{}`), duties["gdpr-33-like"].Requirements)
	require.Equal(t, []string{GapFactUnknown, "data_event"}, got["breach@en"])
	require.Equal(t, []string{GapMissing}, got["categories-of-persons@en"])
	require.NotContains(t, got, "dpo@en", "the profile answers it")
	for at := range got {
		require.Contains(t, at, "@en", "the Chinese text is for reading only")
	}

	late := Requirement{ID: "ex-6", Block: "cause"}
	require.Equal(t, map[string][]string{"cause@zh-Hans": {GapMissing}}, gaps(c, content, facts, []Requirement{late}), "required since it was drafted")
	in := Input{Template: "any/report", Requirements: append(slices.Clone(reqs), late), Facts: facts, Org: organisation()}
	fresh, err := c.Draft(in)
	require.NoError(t, err)
	wide := Widen(content, fresh)
	require.Equal(t, blocksIn(fresh, "en"), blocksIn(wide, "en"))
	require.Equal(t, "暂无。", wide.passage("zh-Hans", "support").Text)
	require.Empty(t, c.Check(wide, facts, in.Requirements))
	require.Len(t, content.Locales["en"], 6, "the old content is left as it was")
}

func TestRedraftKeepsBlocksHeadingsAndLocales(t *testing.T) {
	c := catalog(t)
	for name := range duties {
		content := forDuty(t, name, `{}`)
		again, err := c.Redraft(content, Input{Facts: snapshot(t, leak), Org: organisation(), Now: preparedAt})
		require.NoError(t, err)
		require.Equal(t, forDuty(t, name, leak), again, name)
	}
	content := draft(t, c, "cn/cac-initial", leak)
	again, err := c.Redraft(content, Input{Facts: snapshot(t, leak), Org: organisation(), Grade: "larger", Now: preparedAt})
	require.NoError(t, err)
	require.Equal(t, content, again)
	_, err = c.Redraft(Content{Template: "none"}, Input{})
	require.True(t, incident.IsFault(err, incident.NotFound))
}

func TestAdviceNamesTheBodiesOfItsCountry(t *testing.T) {
	facts := `{"data_event": "leaked", "data": ["id_number", "phone", "location"]}`
	for _, local := range []string{"96110", "110", "People's Bank"} {
		require.NotContains(t, forDuty(t, "gdpr-34-like", facts).passage("en", "advice").Text, local)
		require.Contains(t, drafted(t, individuals, facts, "en", "advice").Text, local)
	}
	advice := func(laws ...string) string {
		content, err := catalog(t).Draft(Input{Template: "any/notice", Facts: snapshot(t, facts), Org: organisation(), Laws: laws})
		require.NoError(t, err)
		return content.passage("en", "advice").Text
	}
	require.Contains(t, advice("cn"), "96110")
	require.NotContains(t, advice("cn", "hk"), "96110")
	require.Equal(t, strings.Count(advice("cn"), "- "), strings.Count(advice("eu"), "- "))
}

func TestMemberStatesAreThoseWherePeopleLive(t *testing.T) {
	c := catalog(t)
	in := Input{Template: "any/report", Org: organisation(), Blocks: []string{"member-states"}, Filed: []string{"en"},
		Facts: snapshot(t, `{"jurisdictions.FR": null, "jurisdictions.DE": 1200, "jurisdictions.CN": 5, "jurisdictions.ES": 0}`)}
	content, err := c.Draft(in)
	require.NoError(t, err)
	require.Equal(t, "Member States where the people affected live, and how many:\n- Germany: 1,200\n- France: number not yet known", content.passage("en", "member-states").Text)
	require.Equal(t, "受影响个人所在的成员国及人数：\n- 德国：1,200\n- 法国：人数尚不明确", content.passage("zh-Hans", "member-states").Text)
	req := []Requirement{{ID: "x", Block: "member-states"}}
	require.Empty(t, c.Check(content, in.Facts, req))
	in.Facts.Facts["jurisdictions.IT"] = incident.Fact{Path: "jurisdictions.IT", Revision: 4}
	require.Equal(t, map[string][]string{"member-states@en": {GapNotPrinted, "jurisdictions.*"}}, gaps(c, content, in.Facts, req), "a country that came later")
	require.Equal(t, map[string][]string{"member-states@en": {GapFactUnknown, "jurisdictions.*"}}, gaps(c, content, snapshot(t, `{}`), req))
	in.Facts = snapshot(t, `{"jurisdictions.US": 3}`)
	content, err = c.Draft(in)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"member-states@en": {GapMissing}}, gaps(c, content, in.Facts, req))
}

func TestFiledLanguageFollowsTheDocument(t *testing.T) {
	c := catalog(t)
	reading := func(filed ...string) []string {
		content, err := c.Draft(Input{Template: "any/report", Facts: snapshot(t, leak), Org: organisation(), Filed: filed})
		require.NoError(t, err)
		form, _ := c.Form(content)
		return form.Reading
	}
	require.Equal(t, []string{"en"}, reading(), "mainland authorities read Chinese")
	require.Equal(t, []string{"en"}, reading("zh-Hans"))
	require.Equal(t, []string{"zh-Hans"}, reading("en"))
	require.Empty(t, reading("en", "zh-Hans"))
	require.Equal(t, []string{"en"}, reading("de"), "a language without words files nothing")

	content := draft(t, c, "cn/cac-initial", leak)
	delete(content.Locales, "zh-Hans")
	form, _ := c.Form(content)
	require.Empty(t, form.Reading, "the only language there is must be complete")
	require.NotEmpty(t, c.Check(content, snapshot(t, leak), requirements(t, c, "cn/cac-initial")))
}

// What was kept before there were documents for any duty hashes as it did.
func TestContentKeepsItsShape(t *testing.T) {
	b, err := json.Marshal(Content{Template: "cn/cac-initial", Subject: map[string]string{}, Locales: map[string][]Passage{}})
	require.NoError(t, err)
	require.JSONEq(t, `{"template": "cn/cac-initial", "version": "", "subject": {}, "locales": {}}`, string(b))
}

// Every block drafts itself from facts or waits for a person, and says nothing when nothing is known.
func TestEveryBlockIsDraftedOrByHand(t *testing.T) {
	c := catalog(t)
	full := draft(t, c, "any/report", leak)
	for i, item := range c.byName["any/report"].Items {
		bound, text := len(item.Facts)+len(item.Any) > 0, full.passage("en", item.Block).Text
		require.Equal(t, bound, c.byName["any/report"].drafts[i] != nil, item.Block)
		if !bound {
			require.Empty(t, text, item.Block)
		}
	}
	require.Subset(t, ReportBlocks(), []string{"org-name", "effects", "member-states", "cac-2e", "pipl-1a", "scale"})
	require.Equal(t, []string{"circumstances", "disruption", "kinds-of-data", "cause", "impact", "measures", "advice", "remedies", "contact"}, NoticeBlocks())
}

// Whatever is required stands in the document once, in every language, and stays when it is drafted again.
func TestAnyChoiceOfBlocksHolds(t *testing.T) {
	c := catalog(t)
	all := append(ReportBlocks(), "cac-1", "strange-1", "strange-2")
	facts := snapshot(t, leak)
	rapid.Check(t, func(rt *rapid.T) {
		var reqs []Requirement
		for i, b := range rapid.SliceOfN(rapid.SampledFrom(all), 1, 12).Draw(rt, "blocks") {
			reqs = append(reqs, Requirement{ID: fmt.Sprint("item-", i), Block: b, Term: "条目", Gloss: "item", Law: "法", Article: "1", Rule: "cn-x"})
		}
		filed := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"zh-Hans", "en", "fr"}), rapid.ID).Draw(rt, "filed")
		content, err := c.Draft(Input{Template: "any/report", Facts: facts, Org: organisation(), Requirements: reqs, Filed: filed})
		require.NoError(rt, err)
		form, ok := c.Form(content)
		require.True(rt, ok)
		require.NotEmpty(rt, form.filed())
		require.Equal(rt, blocksIn(content, "zh-Hans"), blocksIn(content, "en"))
		require.Len(rt, form.Items, len(content.Locales["en"]))
		for _, item := range form.Items {
			require.NotEmpty(rt, item.Label["zh-Hans"])
			require.NotEmpty(rt, item.Label["en"])
		}
		for _, req := range reqs {
			for _, item := range form.answering(req) {
				require.GreaterOrEqual(rt, form.index(item.Block), 0, req.Block)
			}
		}
		again, err := c.Redraft(content, Input{Facts: facts, Org: organisation()})
		require.NoError(rt, err)
		require.Equal(rt, content, again)
		require.Equal(rt, content, Widen(content, again))
		narrow := content
		narrow.Locales = map[string][]Passage{}
		for l, ps := range content.Locales {
			narrow.Locales[l] = slices.DeleteFunc(slices.Clone(ps), func(p Passage) bool { return len(p.Block)%2 == 0 })
		}
		require.Equal(rt, content, Widen(narrow, content), "what is missing comes back in its place")
	})
}

// A sector's report names the grade of its own scheme in that scheme's words, in each language, also when it is
// drafted again; the State's grade has the catalog's words.
func TestAReportNamesTheGradeOfItsOwnScheme(t *testing.T) {
	c := catalog(t)
	in := Input{Template: "any/report", Facts: snapshot(t, leak), Org: organisation(), Now: preparedAt, Grade: "II", Blocks: []string{"sector-grade"},
		GradeWords: map[string]string{"zh-Hans": "Ⅱ级（重大）", "en": "grade II"}}
	content, err := c.Draft(in)
	require.NoError(t, err)
	require.Equal(t, "初步判定为Ⅱ级（重大）。", content.passage("zh-Hans", "sector-grade").Text)
	require.Equal(t, "Graded at present as: grade II.", content.passage("en", "sector-grade").Text)
	again, err := c.Redraft(content, Input{Facts: in.Facts, Org: in.Org, Grade: "extreme", Now: in.Now})
	require.NoError(t, err)
	require.Equal(t, content, again, "another scheme's grade does not slip in")
	in.Grade, in.GradeWords = "", nil
	content, err = c.Draft(in)
	require.NoError(t, err)
	require.Empty(t, content.passage("zh-Hans", "sector-grade").Text, "without a scheme a person states it")
}

// The type of an incident is its category where that is known, else what happened to data.
func TestTypeIsTheCategoryWhereKnown(t *testing.T) {
	c := catalog(t)
	said := func(facts string) string {
		return draft(t, c, "cn/cac-initial", facts).passage("zh-Hans", "cac-2c").Text
	}
	require.Equal(t, "网络攻击事件。", said(`{"confirmed": true, "category": "att", "data_event": "leaked"}`))
	require.Equal(t, "初步判断为网络攻击事件。", said(`{"category": "att"}`))
	require.Equal(t, "初步判断为数据安全事件（数据泄露）。", said(`{"data_event": "leaked"}`))
	require.Empty(t, said(`{}`))
}
