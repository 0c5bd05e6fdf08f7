package obligation

import (
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/templates"
)

// Derive is the pure function at the heart: same input, same result. Bad facts give problems with
// pointers such as /facts/people/count.
func (e *Engine) Derive(in Input) (Result, []incident.Problem) {
	result, problems := e.derive(in, answer)
	if len(problems) > 0 {
		return Result{}, problems
	}
	return result, nil
}

// aim is what a derivation is for: what nobody reads is not worked out.
type aim int

const (
	answer      aim = iota
	explanation     // also why rules gave no duty, and how each clock was counted
	comparison      // grades and duties, without questions
	duties          // without grades, but those that duties rest on
)

// derivation is one run of Derive.
type derivation struct {
	*scope
	aim       aim
	in        Input
	result    Result
	questions *questions  // nil: nobody asks
	changes   []time.Time // when time alone changes the answer for certain
	passed    []passed    // rules that gave no duty
	results   []*val      // of the conditions of the rule at hand
	memory    *scratch
	borrowed  []borrowed           // rows that take another duty's deadline
	traces    map[[2]string]*trace // how each clock was counted, when asked to explain
}

func (e *Engine) derive(in Input, to aim) (Result, []incident.Problem) {
	d, problems := e.evaluate(in, to)
	if len(problems) > 0 {
		return Result{}, problems
	}
	d.customers(e)
	d.result.NextChange = d.nextChange(e)
	d.release()
	return d.result, nil
}

// evaluate does everything but ask when the answer will change.
func (e *Engine) evaluate(in Input, to aim) (*derivation, []incident.Problem) {
	in.AsOf = in.AsOf.UTC()
	memory := take(e.law)
	facts := e.law.factsIn(in, memory.values)
	if len(facts.problems) > 0 {
		return nil, facts.problems
	}
	if in.Profile.Targets != nil {
		if problems := checkTargets(in.Profile.Targets); len(problems) > 0 {
			return nil, problems
		}
	}
	d := &derivation{in: in, aim: to,
		scope: &scope{facts: facts, law: e.law, defs: memory.defs, said: memory.said, stack: memory.stack[:0], grades: make(map[string]graded, len(e.law.schemes))}}
	if to <= explanation {
		d.questions = newQuestions(facts)
	}
	d.memory, d.results, d.passed = memory, memory.results[:0], memory.passed[:0]
	d.result = Result{RulesVersion: e.law.version, AsOf: in.AsOf, Grades: []Grade{}, Obligations: memory.obligations[:0]}
	if to == explanation {
		d.traces = map[[2]string]*trace{}
	}
	if to != duties {
		d.graded()
	}
	for _, r := range e.law.rules {
		if r.Off == nil {
			d.rule(r)
		}
	}
	d.keep()
	d.borrow()
	if to <= explanation {
		d.open()
	}
	return d, nil
}

// graded gives the grade of every scheme that may apply, and asks for what would decide it.
func (d *derivation) graded() {
	d.gradeAll()
	for _, s := range d.law.schemes {
		if g, ok := d.grades[s.ID]; ok && !g.relevant.isFalse() {
			d.result.Grades = append(d.result.Grades, g.result(d.scope))
			for _, needs := range g.open {
				d.questions.ask(needs, s.ID, decidesGrade)
			}
		}
	}
}

// open says what is not known, and why rules gave no duty.
func (d *derivation) open() {
	d.uncovered()
	if d.aim == explanation || len(d.result.Obligations) == 0 {
		d.notApplied()
	}
	if d.facts.estimated {
		d.result.Estimates = []string{"people.count"}
	}
	d.result.OpenQuestions = d.questions.list()
}

// keep takes the duties out of the memory that the next derivation uses.
func (d *derivation) keep() {
	found := d.result.Obligations
	d.result.Obligations = append(make([]Obligation, 0, len(found)), found...)
	clear(found)
	d.memory.obligations = found[:0]
}

// rule decides whether a rule applies, and for whom.
func (d *derivation) rule(r *ruleDef) {
	known, assessable := true, true
	d.results = d.results[:0]
	for _, c := range r.When {
		v := d.holds(c)
		if v.isFalse() {
			d.passed = append(d.passed, passed{rule: r})
			return
		}
		known = known && v.known
		assessable = assessable && (v.known || c.Assess)
		d.results = append(d.results, v)
	}
	d.askAbout(r, assessable)
	if !known && !assessable {
		d.passed = append(d.passed, passed{rule: r})
		return
	}
	d.owed(r, known)
}

// askAbout asks for the fewest facts that can settle whether a rule applies: of the conditions that must be
// known before its clock is even shown, the one with the shortest list, since a no ends the matter. Once
// only judgement is left, a person needs all of it.
func (d *derivation) askAbout(r *ruleDef, assessable bool) {
	fewest := -1
	for i, v := range d.results {
		switch {
		case v.known:
		case assessable:
			d.questions.ask(v.needs, r.ID.text, decidesDuty)
		case !r.When[i].Assess && (fewest < 0 || len(v.needs) < len(d.results[fewest].needs)):
			fewest = i
		}
	}
	if fewest >= 0 {
		d.questions.ask(d.results[fewest].needs, r.ID.text, decidesDuty)
	}
}

