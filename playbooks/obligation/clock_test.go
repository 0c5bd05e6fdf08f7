package obligation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const clockLaw = `
zone: Europe/Brussels
instruments: {x: {title: Test law, gloss: Test law}}
items: {x-1: {term: 内容, gloss: content, law: x, article: "1", notice: [circumstances], report: [circumstances]}}
addressees:
  sa: {name: {en: authority, zh-Hans: 主管部门}}
  individuals: {name: {en: individuals, zh-Hans: 个人}}
conditions:
  x.any:
    if: kind == "incident"
    yes: {en: it is an incident, zh-Hans: 属于事件}
    no: {en: it is no incident, zh-Hans: 不属于事件}
rules:
`

// ruleText is a rule of the test law with some lines of its own.
func ruleText(id, to, lines string) string {
	text := fmt.Sprintf(`  - id: %s
    title: {en: %s, zh-Hans: %s}
    when: [x.any]
    to: [%s]
    kind: report
    urgency: within
    items: [x-1]
    met_by: [report:written]
    source: {instrument: x, article: "1"}
    confidence: V
`, id, id, id, to)
	for _, line := range strings.Split(lines, "\n") {
		text += "    " + strings.TrimSpace(line) + "\n"
	}
	return text
}

func clockEngine(t testing.TB, rules ...string) *Engine {
	t.Helper()
	return &Engine{law: lawOf(t, map[string]string{"law/x.yaml": clockLaw + strings.Join(rules, "")})}
}

func derived(t testing.TB, e *Engine, asOf, facts string) Result {
	t.Helper()
	return derivedFor(t, e, asOf, facts, `{"roles": [], "sectors": [], "establishments": ["BE"]}`)
}

func derivedFor(t testing.TB, e *Engine, asOf, facts, profile string) Result {
	t.Helper()
	body, err := json.Marshal(map[string]any{"as_of": asOf, "facts": parsed(t, facts), "profile": parsed(t, profile)})
	require.NoError(t, err)
	in, problems := ReadInput(body)
	require.Empty(t, problems)
	r, problems := e.Derive(in)
	require.Empty(t, problems)
	return r
}

func one(t testing.TB, r Result, id string) Obligation {
	t.Helper()
	for _, o := range r.Obligations {
		if o.ID == id {
			return o
		}
	}
	require.Fail(t, "no such duty", id)
	return Obligation{}
}

func local(at *time.Time, zone string) string {
	if at == nil {
		return ""
	}
	loc, _ := time.LoadLocation(zone)
	return at.In(loc).Format("Mon 15:04:05")
}

const doraInitial = `anchor: classified-major
deadline: {n: 4, count: hours, cap: {n: 24, count: hours, anchor: aware_at}}
legal_limit: {n: 4, count: dora, if: assessments.relief, cap: {n: 24, count: hours, anchor: aware_at}}`

