package obligation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Properties of the whole built-in law, over incidents made of every value that its conditions tell apart.

// universe is those values: per fact, and of the profile.
type universe struct {
	facts    map[string][]any
	profile  map[string][]string
	flags    []string // registrations that are flags
	texts    map[string][]string
	instants []string
}

var wholeLaw = sync.OnceValue(func() *universe {
	e, err := compiled()
	if err != nil {
		panic(err)
	}
	return e.universe()
})

// universe is made by the search that lint uses to see whether rules can apply.
func (e *Engine) universe() *universe {
	x := e.law.search()
	all := func(c *clauseDef) { x.require(c.eval, c.refs) }
	for _, d := range e.law.defs {
		all(d)
	}
	for _, s := range e.law.schemes {
		for _, g := range s.Conditions {
			x.require(g.eval, g.refs)
		}
	}
	for _, r := range e.law.rules {
		for _, c := range r.When {
			all(c)
		}
		for _, to := range r.To {
			x.require(to.test, to.refs)
		}
	}
	u := &universe{facts: map[string][]any{}, profile: map[string][]string{}, texts: map[string][]string{},
		instants: []string{"occurred_at", "closed_at", "plan_activated_at", "anchors.harm-known", "anchors.recovered", "anchors.submitted:cn-cac-incident-initial"}}
	for _, f := range e.law.vocabulary.order {
		switch registration, isRegistration := strings.CutPrefix(f.Path, "profile.registrations."); {
		case isRegistration && f.Is == "flag":
			u.flags = append(u.flags, registration)
		case isRegistration:
			u.texts[registration] = x.words(f.Path)
		case strings.HasPrefix(f.Path, "profile."):
			u.profile[f.Path] = x.words(f.Path)
		case f.ofProfile() || slices.Contains([]string{"content", "time", "times", "counts"}, f.Is) || derivedFacts[f.Path]:
		default:
			u.facts[f.Path] = x.candidates(f.Path, fieldDef{Is: f.Is, Words: f.Words}, f.Fields)
		}
	}
	u.facts["processed_in"] = []any{[]any{"CN-SH"}, []any{"CN-SH", "DE"}, []any{}}
	u.facts["people.count"] = slices.DeleteFunc(u.facts["people.count"], func(n any) bool { return n == 0.0 }) // contradicts residents
	u.facts["people.certainty"] = []any{"exact", "at_least"}
	u.facts["jurisdictions"] = []any{map[string]any{"CN": 5.0}, map[string]any{"CN": 0.0, "DE": 3.0, "FR": nil}, map[string]any{"HK": 9.0, "TW": 2.0}}
	u.facts["customers"] = []any{[]any{}, []any{map[string]any{"id": "c1", "told_at": someday.Format(time.RFC3339), "residents": []any{"CN"}, "people": 4.0}}}
	return u
}

// derivedFacts have defaults from other facts; given beside those they may contradict them.
var derivedFacts = map[string]bool{"grading.pi.leaked_persons": true, "grading.pi.other_event": true, "grading.loss_cny": true,
	"grading.cii.involved": true, "grading.cii.whole_down_min": true, "grading.cii.main_down_min": true, "people.certainty": true}

func (x *search) candidates(of string, def fieldDef, fields map[string]fieldDef) (out []any) {
	switch def.Is {
	case "flag":
		return []any{true, false}
	case "number":
		for _, v := range x.numbers(of) {
			if v.lo == float64(int64(v.lo)) {
				out = append(out, v.lo)
			}
		}
		return out
	case "word", "level":
		for _, w := range def.Words {
			out = append(out, w)
		}
		return out
	case "text":
		for _, w := range x.words(of) {
			out = append(out, w)
		}
		return append(out, "CN-SH")
	case "texts", "words":
		out = append(out, []any{})
		for _, w := range x.words(of) {
			out = append(out, []any{w})
		}
		return out
	}
	out = append(out, []any{}) // records
	for i := range 6 {
		record := map[string]any{}
		for _, name := range sortedKeys(fields) {
			if values := x.candidates(of+"."+name, fields[name], nil); fields[name].Is != "content" && fields[name].Is != "time" && len(values) > 0 {
				record[name] = values[i%len(values)]
			}
		}
		out = append(out, []any{record})
	}
	return out
}