// holds evaluates a condition of a rule; most are named, and evaluated once.
func (d *derivation) holds(c *clauseDef) *val {
	if c.named > 0 {
		return d.defined(c.named - 1)
	}
	return c.eval(d.scope)
}

// owed makes the rows of a rule that applies, or may apply.
func (d *derivation) owed(r *ruleDef, decided bool) {
	none := passed{rule: r, applied: true}
	first, why := len(d.result.Obligations), map[string][]string(nil)
	for _, to := range r.To {
		if to.test != nil {
			test := to.test(d.scope)
			if !test.known { // whether there is this addressee is asked, not assumed
				d.questions.ask(test.needs, r.ID.text, decidesDuty)
				none.missing = union(none.missing, test.needs)
			}
			if !test.isTrue() {
				continue
			}
		}
		parties, missing := d.parties(r, to)
		d.questions.ask(missing, r.ID.text, decidesDuty)
		none.missing = union(none.missing, missing)
		for _, p := range parties {
			if d.told(first, p.name) {
				continue
			}
			if d.ended(to, p) {
				none.ended = to.Until.text
				continue
			}
			s := d.facts.start(to.Anchor, p.name, p.zone)
			if !d.inForce(r, s) {
				d.passed = append(d.passed, passed{rule: r, applied: true, expired: true})
				return
			}
			if why == nil {
				why = d.reasons(r)
			}
			d.result.Obligations = append(d.result.Obligations, Obligation{Why: why, Because: why["en"]})
			d.fill(&d.result.Obligations[len(d.result.Obligations)-1], r, to, p, s, decided)
		}
	}
	if len(d.result.Obligations) == first {
		d.passed = append(d.passed, none)
	}
}

// told says whether a rule, whose rows begin at first, has a row for this addressee already.
func (d *derivation) told(first int, addressee string) bool {
	for i := first; i < len(d.result.Obligations); i++ {
		if d.result.Obligations[i].Addressee == addressee {
			return true
		}
	}
	return false
}

// reasons says in words, per locale, which conditions of the rule held.
func (d *derivation) reasons(r *ruleDef) map[string][]string {
	why := make(map[string][]string, len(locales))
	for l, locale := range locales {
		held := make([]string, 0, len(r.When))
		for i, c := range r.When {
			if d.results[i].isTrue() {
				held = append(held, d.because(c, l))
			}
		}
		why[locale] = held
	}
	return why
}

// fill makes the row of one addressee.
func (d *derivation) fill(o *Obligation, r *ruleDef, to *addresseeDef, p party, s started, decided bool) {
	o.ID, o.Title, o.Addressee, o.OtherAddressee, o.Kind, o.Urgency = r.ID.text, r.Title, p.name, p.others, to.Kind, r.Urgency
	o.Channels, o.AlsoChannels, o.MetBy, o.Zone = to.Channels, r.Also, to.MetBy, p.zone.String()
	o.Source, o.Confidence, o.RuleVersion, o.Schemes = r.source, r.Confidence, r.version, to.schemes
	o.Voluntary, o.Repeats, o.Phrase, o.Note, o.Substitute = r.Voluntary, to.Repeats, r.Phrase, r.Note, r.Substitute
	o.AddresseeName, o.Contacts = d.reach(to, p)
	if slices.Contains(secondary, r.Confidence) {
		o.ConfidenceNote = secondaryNote
	}
	if r.Hold != nil {
		o.Hold = &Hold{Texts: r.Hold.Text, Source: r.Hold.source}
	}
	d.clock(o, to, s, row{r.ID.text, p.name, p.code, p.zone}, decided)
	d.content(o, to)
	d.exemption(o, to)
}

// content fills the items a document must have: of the rule, or of the operator's own statement.
func (d *derivation) content(o *Obligation, to *addresseeDef) {
	items := to.items
	if to.Promise != "" {
		c := d.law.commitments[d.in.Profile.Commitments]
		p := c.Notice
		if to.Promise == string(templates.Report) {
			p = c.Report
		}
		items, o.Channels, o.RuleVersion = p.items, p.Channels, o.RuleVersion+"+"+c.version
		o.Source = Source{Title: c.Statement.Title, Article: p.Terms}
	}
	c := to.fixed
	if c == nil || to.Promise != "" {
		c = contentOf(items, d.scope)
	}
	o.ContentItems, o.Requirements = c.listed, c.asked
}

// exemption names what could be lifted; that is a person's decision, and unknown facts lift nothing.
func (d *derivation) exemption(o *Obligation, to *addresseeDef) {
	for _, x := range to.exemptions {
		if x.never != nil && x.never(d.scope).isTrue() {
			continue
		}
		one := x.named()
		o.Exemptions = append(o.Exemptions, one)
		if o.Exempt == nil && x.test(d.scope).isTrue() {
			o.Exempt = &one
		}
	}
}

// named is the exemption as it is shown.
func (x *exemptionDef) named() Exemption {
	return Exemption{ID: x.ID, Text: x.Text["en"], Texts: x.Text, Source: x.source, For: x.For, Lifts: x.Lifts, Keeps: x.Keeps, Substitute: x.Substitute}
}
