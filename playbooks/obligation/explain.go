package obligation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/templates"
)

// Verdict is what an explanation is about.
type Verdict string

// The verdicts. A near miss is a rule that one condition, or a fact not yet known, keeps from applying.
const (
	Owed      Verdict = "owed"
	Undecided Verdict = "undecided" // a duty may be owed: facts are missing
	NearMiss  Verdict = "near_miss"
	Off       Verdict = "off"
)

// Explanation says in one language why a duty is owed or why not, and how its clock is counted.
type Explanation struct {
	ID            string     `json:"id"` // rule id
	Verdict       Verdict    `json:"verdict"`
	Title         string     `json:"title"`
	Addressee     string     `json:"addressee,omitempty"`
	AddresseeName string     `json:"addressee_name,omitempty"`
	State         State      `json:"state,omitempty"`
	StateName     string     `json:"state_name,omitempty"`
	Because       []string   `json:"because"`                // conditions that hold, facts filled in; why it is off
	BecauseNot    []string   `json:"because_not,omitempty"`  // what keeps it from applying
	WouldChange   []string   `json:"would_change,omitempty"` // the facts that could change it, as they are now
	Clock         []string   `json:"clock"`                  // the arithmetic, a step a line
	Start         *time.Time `json:"start,omitempty"`
	Deadline      *time.Time `json:"deadline,omitempty"`
	LegalLimit    *time.Time `json:"legal_limit,omitempty"`
	Target        *time.Time `json:"target,omitempty"`
	Zone          string     `json:"zone,omitempty"`
	Source        Source     `json:"source"`
	Law           string     `json:"law"` // source in words
	Phrase        string     `json:"phrase,omitempty"`
	Note          string     `json:"note,omitempty"`
	Confidence    string     `json:"confidence"`
	ConfidenceIs  string     `json:"confidence_is"` // what the mark means
	Terms         []Term     `json:"terms,omitempty"`
	Exemptions    []Relief   `json:"exemptions,omitempty"`
	Hold          *Relief    `json:"hold,omitempty"`
}

// Term is an item that a document must hold, as the law has it.
type Term struct {
	ID        string `json:"id"`
	Term      string `json:"term"`  // in the law's language
	Gloss     string `json:"gloss"` // English
	Law       string `json:"law"`   // with its article, in words
	MayBeOpen bool   `json:"may_be_open,omitempty"`
}

// Relief is an exemption or a hold, in words.
type Relief struct {
	ID       string `json:"id,omitempty"`
	Text     string `json:"text"`
	Lifts    string `json:"lifts,omitempty"`
	Keeps    string `json:"keeps,omitempty"`
	Law      string `json:"law"`
	Possible bool   `json:"possible,omitempty"` // its condition holds: it could apply, a person decides
}

// Explanations gives the reason for each duty and each near miss, and for each rule that is off, with the
// result that they explain.
func (e *Engine) Explanations(in Input, locale string) ([]Explanation, Result, []incident.Problem) {
	d, problems := e.evaluate(in, explanation)
	if len(problems) > 0 {
		return nil, Result{}, problems
	}
	d.customers(e)
	d.result.NextChange = d.nextChange(e)
	x := &explainer{d: d, locale: locale}
	var out []Explanation
	for i := range d.result.Obligations {
		out = append(out, x.owed(&d.result.Obligations[i]))
	}
	out = append(out, x.others()...)
	return out, d.result, nil
}

type explainer struct {
	d      *derivation
	locale string
}

