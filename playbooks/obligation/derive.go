package obligation

import (
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/templates"
)

// Derive is the pure function at the heart: same input, same result. Bad facts give problems with
// pointers such as /facts/people/count.
func (e *Engine) Derive(in Input) (Result, []incident.Problem) {
	result, problems := e.derive(in, false)
	if len(problems) > 0 {
		return Result{}, problems
	}
	return result, nil
}

// derivation is one run of Derive.
type derivation struct {
	*scope
	in        Input
	result    Result
	questions questions
	changes   []time.Time // when time alone changes the answer for certain
}

func (e *Engine) derive(in Input, explain bool) (Result, []incident.Problem) {
	d, problems := e.evaluate(in, explain)
	if len(problems) > 0 {
		return Result{}, problems
	}
	d.result.NextChange = d.nextChange(e)
	return d.result, nil
}

// evaluate does everything but ask when the answer will change.
func (e *Engine) evaluate(in Input, explain bool) (*derivation, []incident.Problem) {
	in.AsOf = in.AsOf.UTC()
	facts := e.law.readFacts(in)
	if len(facts.problems) > 0 {
		return nil, facts.problems
	}
	if in.Profile.Targets != nil {
		if problems := checkTargets(in.Profile.Targets); len(problems) > 0 {
			return nil, problems
		}
	}
	d := &derivation{in: in, questions: questions{facts: facts, byKey: map[string]*question{}, waiting: map[string][]string{}},
		scope: &scope{facts: facts, law: e.law, defs: make([]val, len(e.law.defs)), done: make([]bool, len(e.law.defs)), grades: map[string]graded{}}}
	d.result = Result{RulesVersion: e.law.version, AsOf: in.AsOf, Grades: []Grade{}, Obligations: []Obligation{}}
	d.gradeAll()
	for _, s := range e.law.schemes {
		if g, ok := d.grades[s.ID]; ok {
			d.result.Grades = append(d.result.Grades, g.result(d.scope))
			for _, needs := range g.open {
				d.questions.ask(needs, s.ID, decidesGrade)
			}
		}
	}
	for _, r := range e.law.rules {
		if r.Off == nil {
			d.rule(r)
		}
	}
	d.uncovered()
	if len(d.result.Obligations) > 0 && !explain {
		d.result.NotApplied = nil
	}
	if facts.estimated {
		d.result.Estimates = []string{"people.count"}
	}
	d.result.OpenQuestions = d.questions.list()
	return d, nil
}

// rule decides whether a rule applies, and for whom.
func (d *derivation) rule(r *ruleDef) {
	results, applies, assessable := make([]val, len(r.When)), yes(), true
	for i, c := range r.When {
		results[i] = c.eval(d.scope)
		applies = and(applies, results[i])
		assessable = assessable && (results[i].known || c.Assess)
	}
	if applies.isFalse() {
		d.notApplied(r, results)
		return
	}
	for _, v := range results {
		if !v.known {
			d.questions.ask(v.needs, r.ID.text, decidesDuty)
		}
	}
	if !applies.known && !assessable {
		d.notApplied(r, results)
		return
	}
	for _, to := range r.To {
		own := applies
		if to.test != nil {
			own = and(to.test(d.scope), applies)
		}
		if own.isFalse() || !own.known && to.test != nil {
			continue
		}
		o, inForce := d.obligation(r, to, own)
		if !inForce {
			d.notInForce(r)
			return
		}
		d.result.Obligations = append(d.result.Obligations, o)
	}
}

// notInForce says that a rule would apply, but was not in force when its clock would have started.
func (d *derivation) notInForce(r *ruleDef) {
	reason := Reason{ID: r.ID.text, Texts: map[string]string{}}
	for _, locale := range locales {
		text := outOfForce.in(locale) + r.Valid.from.In(r.zone).Format(time.DateOnly)
		if !r.Valid.until.IsZero() {
			text += " – " + r.Valid.until.In(r.zone).Format(time.DateOnly)
		}
		reason.Texts[locale] = text
	}
	reason.Because = reason.Texts["en"]
	d.result.NotApplied = append(d.result.NotApplied, reason)
}