// The worked examples of DORA: aware on a Friday at 18:00.
func TestCapAndRelief(t *testing.T) {
	e := clockEngine(t, strings.ReplaceAll(ruleText("initial", "{name: sa}", doraInitial), "assessments.relief", "user_information"))
	for _, c := range []struct{ name, classified, relief, deadline, limit string }{
		{"a bank", "2026-11-21T10:00:00+01:00", "false", "Sat 14:00:00", ""},
		{"relief for the others", "2026-11-21T10:00:00+01:00", "true", "Sat 14:00:00", "Mon 12:00:00"},
		{"the cap comes first", "2026-11-21T16:00:00+01:00", "false", "Sat 18:00:00", ""},
		{"relief after the cap", "2026-11-21T16:00:00+01:00", "true", "Sat 18:00:00", "Mon 12:00:00"},
		{"classified after the cap has run out", "2026-11-22T09:00:00+01:00", "false", "Sun 13:00:00", ""},
		{"and with relief", "2026-11-22T09:00:00+01:00", "true", "Sun 13:00:00", "Mon 12:00:00"},
		{"whether relief holds is not known: no later limit", "2026-11-21T10:00:00+01:00", "null", "Sat 14:00:00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := one(t, derived(t, e, "2026-11-20T19:00:00+01:00", `{"aware_at": "2026-11-20T18:00:00+01:00",
				"anchors": {"classified-major": "`+c.classified+`"}, "user_information": `+c.relief+`}`), "initial")
			require.Equal(t, c.deadline, local(o.Deadline, o.Zone))
			require.Equal(t, c.limit, local(o.LegalLimit, o.Zone))
		})
	}
	o := one(t, derived(t, e, "2026-11-20T19:00:00+01:00", `{"aware_at": "2026-11-20T18:00:00+01:00"}`), "initial")
	require.Equal(t, Waiting, o.State, "a firm anchor never falls back")
	require.Nil(t, o.Deadline)
}

func TestOneRuleGivesDeadlineAndLegalLimit(t *testing.T) {
	e := clockEngine(t, ruleText("final", "{name: sa}", "anchor: measure-available\ndeadline: {n: 14, count: eu-days}"),
		ruleText("plain", "{name: sa}", "anchor: measure-available\ndeadline: {n: 72, count: hours}\nlegal_limit: {n: 72, count: eu-hours}"))
	r := derived(t, e, "2026-12-13T09:00:00+01:00", `{"anchors": {"measure-available": "2026-12-12T09:30:00+01:00"}}`)
	require.Equal(t, "Sat 23:59:59", local(one(t, r, "final").Deadline, "Europe/Brussels"))
	require.Equal(t, "Mon 23:59:59", local(one(t, r, "final").LegalLimit, "Europe/Brussels"))
	require.Equal(t, "Tue 09:30:00", local(one(t, r, "plain").Deadline, "Europe/Brussels"))
	require.Equal(t, "Tue 10:00:00", local(one(t, r, "plain").LegalLimit, "Europe/Brussels"))

	e = clockEngine(t, ruleText("dora", "{name: sa}", "anchor: measure-available\ndeadline: {n: 4, count: dora}"))
	r = derived(t, e, "2026-12-13T09:00:00+01:00", `{"anchors": {"measure-available": "2026-12-12T09:30:00+01:00"}}`)
	require.Nil(t, one(t, r, "dora").LegalLimit, "relief is not for everybody: only a rule that says so has it")
}

// Which anchors fall back, and what they say then.
func TestAnchors(t *testing.T) {
	const aware = `{"aware_at": "2026-03-01T02:00:00+01:00"}`
	fall := []string{"discovery", "discovery-imputed", "noticed", "reasonable-belief", "found", "informed-by-processor", "determination-breach", "knowledge-of-data", "occurred_at"}
	wait := append([]string{"submitted:r0", "requested:sa", "ordered:sa", "due:sa"}, firm...)
	var rules []string
	for i, a := range append(slices.Clone(fall), wait...) {
		rules = append(rules, ruleText("r"+itoa(i), "{name: sa}", `anchor: "`+a+`"`+"\ndeadline: {n: 1, count: hours}"))
	}
	e := clockEngine(t, rules...)
	now := derived(t, e, "2026-03-01T02:30:00+01:00", aware)
	tools := derived(t, e, "2026-03-01T02:30:00+01:00", `{"first_signal_at": "2026-03-01T01:00:00+01:00"}`)
	nothing := derived(t, e, "2026-03-01T02:30:00+01:00", `{}`)
	for i, a := range fall {
		o := one(t, now, "r"+itoa(i))
		require.Equal(t, "aware_at", o.AnchorFrom, a)
		require.Equal(t, a, o.Anchor)
		require.Equal(t, "2026-03-01T02:00:00Z", o.Deadline.Format(time.RFC3339))
		require.Equal(t, a == "determination-breach" || a == "knowledge-of-data" || a == "occurred_at", o.AnchorNote != "", a)
		require.True(t, one(t, tools, "r"+itoa(i)).Provisional)
		require.Equal(t, Waiting, one(t, nothing, "r"+itoa(i)).State)
	}
	for i, a := range wait {
		if a != "first_signal_at" {
			require.Equal(t, Waiting, one(t, now, "r"+itoa(len(fall)+i)).State, a)
		}
	}
	for _, wrong := range []string{"awareat", "submitted:", "due", "order:sa", "closed"} {
		_, faults := load(tree(t, map[string]string{"law/x.yaml": clockLaw + ruleText("r", "{name: sa}", `anchor: "`+wrong+`"`)}))
		require.Contains(t, fmt.Sprint(faults), "unknown anchor", wrong)
	}
}

// A series names itself: the latest of its reports starts the next; a filing with this addressee counts first.
func TestSeries(t *testing.T) {
	e := clockEngine(t, ruleText("first", "{name: sa}", "anchor: aware_at\ndeadline: {n: 1, count: hours}"),
		ruleText("progress", `{name: "sa:{place}", each: {establishments: EU}}`, "anchor: [\"submitted:first\", \"submitted:progress\"]\nrepeats: true\nuntil: closed_at\ndeadline: {n: 2, count: hours}"))
	asOf := "2026-03-01T06:00:00+01:00"
	o := one(t, derived(t, e, asOf, `{"anchors": {"submitted:first": "2026-03-01T03:00:00+01:00"}}`), "progress")
	require.Equal(t, "submitted:first", o.Anchor)
	require.True(t, o.Repeats)
	require.Equal(t, "Sun 05:00:00", local(o.Deadline, "Europe/Brussels"))
	o = one(t, derived(t, e, asOf, `{"anchors": {"submitted:first": "2026-03-01T03:00:00+01:00", "submitted:progress": "2026-03-01T04:45:00+01:00"}}`), "progress")
	require.Equal(t, "submitted:progress", o.Anchor)
	require.Equal(t, "Sun 06:45:00", local(o.Deadline, "Europe/Brussels"))
	o = one(t, derived(t, e, asOf, `{"anchors": {"submitted:first": "2026-03-01T03:00:00+01:00", "submitted:first:sa:BE": "2026-03-01T03:30:00+01:00"}}`), "progress")
	require.Equal(t, "Sun 05:30:00", local(o.Deadline, "Europe/Brussels"))
	require.Empty(t, o.AnchorFrom, "no fallback")
	r := derived(t, e, asOf, `{"closed_at": "2026-03-01T05:00:00+01:00"}`)
	require.Len(t, r.Obligations, 1, "the series ends with the handling")

	e = clockEngine(t, ruleText("final", "{name: sa}", "anchor: aware_at"),
		ruleText("update", `{name: "sa:{place}", each: {establishments: EU}}`, "anchor: recovered\nuntil: \"submitted:final\""))
	for anchors, owed := range map[string]string{`{}`: "sa:BE sa:DE ", `{"submitted:final": "2026-03-01"}`: "", `{"submitted:final": "2026-03-01", "submitted:final:x:DE": "2026-03-01"}`: "sa:BE "} {
		got := ""
		for _, o := range derivedFor(t, e, asOf, `{"anchors": `+anchors+`}`, `{"establishments": ["BE", "DE"]}`).Obligations {
			if o.ID == "update" {
				got += o.Addressee + " "
			}
		}
		require.Equal(t, owed, got, anchors)
	}
}

// Another duty's deadline: taken once every rule is derived, in any order of the files.
func TestBorrowedDeadline(t *testing.T) {
	individuals := func(deadline string) string {
		return ruleText("z-individuals", "{name: individuals}", "anchor: aware_at\n"+deadline)
	}
	regulator := ruleText("a-regulator", "{name: sa}", "anchor: aware_at\ndeadline: {with: m-copy}")
	copied := ruleText("m-copy", "{name: sa}", "anchor: aware_at\ndeadline: {before: z-individuals}")
	const facts = `{"aware_at": "2026-03-01T02:00:00+01:00"}`
	r := derived(t, clockEngine(t, regulator, copied, individuals("deadline: {n: 24, count: hours}")), "2026-03-01T03:00:00+01:00", facts)
	for _, id := range []string{"a-regulator", "m-copy"} {
		o := one(t, r, id)
		require.Equal(t, "Mon 02:00:00", local(o.Deadline, "Europe/Brussels"))
		require.Equal(t, Running, o.State)
		require.Nil(t, o.Count)
	}
	require.Equal(t, "m-copy", one(t, r, "a-regulator").DeadlineOf)
	require.Equal(t, "2026-03-02T01:00:00Z", r.NextChange.Format(time.RFC3339))
	r = derived(t, clockEngine(t, regulator, copied, individuals("deadline: {n: 24, count: hours}")), "2026-03-03T03:00:00+01:00", facts)
	require.Equal(t, Overdue, one(t, r, "a-regulator").State)

	e := clockEngine(t, regulator, copied, individuals("urgency: prompt"[:0]))
	r = derivedFor(t, e, "2026-03-03T03:00:00+01:00", facts, `{"establishments": ["BE"], "targets": {"z-individuals": "PT6H"}}`)
	o := one(t, r, "a-regulator")
	require.Nil(t, o.Deadline)
	require.Equal(t, "Sun 08:00:00", local(o.Target, "Europe/Brussels"), "the operator's own time for the notice, ours as well")
	require.Equal(t, Running, o.State, "a target is never overdue")

	none := strings.Replace(individuals("deadline: {n: 24, count: hours}"), "when: [x.any]", `when: [{if: kind == "threat", yes: {en: y, zh-Hans: y}, no: {en: n, zh-Hans: n}}]`, 1)
	require.Equal(t, Waiting, one(t, derived(t, clockEngine(t, regulator, copied, none), "2026-03-03T03:00:00+01:00", facts), "a-regulator").State)

	_, faults := load(tree(t, map[string]string{"law/x.yaml": clockLaw + regulator + ruleText("m-copy", "{name: sa}", "anchor: aware_at\ndeadline: {before: a-regulator}")}))
	require.Contains(t, fmt.Sprint(faults), "rests on itself")
}

func TestDateSetByAnAuthority(t *testing.T) {
	e := clockEngine(t, ruleText("answer", "{name: sa}", "anchor: \"requested:sa\"\ndeadline: {at: \"due:sa\"}"))
	asOf := "2026-03-02T00:00:00Z"
	require.Equal(t, Waiting, one(t, derived(t, e, asOf, `{}`), "answer").State)
	o := one(t, derived(t, e, asOf, `{"anchors": {"requested:sa": "2026-03-01T00:00:00Z"}}`), "answer")
	require.Equal(t, Running, o.State)
	require.Nil(t, o.Deadline)
	o = one(t, derived(t, e, asOf, `{"anchors": {"requested:sa": "2026-03-01T00:00:00Z", "due:sa": "2026-03-05"}}`), "answer")
	require.Equal(t, "2026-03-04T23:00:00Z", o.Deadline.Format(time.RFC3339), "the earliest instant of the day")
	require.True(t, o.Imprecise)
}

func TestVoluntaryIsNeverOverdue(t *testing.T) {
	e := clockEngine(t, ruleText("r", "{name: sa}", "anchor: aware_at\nvoluntary: true\ndeadline: {n: 1, count: hours}"))
	r := derived(t, e, "2026-03-02T03:00:00+01:00", `{"aware_at": "2026-03-01T02:00:00+01:00"}`)
	require.Equal(t, Running, r.Obligations[0].State)
	require.True(t, r.Obligations[0].Voluntary)
}

func TestPeriodThatCountsOnlyThen(t *testing.T) {
	e := clockEngine(t, ruleText("r", "{name: sa}", "anchor: aware_at\ndeadline: {n: 24, count: hours, if: user_information}"))
	for value, dated := range map[string]bool{"true": true, "false": false, "null": true} {
		o := one(t, derived(t, e, "2026-03-01T02:30:00+01:00", `{"aware_at": "2026-03-01T02:00:00+01:00", "user_information": `+value+`}`), "r")
		require.Equal(t, dated, o.Deadline != nil, "while it is not known an alarm may be too early, never too late")
	}
}

// The data ends with 2026: no guess, the earliest it can be, and loudly why. An operator's own calendar of
// the same id extends it.
func TestUndatedAndExtended(t *testing.T) {
	rule := strings.Replace(clockLaw, "Europe/Brussels", "Asia/Shanghai", 1) + ruleText("r", "{name: sa}", "anchor: closed_at\ndeadline: {n: 5, count: cn-wd}")
	facts, asOf := `{"closed_at": "2026-12-28T10:00:00+08:00"}`, "2027-06-01T00:00:00Z"
	o := one(t, derived(t, &Engine{law: lawOf(t, map[string]string{"law/x.yaml": rule})}, asOf, facts), "r")
	require.Nil(t, o.Deadline)
	require.Equal(t, Running, o.State)
	require.Contains(t, o.Undated["en"], "2027-01-01")
	require.Contains(t, o.Undated["zh-Hans"], "2027-01-01")
	require.Equal(t, "2027-01-02T15:59:59Z", o.Target.Format(time.RFC3339))
	own := `calendars:
  - id: CN
    name: {en: mainland China, zh-Hans: 中国内地}
    from: 2027-01-01
    until: 2027-12-31
    source: a notice made up for this test
    holidays: [{name: {en: New Year, zh-Hans: 元旦}, days: [2027-01-01]}]
    workdays: [2027-01-03]
`
	o = one(t, derived(t, &Engine{law: lawOf(t, map[string]string{"law/x.yaml": rule, "own/law/cn.yaml": own})}, asOf, facts), "r")
	require.Nil(t, o.Undated)
	require.Equal(t, "2027-01-04T15:59:59Z", o.Deadline.Format(time.RFC3339), "29, 30, 31 December, the Sunday that is worked, Monday")
}

// A rule that begins or ends changes the answer by itself while nothing has started its clock.
func TestNextChangeAtValidity(t *testing.T) {
	e := clockEngine(t, ruleText("r", "{name: sa}", "anchor: aware_at\nvalid: {from: 2026-09-11, until: 2026-12-31}"))
	r := derived(t, e, "2026-03-01T00:00:00Z", `{}`)
	require.Empty(t, r.Obligations)
	require.Equal(t, "2026-09-10T22:00:00Z", r.NextChange.Format(time.RFC3339))
	r = derived(t, e, "2026-09-10T22:00:00Z", `{}`)
	require.Len(t, r.Obligations, 1)
	require.Equal(t, "2026-12-31T23:00:00Z", r.NextChange.Format(time.RFC3339))
	require.Nil(t, derived(t, e, "2027-03-01T00:00:00Z", `{}`).NextChange)
	require.Nil(t, derived(t, e, "2026-03-01T00:00:00Z", `{"aware_at": "2026-02-01T00:00:00Z"}`).NextChange, "its clock started before the rule did")
}

func TestDeadlineIsNotAfterTheLegalLimit(t *testing.T) {
	engines := map[string]*Engine{}
	for _, count := range sortedKeys(countingRules) {
		engines[count] = clockEngine(t, ruleText("r", `{name: "sa:{place}", each: {establishments: EEA}}`, "anchor: aware_at\ndeadline: {n: 7, count: "+count+"}\nlegal_limit: {n: 7, count: "+count+"}"))
	}
	rapid.Check(t, func(rt *rapid.T) {
		count := rapid.SampledFrom(sortedKeys(countingRules)).Draw(rt, "count")
		place := rapid.SampledFrom([]string{"AT", "BG", "CY", "DE", "GR", "LI", "PT"}).Draw(rt, "place")
		at := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 15*30*24*60).Draw(rt, "at")) * time.Minute)
		r := derivedFor(t, engines[count], "2026-01-01T00:00:00Z", `{"aware_at": "`+at.Format(time.RFC3339)+`"}`, `{"establishments": ["`+place+`"]}`)
		o := one(t, r, "r")
		if o.Deadline == nil || o.LegalLimit != nil && !o.LegalLimit.After(*o.Deadline) {
			rt.Fatalf("%s: %v, %v", count, o.Deadline, o.LegalLimit)
		}
	})
}
