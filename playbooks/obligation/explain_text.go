package obligation

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"tocsin/incident"
)

// Explain says in words, in a locale, why each duty applies, why others do not, how each clock is counted,
// and what is still unknown.
func (e *Engine) Explain(in Input, locale string) (string, []incident.Problem) {
	all, result, problems := e.Explanations(in, locale)
	if len(problems) > 0 {
		return "", problems
	}
	t := &page{explainer: explainer{locale: locale}}
	for _, g := range result.Grades {
		t.grade(g)
	}
	if len(result.Obligations) == 0 {
		t.line("%s", t.say("nothing"))
	}
	told := map[string]bool{}
	for _, x := range all {
		told[x.ID] = true
		if x.Verdict == Owed {
			t.duty(x)
		} else {
			t.other(x)
		}
	}
	for _, r := range result.NotApplied {
		if !told[r.ID] {
			t.line("%s: %s: %s", t.say(string(NearMiss)), r.ID, words(r.Texts).in(locale))
		}
	}
	for _, c := range result.Customers {
		t.line("\n%s", t.say("customer", c.ID, c.ToldAt.Format(time.RFC3339)))
		for _, o := range c.Obligations {
			t.line("  - %s %s: %s", o.ID, o.Addressee, words(o.Title).in(locale))
		}
	}
	if len(result.OpenQuestions) > 0 {
		t.line("\n%s:", t.say("open"))
	}
	for _, q := range result.OpenQuestions {
		t.line("  - %s: %s (%s: %s)", q.Fact, words(q.Text).in(locale), t.say("decides"), strings.Join(q.Decides, ", "))
	}
	if result.NextChange != nil {
		t.line("\n%s %s", t.say("change"), stamp(*result.NextChange, time.UTC))
	}
	return t.String(), nil
}

// page is an explanation as plain text.
type page struct {
	explainer
	strings.Builder
}

func (t *page) line(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }

func (t *page) list(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.line("  %s:", t.say(heading))
	for _, s := range lines {
		t.line("    - %s", s)
	}
}

func (t *page) grade(g Grade) {
	open := t.say("decided")
	if g.Ceiling != g.Floor {
		open = t.say("atmost", words(g.CeilingName).in(t.locale))
	}
	t.line("%s %s: %s, %s", t.say("grade"), g.Scheme, words(g.GradeName).in(t.locale), open)
	for i, r := range reasons(g.Reasons, t.locale) {
		t.line("  - %s: %s", g.Because[i], r)
	}
	for _, f := range g.Flags {
		t.line("  ! %s", t.say("flagged", f))
	}
	t.line("")
}

func (t *page) duty(x Explanation) {
	t.line("%s %s: %s", t.say("duty"), x.ID, x.Title)
	t.line("  %s: %s", t.say("to.whom"), t.both(x.AddresseeName, x.Addressee))
	t.basis(x)
	t.list("because", x.Because)
	t.list("changes", x.WouldChange)
	t.list("clock", x.Clock)
	t.line("  %s: %s", t.say("state"), x.StateName)
	if len(x.Terms) > 0 {
		t.line("  %s:", t.say("says"))
	}
	for _, q := range x.Terms {
		text := q.Term
		switch {
		case t.locale != "en" || q.Gloss == "":
		case strings.ContainsFunc(q.Law, chinese):
			text += ", " + q.Gloss
		default: // the term translates what the law says in English
			text = q.Gloss
		}
		if q.MayBeOpen {
			text = t.say("named", text, t.say("open.item"))
		}
		t.line("    - %s %s · %s", q.ID, text, q.Law)
	}
	for _, r := range x.Exemptions {
		heading := "exempt"
		if r.Possible {
			heading = "possible"
		}
		t.relief(heading, r)
	}
	if x.Hold != nil {
		t.relief("hold", *x.Hold)
	} else {
		t.line("  %s", t.say("nohold"))
	}
	t.line("")
}

// basis is the law, its words and how sure we are of them.
func (t *page) basis(x Explanation) {
	t.line("  %s: %s", t.say("law"), x.Law)
	if x.Phrase != "" {
		t.line("  “%s”", x.Phrase)
	}
	t.line("  %s: %s, %s", t.say("sure"), x.Confidence, x.ConfidenceIs)
	if x.Note != "" {
		t.line("  %s: %s", t.say("note"), x.Note)
	}
}

func (t *page) relief(heading string, r Relief) {
	t.line("  %s: %s (%s)", t.say(heading), strings.TrimSpace(r.ID+" "+r.Text), r.Law)
	if r.Lifts != "" {
		t.line("    %s: %s", t.say("lifts"), r.Lifts)
	}
	if r.Keeps != "" {
		t.line("    %s: %s", t.say("keeps"), r.Keeps)
	}
}

func (t *page) other(x Explanation) {
	why := x.BecauseNot
	if x.Verdict == Off {
		why = x.Because
	}
	t.line("%s: %s: %s", t.say(string(x.Verdict)), x.ID, strings.Join(why, phraseJoin.in(t.locale)))
	t.list("changes", x.WouldChange)
}

func (t *page) both(name, id string) string {
	if name == id {
		return id
	}
	return t.say("named", name, id)
}

func chinese(r rune) bool { return unicode.Is(unicode.Han, r) }