// notApplied says in words why a rule does not apply, or what it still waits for.
func (d *derivation) notApplied(r *ruleDef, results []val) {
	reason := Reason{ID: r.ID.text, Texts: map[string]string{}}
	reason.Undecided = !slices.ContainsFunc(results, val.isFalse)
	var missing []string
	for i := range r.When {
		if reason.Undecided && !results[i].known {
			missing = union(missing, results[i].needs)
		}
	}
	for _, locale := range locales {
		var parts []string
		for i, c := range r.When {
			if results[i].isFalse() {
				parts = append(parts, c.no.in(d.scope, locale))
			}
		}
		if len(missing) > 0 {
			parts = append(parts, notYetKnown.in(locale)+strings.Join(factNames(missing, locale), listJoin[locale]))
		}
		reason.Texts[locale] = strings.Join(parts, phraseJoin[locale])
	}
	reason.Because = reason.Texts["en"]
	d.result.NotApplied = append(d.result.NotApplied, reason)
}

var (
	phraseJoin  = words{"en": "; ", "zh-Hans": "；"}
	notYetKnown = words{"en": "not yet known: ", "zh-Hans": "尚不清楚："}
	outOfForce  = words{"en": "was not in force when its clock would have started; in force from ", "zh-Hans": "起算时尚未施行或已失效；施行起始日："}
)

// factNames words the facts that a condition waits for; a grade is waited for like one.
func factNames(needs []string, locale string) []string {
	names := make([]string, len(needs))
	for i, n := range needs {
		if strings.HasPrefix(n, openGrade) {
			n = "grade"
		}
		names[i] = templates.FactName(n, locale)
	}
	return names
}

// obligation makes the row of one addressee; false when the rule is not in force at its anchor.
func (d *derivation) obligation(r *ruleDef, to *addresseeDef, applies val) (Obligation, bool) {
	s := d.facts.start(to.Anchor[0].text, r.zone)
	when := d.in.AsOf
	if s.known {
		when = s.at
	}
	if !r.Valid.holds(when) {
		return Obligation{}, false
	}
	o := Obligation{ID: r.ID.text, Title: r.Title, Kind: to.Kind, Urgency: r.Urgency, Anchor: to.Anchor[0].text,
		Channels: to.Channels, MetBy: to.MetBy, Zone: r.zone.String(), Source: r.source, Confidence: r.Confidence, RuleVersion: r.version,
		ContentItems: []string{}, Requirements: []templates.Requirement{}, Why: map[string][]string{}}
	o.Addressee, o.OtherAddressee = d.addressees(to.Name)
	if slices.Contains([]string{"S", "K", "M"}, r.Confidence) {
		o.ConfidenceNote = secondaryNote
	}
	d.clock(&o, r, s, applies.known)
	d.content(&o, to)
	d.exemption(&o, r)
	for _, locale := range locales {
		for _, c := range r.When {
			if c.eval(d.scope).isTrue() {
				o.Why[locale] = append(o.Why[locale], c.yes.in(d.scope, locale))
			}
		}
	}
	o.Because = o.Why["en"]
	return o, true
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
	for _, item := range items {
		if item.test != nil && !item.test(d.scope).isTrue() {
			continue
		}
		if !slices.Contains(o.ContentItems, item.listed) {
			o.ContentItems = append(o.ContentItems, item.listed)
		}
		if !item.optional {
			o.Requirements = append(o.Requirements, item.Requirement)
		}
	}
}

func (d *derivation) exemption(o *Obligation, r *ruleDef) {
	for _, x := range r.Exemptions {
		all := Exemption{ID: x.ID, Text: x.Text["en"], Texts: x.Text, Source: x.source, Lifts: x.Lifts, Keeps: x.Keeps}
		o.Exemptions = append(o.Exemptions, all)
		if o.Exempt == nil && x.test(d.scope).isTrue() && (x.never == nil || !x.never(d.scope).isTrue()) {
			o.Exempt = &all
		}
	}
}

// addressees fills {province}: by default the operator's first mainland establishment. The law does not
// say which province counts for an operator with several sites, so the others are named beside it.
func (d *derivation) addressees(name string) (string, []string) {
	before, after, found := strings.Cut(name, "{province}")
	if !found {
		return name, nil
	}
	var all []string
	add := func(codes val) {
		for _, c := range codes.items {
			if to := before + c.text + after; d.law.regions.within(c.text, "CN") && !slices.Contains(all, to) {
				all = append(all, to)
			}
		}
	}
	add(d.facts.get("profile.establishments"))
	for _, s := range d.facts.get("systems").items {
		add(list(s.fields["province"]))
	}
	add(d.facts.get("processed_in"))
	if len(all) == 0 {
		return before + "CN" + after, nil
	}
	return all[0], all[1:]
}