func (x *explainer) say(key string, args ...any) string {
	text := saying[key].in(x.locale)
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// law is a source in words.
func (x *explainer) law(s Source) string {
	return x.say("article", s.Title, templates.ArticleOf(s.Title, s.Article, x.locale))
}

func (x *explainer) owed(o *Obligation) Explanation {
	out := Explanation{ID: o.ID, Verdict: Owed, Title: words(o.Title).in(x.locale), Addressee: o.Addressee, AddresseeName: words(o.AddresseeName).in(x.locale),
		State: o.State, StateName: phrase(string(o.State), x.locale), Because: reasons(o.Why, x.locale), Clock: x.clock(o),
		Start: o.Start, Deadline: o.Deadline, LegalLimit: o.LegalLimit, Target: o.Target, Zone: o.Zone, Source: o.Source, Law: x.law(o.Source),
		Phrase: o.Phrase, Note: words(o.Note).in(x.locale), Confidence: o.Confidence, ConfidenceIs: confidenceMeans[o.Confidence].in(x.locale)}
	if out.AddresseeName == "" {
		out.AddresseeName = o.Addressee
	}
	if r := x.d.law.ruleOf(o.ID); o.State == AssessmentOpen && r != nil {
		for _, c := range r.When {
			if v := c.eval(x.d.scope); !v.known {
				out.WouldChange = union(out.WouldChange, x.facts(v.needs))
			}
		}
	}
	for _, q := range o.Requirements {
		if slices.ContainsFunc(out.Terms, func(t Term) bool { return t.ID == q.ID }) {
			continue // one item, answered by several blocks
		}
		out.Terms = append(out.Terms, Term{ID: q.ID, Term: q.Term, Gloss: q.Gloss, MayBeOpen: q.MayBeOpen, Law: x.law(Source{Title: q.Law, Article: q.Article})})
	}
	for _, r := range o.Exemptions {
		out.Exemptions = append(out.Exemptions, Relief{ID: r.ID, Text: words(r.Texts).in(x.locale), Lifts: words(r.Lifts).in(x.locale), Keeps: words(r.Keeps).in(x.locale),
			Law: x.law(r.Source), Possible: o.Exempt != nil && o.Exempt.ID == r.ID})
	}
	if h := o.Hold; h != nil {
		out.Hold = &Relief{Text: words(h.Texts).in(x.locale), Law: x.law(h.Source)}
	}
	return out
}

// others are the rules that gave no duty and are worth a word: the near misses and those that are off.
func (x *explainer) others() []Explanation {
	var out []Explanation
	for i := range x.d.passed {
		p := x.d.passed[i]
		if x.d.replaced(&p) {
			continue
		}
		if miss, near := x.missed(p); near {
			out = append(out, miss)
		}
	}
	for _, r := range x.d.law.rules {
		if r.Off != nil {
			off := x.of(r, Off)
			off.Because = []string{r.Off.in(x.locale)}
			out = append(out, off)
		}
	}
	return out
}

// of begins the explanation of a rule that gave no duty.
func (x *explainer) of(r *ruleDef, v Verdict) Explanation {
	return Explanation{ID: r.ID.text, Verdict: v, Title: r.Title.in(x.locale), Because: []string{}, Clock: []string{}, Source: r.source, Law: x.law(r.source),
		Phrase: r.Phrase, Note: r.Note.in(x.locale), Confidence: r.Confidence, ConfidenceIs: confidenceMeans[r.Confidence].in(x.locale)}
}

// missed explains a rule that gave no duty; near says that at most one condition stands in its way.
func (x *explainer) missed(p passed) (out Explanation, near bool) {
	out = x.of(p.rule, NearMiss)
	failed, missing := 0, p.missing
	for _, c := range p.rule.When {
		switch v := c.eval(x.d.scope); {
		case v.isTrue():
			out.Because = append(out.Because, c.yes.in(x.d.scope, x.locale))
		case v.isFalse():
			failed++
			out.BecauseNot = append(out.BecauseNot, c.no.in(x.d.scope, x.locale))
			out.WouldChange = union(out.WouldChange, x.restsOn(c))
		default:
			missing = union(missing, v.needs)
		}
	}
	switch {
	case failed > 0:
	case len(missing) > 0 && !p.expired && p.ended == "":
		out.Verdict = Undecided
		out.BecauseNot = []string{notYetKnown.in(x.locale) + strings.Join(factNames(missing, x.locale), listJoin.in(x.locale))}
		out.WouldChange = x.facts(missing)
	default:
		out.BecauseNot = []string{p.in(x.d.scope, x.locale, nil)}
	}
	return out, failed <= 1
}

// restsOn lists what a condition looks at, as it is now.
func (x *explainer) restsOn(c *clauseDef) []string {
	found := map[string]bool{}
	x.d.law.looksAt(c.If.text, found, map[string]bool{})
	return x.facts(slices.Sorted(maps.Keys(found)))
}

// looksAt collects the facts and grades that a condition names itself or through other conditions.
func (l *law) looksAt(src string, found, done map[string]bool) {
	if done[src] {
		return
	}
	done[src] = true
	checked, issues := l.env.Compile(src)
	if issues.Err() != nil {
		return // has stopped the start before
	}
	for _, ref := range checked.NativeRep().ReferenceMap() {
		switch i, isCondition := l.defIndex[ref.Name]; {
		case isCondition:
			l.looksAt(l.defs[i].If.text, found, done)
		case l.vocabulary.byPath[ref.Name] != nil:
			found[ref.Name] = true
		case slices.Contains(ref.OverloadIDs, "residents_in"):
			found["jurisdictions"] = true
		}
	}
	for _, s := range l.schemes {
		if strings.Contains(src, `"`+s.ID+`"`) {
			found[openGrade+s.ID] = true
		}
	}
}

// facts words facts and grades with their present values.
func (x *explainer) facts(paths []string) []string {
	var out []string
	for _, path := range paths {
		if scheme, ok := strings.CutPrefix(path, openGrade); ok {
			if g, graded := x.d.gradeBy(scheme); graded {
				out = append(out, x.say("now", g.scheme.Title.in(x.locale), g.scheme.names(g.floor).in(x.locale)))
			}
			continue
		}
		name, def := x.factName(path), x.d.law.vocabulary.byPath[path]
		if def == nil || !slices.Contains([]string{"flag", "number", "word", "level", "text", "texts", "words"}, def.Is) {
			out = append(out, name)
			continue
		}
		out = append(out, x.say("now", name, show(x.d.facts.values[def.index], def.Is, x.locale)))
	}
	return out
}

// factName is a fact in words, else the question that asks for it.
func (x *explainer) factName(path string) string {
	if name := factName(path, x.locale); name != path {
		return name
	}
	if w, ok := profileWords[path]; ok {
		return w.in(x.locale)
	}
	if ask := x.d.law.vocabulary.question(path).in(x.locale); ask != "" {
		return ask
	}
	return path
}

func reasons(w map[string][]string, locale string) []string {
	if s, ok := w[locale]; ok {
		return s
	}
	return w["en"]
}