// incidentOf draws facts: each known with a chance in a hundred.
func (u *universe) incidentOf(t *rapid.T, known int) drawn {
	d := drawn{"aware_at": someday.Format(time.RFC3339)}
	for _, path := range sortedKeys(u.facts) {
		if len(u.facts[path]) > 0 && rapid.IntRange(0, 99).Draw(t, path+"?") < known {
			d[path] = rapid.SampledFrom(u.facts[path]).Draw(t, path)
		}
	}
	for _, path := range u.instants {
		if rapid.IntRange(0, 3).Draw(t, path+"?") == 0 {
			d[path] = someday.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, path)) * time.Hour).Format(time.RFC3339)
		}
	}
	d.sound(nil)
	return d
}

// sound drops facts that contradict others, never those to keep: a part of the people is not more than all.
func (d drawn) sound(keep drawn) {
	for _, p := range [][2]string{{"under_14", "under_18"}, {"under_14", "count"}, {"under_18", "count"}, {"sensitive", "count"}} {
		part, whole := "people."+p[0], "people."+p[1]
		n, given := d[part].(float64)
		of, also := d[whole].(float64)
		if !given || !also || n <= of {
			continue
		}
		if _, kept := keep[part]; kept {
			part = whole
		}
		delete(d, part)
	}
}

// operatorOf draws a profile of which everything is known.
func (u *universe) operatorOf(t *rapid.T) Profile {
	some := func(path string) []string {
		out := []string{}
		for _, w := range u.profile[path] {
			if rapid.Bool().Draw(t, path+" "+w) {
				out = append(out, w)
			}
		}
		return out
	}
	p := Profile{Roles: some("profile.roles"), Sectors: some("profile.sectors"), Establishments: append([]string{"CN-SH"}, some("profile.establishments")...),
		Commitments: "ctyun-huiju", Registrations: map[string]any{}}
	for _, name := range u.flags {
		p.Registrations[name] = rapid.Bool().Draw(t, name)
	}
	for _, name := range sortedKeys(u.texts) {
		p.Registrations[name] = rapid.SampledFrom(append([]string{"other"}, u.texts[name]...)).Draw(t, name)
	}
	return p
}

// answered is an answer with reasons; contradictory facts are refused, not derived.
func answered(t *rapid.T, e *Engine, d drawn, p Profile) Result {
	result, problems := e.derive(Input{AsOf: someday.Add(time.Hour), Facts: d.object(), Profile: p}, explanation)
	if len(problems) > 0 {
		t.Skip("draw again: such facts are refused")
	}
	return result
}

// decided are the rules that are owed for certain; all those that are owed or may be.
func decided(r Result) (certain, possible map[string]bool) {
	certain, possible = map[string]bool{}, map[string]bool{}
	for _, o := range r.Obligations {
		certain[o.ID] = certain[o.ID] || o.State != AssessmentOpen
		possible[o.ID] = true
	}
	for _, n := range r.NotApplied {
		possible[n.ID] = possible[n.ID] || n.Undecided
	}
	return certain, possible
}

// likely are facts that are taken as likely until somebody says otherwise, or start and end clocks.
func (u *universe) likely() []string {
	return append([]string{"kind", "confirmed", "role", "processed_in", "people.certainty", "systems", "customers", "assessments.cn_own_product", "assessments.cn_pboc_field", "assessments.nis2_significant", "assessments.dora_major", "grading.people.province_pct_max",
		"grading.people.prefecture_pct_max", "grading.data.core.event", "grading.data.important.event"}, u.instants...)
}

// takesUnclearGrades says whether a rule is owed because a grade cannot be told: knowing it may end the duty.
func (e *Engine) takesUnclearGrades(id string) bool {
	return slices.ContainsFunc(e.law.rules, func(r *ruleDef) bool {
		return r.ID.text == id && slices.ContainsFunc(r.When, func(c *clauseDef) bool {
			if c.named > 0 {
				c = e.law.defs[c.named-1]
			}
			return strings.Contains(c.If.text, "unclear(")
		})
	})
}

