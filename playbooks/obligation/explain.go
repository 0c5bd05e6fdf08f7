package obligation

import (
	"fmt"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/templates"
)

// saying is what Explain itself says, per locale.
var saying = map[string]words{
	"grade":    {"en": "Grade", "zh-Hans": "分级"},
	"atmost":   {"en": "at most %s while facts are open", "zh-Hans": "事实未明时最高可能为%s"},
	"decided":  {"en": "decided", "zh-Hans": "已确定"},
	"flagged":  {"en": "a broad reading of the text decided %s: a person should look", "zh-Hans": "%s 依宽泛解释成立：需人员判断"},
	"duty":     {"en": "Duty", "zh-Hans": "义务"},
	"to":       {"en": "to", "zh-Hans": "对象"},
	"because":  {"en": "because", "zh-Hans": "理由"},
	"law":      {"en": "law", "zh-Hans": "依据"},
	"article":  {"en": "%s, %s (%s)", "zh-Hans": "《%s》%s（%s）"},
	"clock":    {"en": "clock", "zh-Hans": "时限"},
	"waits":    {"en": "waits: %s is not known", "zh-Hans": "等待：%s 未知"},
	"from":     {"en": "from %s = %s", "zh-Hans": "自 %s = %s 起"},
	"instead":  {"en": " (instead of %s)", "zh-Hans": "（代替 %s）"},
	"tool":     {"en": "; provisional: what tools know, until a person decides awareness", "zh-Hans": "；暂定：依工具所知，待人员认定知悉时间"},
	"earliest": {"en": "; the time is imprecise, its earliest instant counts", "zh-Hans": "；时间不精确，按最早时刻计算"},
	"sum":      {"en": "%s + %d %s = %s (%s)", "zh-Hans": "%s + %d %s = %s（%s）"},
	"nonumber": {"en": "the law gives no number: %s", "zh-Hans": "法律未规定具体时限：%s"},
	"own":      {"en": "own target %s (ours, not the law's)", "zh-Hans": "自定目标 %s（非法定）"},
	"state":    {"en": "state", "zh-Hans": "状态"},
	"says":     {"en": "must say", "zh-Hans": "内容"},
	"exempt":   {"en": "an exemption could apply", "zh-Hans": "可能适用的豁免"},
	"not":      {"en": "Does not apply", "zh-Hans": "不适用"},
	"maybe":    {"en": "Not decided", "zh-Hans": "尚未确定"},
	"open":     {"en": "Open questions", "zh-Hans": "待查问题"},
	"decides":  {"en": "decides", "zh-Hans": "决定"},
	"change":   {"en": "Time alone changes this answer at", "zh-Hans": "仅随时间推移，答案将改变于"},
	"nothing":  {"en": "No duty applies.", "zh-Hans": "没有适用的义务。"},
}

// urgencyWords are the law's words for a duty without a number.
var urgencyWords = map[string]words{
	"immediate":   {"en": "immediately (立即)", "zh-Hans": "立即"},
	"prompt":      {"en": "promptly (及时)", "zh-Hans": "及时"},
	"within":      {"en": "within the period", "zh-Hans": "期限内"},
	"as-provided": {"en": "as provided", "zh-Hans": "按照规定"},
	"contract":    {"en": "as promised", "zh-Hans": "按承诺"},
}

// Explain says in words, in a locale, why each duty applies, why the others do not, how each clock is
// counted, and what is still unknown.
func (e *Engine) Explain(in Input, locale string) (string, []incident.Problem) {
	result, problems := e.derive(in, true)
	if len(problems) > 0 {
		return "", problems
	}
	x := &explainer{locale: locale}
	for _, g := range result.Grades {
		x.grade(g)
	}
	for _, o := range result.Obligations {
		x.duty(o)
	}
	if len(result.Obligations) == 0 {
		x.line("%s", x.say("nothing"))
	}
	for _, r := range result.NotApplied {
		heading := "not"
		if r.Undecided {
			heading = "maybe"
		}
		x.line("%s: %s: %s", x.say(heading), r.ID, words(r.Texts).in(locale))
	}
	if len(result.OpenQuestions) > 0 {
		x.line("\n%s:", x.say("open"))
	}
	for _, q := range result.OpenQuestions {
		x.line("  - %s: %s (%s: %s)", q.Fact, words(q.Text).in(locale), x.say("decides"), strings.Join(q.Decides, ", "))
	}
	if result.NextChange != nil {
		x.line("\n%s %s", x.say("change"), stamp(*result.NextChange, time.UTC))
	}
	return x.String(), nil
}