// With unknowns the answer lies between those of the completed facts: what is certain stays certain, what is
// excluded stays excluded, and a grade stays between floor and ceiling.
func TestAddedFactsOnlyNarrowTheAnswer(t *testing.T) {
	e, u := engine(t), wholeLaw()
	rapid.Check(t, func(t *rapid.T) {
		part, whole, p := u.incidentOf(t, 50), u.incidentOf(t, 95), u.operatorOf(t)
		for _, path := range u.likely() {
			delete(part, path)
			if v, ok := whole[path]; ok {
				part[path] = v
			}
		}
		maps.Copy(whole, part)
		whole.sound(part)
		before, after := answered(t, e, part, p), answered(t, e, whole, p)
		certain, possible := decided(before)
		then, stillPossible := decided(after)
		for id := range certain {
			if e.takesUnclearGrades(id) {
				continue
			}
			require.True(t, !certain[id] || then[id], "an added fact removed the duty %s", id)
		}
		for id := range stillPossible {
			require.True(t, !stillPossible[id] || possible[id], "%s was excluded before its facts were known", id)
		}
		for _, was := range before.Grades {
			i := slices.IndexFunc(after.Grades, func(g Grade) bool { return g.Scheme == was.Scheme })
			if i < 0 {
				continue // it turned out that the scheme does not apply
			}
			rank := e.scheme(t, was.Scheme).rank
			require.GreaterOrEqual(t, rank(after.Grades[i].Floor), rank(was.Floor), was.Scheme)
			require.LessOrEqual(t, rank(after.Grades[i].Ceiling), rank(was.Ceiling), was.Scheme)
		}
	})
}

// A duty that an added fact does remove, because it was taken as likely, is never passed over in silence.
func TestARemovedDutySaysWhy(t *testing.T) {
	e, u := engine(t), wholeLaw()
	rapid.Check(t, func(t *rapid.T) {
		part, p := u.incidentOf(t, 60), u.operatorOf(t)
		whole := maps.Clone(part)
		for path, v := range u.incidentOf(t, 10) {
			if _, known := part[path]; !known {
				whole[path] = v
			}
		}
		whole.sound(part)
		before, after := answered(t, e, part, p), answered(t, e, whole, p)
		now, _ := decided(after)
		for _, o := range before.Obligations {
			if _, owed := now[o.ID]; owed {
				continue
			}
			i := slices.IndexFunc(after.NotApplied, func(n Reason) bool { return n.ID == o.ID })
			require.GreaterOrEqual(t, i, 0, "%s vanished", o.ID)
			require.NotEmpty(t, after.NotApplied[i].Texts["en"], o.ID)
			require.NotEmpty(t, after.NotApplied[i].Texts["zh-Hans"], o.ID)
		}
	})
}

func TestLaterAwarenessNeverGivesAnEarlierDeadline(t *testing.T) {
	e, u := engine(t), wholeLaw()
	rapid.Check(t, func(t *rapid.T) {
		d, p := u.incidentOf(t, 80), u.operatorOf(t)
		early := someday.Add(time.Duration(rapid.IntRange(0, 100000).Draw(t, "early")) * time.Second)
		late := early.Add(time.Duration(rapid.IntRange(0, 1000000).Draw(t, "later")) * time.Second)
		deadlines := func(aware time.Time) map[string]time.Time {
			d["aware_at"] = aware.Format(time.RFC3339)
			out := map[string]time.Time{}
			for _, o := range answered(t, e, d, p).Obligations {
				if o.Deadline == nil {
					continue
				}
				out[o.ID+" "+o.Addressee] = *o.Deadline
				if o.LegalLimit != nil {
					require.False(t, o.LegalLimit.Before(*o.Deadline), "%s: the deadline is after the legal limit", o.ID)
				}
			}
			return out
		}
		a, b := deadlines(early), deadlines(late)
		for row, deadline := range a {
			if later, ok := b[row]; ok {
				require.False(t, later.Before(deadline), row)
			}
		}
	})
}

// Order and repetition of facts do not matter.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	e, u := engine(t), wholeLaw()
	rapid.Check(t, func(t *rapid.T) {
		d, p := u.incidentOf(t, 80), u.operatorOf(t)
		first := answered(t, e, d, p)
		require.Equal(t, string(must(json.Marshal(first))), string(must(json.Marshal(answered(t, e, d, p)))))
		turned := maps.Clone(d)
		for path, v := range d {
			if list, ok := v.([]any); ok && path != "customers" {
				list = append(slices.Clone(list), list...)
				slices.Reverse(list)
				turned[path] = list
			}
		}
		shown := func(r Result) (out []string) {
			for _, o := range r.Obligations {
				deadline := ""
				if o.Deadline != nil {
					deadline = o.Deadline.String()
				}
				out = append(out, strings.Join([]string{o.ID, o.Addressee, string(o.State), deadline}, " "))
			}
			slices.Sort(out)
			return out
		}
		require.Equal(t, shown(first), shown(answered(t, e, turned, p)))
	})
}