type explainer struct {
	strings.Builder
	locale string
}

func (x *explainer) say(key string) string { return saying[key].in(x.locale) }

func (x *explainer) line(format string, args ...any) { _, _ = fmt.Fprintf(x, format+"\n", args...) }

func (x *explainer) grade(g Grade) {
	open := x.say("decided")
	if g.Ceiling != g.Floor {
		open = fmt.Sprintf(x.say("atmost"), phrase(g.Ceiling, x.locale))
	}
	x.line("%s %s: %s, %s", x.say("grade"), g.Scheme, phrase(g.Grade, x.locale), open)
	for i, r := range reasons(g.Reasons, x.locale) {
		x.line("  - %s: %s", g.Because[i], r)
	}
	for _, f := range g.Flags {
		x.line("  ! "+x.say("flagged"), f)
	}
	x.line("")
}

func reasons(w map[string][]string, locale string) []string {
	if s, ok := w[locale]; ok {
		return s
	}
	return w["en"]
}

func (x *explainer) duty(o Obligation) {
	x.line("%s %s: %s", x.say("duty"), o.ID, words(o.Title).in(x.locale))
	x.line("  %s: %s", x.say("to"), o.Addressee)
	x.line("  %s: "+x.say("article"), x.say("law"), o.Source.Title, templates.Article(o.Source.Article, x.locale), o.Confidence)
	x.line("  %s:", x.say("because"))
	for _, w := range reasons(o.Why, x.locale) {
		x.line("    - %s", w)
	}
	x.line("  %s: %s", x.say("clock"), x.clock(o))
	x.line("  %s: %s", x.say("state"), phrase(string(o.State), x.locale))
	x.line("  %s:", x.say("says"))
	for _, r := range o.Requirements {
		words := r.Term
		if x.locale == "en" {
			words += ", " + r.Gloss
		}
		x.line("    - %s %s", r.ID, words)
	}
	if o.Exempt != nil {
		x.line("  %s: %s: %s", x.say("exempt"), o.Exempt.ID, words(o.Exempt.Texts).in(x.locale))
	}
	x.line("")
}

// clock writes the arithmetic step by step.
func (x *explainer) clock(o Obligation) string {
	if o.Start == nil {
		return fmt.Sprintf(x.say("waits"), o.Anchor)
	}
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		zone = time.UTC
	}
	from := o.AnchorFrom
	if from == "" {
		from = o.Anchor
	}
	text := fmt.Sprintf(x.say("from"), from, stamp(*o.Start, zone))
	if o.AnchorFrom != "" {
		text += fmt.Sprintf(x.say("instead"), o.Anchor)
	}
	if o.Provisional {
		text += x.say("tool")
	}
	if o.Imprecise {
		text += x.say("earliest")
	}
	text += "; "
	if o.Deadline != nil {
		text += fmt.Sprintf(x.say("sum"), stamp(*o.Start, zone), o.Count.N, phrase(o.Count.Rule, x.locale), stamp(*o.Deadline, zone), o.Deadline.UTC().Format(time.RFC3339))
	} else {
		text += fmt.Sprintf(x.say("nonumber"), urgencyWords[o.Urgency].in(x.locale))
	}
	if o.Target != nil {
		text += "; " + fmt.Sprintf(x.say("own"), stamp(*o.Target, zone))
	}
	return text
}

func stamp(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
}
