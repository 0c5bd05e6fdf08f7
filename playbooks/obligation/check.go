package obligation

import (
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/templates"
)

// What rule files may say.
var (
	urgencies     = []string{"immediate", "prompt", "within", "as-provided", "contract", "without-undue-delay", "as-ordered", "voluntary"}
	kindsOfDuty   = []string{string(templates.Report), string(templates.Notice), Task}
	confidences   = []string{"V2", "V1", "V", "S", "K", "M"}
	channelIDs    = []string{templates.Email, templates.SMS, templates.Push, templates.Announcement}
	meetings      = []string{"report:spoken", "report:written", "report:confirmed", "notice:dispatched", "announcement:live", "task:done"}
	secondary     = []string{"S", "K", "M"}
	contactMeans  = []string{"phone", "site", "app", "mail", "fax", "post"}
	secondaryNote = "from secondary sources: confirm with counsel"
)

// The blocks that documents are made of.
var (
	noticeBlocks = sync.OnceValue(templates.NoticeBlocks)
	reportBlocks = sync.OnceValue(templates.ReportBlocks)
)

func oneOf(at place, what, value string, allowed []string) []Fault {
	if slices.Contains(allowed, value) {
		return nil
	}
	return []Fault{at.fault("%s %q is not one of %s", what, value, strings.Join(allowed, ", "))}
}

// clause compiles a condition and its words. A bare name of a condition takes over that one's words.
func (l *law) clause(c *clauseDef, isDefinition bool) []Fault {
	var faults []Fault
	if i, ok := l.defIndex[c.If.text]; ok && !isDefinition {
		def := l.defs[i]
		if c.Yes == nil && c.No == nil {
			c.Yes, c.No, c.Assess, c.named = def.Yes, def.No, c.Assess || def.Assess, i+1
		}
	}
	at := c.If.at
	if at.line == 0 {
		at = c.At
		c.If.at = at
	}
	faults = append(faults, c.Yes.check(at, "the reason when it holds (yes)")...)
	faults = append(faults, c.No.check(at, "the reason when it does not hold (no)")...)
	var broken []Fault
	c.eval, c.refs, broken = l.compile(c.If)
	faults = append(faults, broken...)
	c.yes, broken = l.fill(at, c.Yes)
	faults = append(faults, broken...)
	c.no, broken = l.fill(at, c.No)
	return append(faults, broken...)
}

// test compiles an optional condition.
func (l *law) test(src located, into *node) []Fault {
	if src.text == "" {
		return nil
	}
	n, _, faults := l.compile(src)
	*into = n
	return faults
}

func (l *law) item(id string, i *itemDef) []Fault {
	var faults []Fault
	if i.Term == "" || i.Gloss == "" {
		faults = append(faults, i.At.fault("content item %q needs term and gloss", id))
	}
	if _, ok := l.instruments[i.Law]; !ok {
		faults = append(faults, i.At.fault("content item %q: missing source: no instrument %q", id, i.Law))
	}
	for _, b := range i.Notice {
		faults = append(faults, oneOf(i.At, "block", b, noticeBlocks())...)
	}
	if i.Report == nil {
		i.Report = []string{id}
	}
	return append(faults, l.test(i.If, &i.test)...)
}

func (l *law) scheme(s *schemeDef) []Fault {
	s.open = unknown([]string{openGrade + s.ID})
	var faults []Fault
	faults = append(faults, s.Title.check(s.At, "the title")...)
	faults = append(faults, l.source(s.At, s.Source)...)
	if s.Confidence != "" {
		faults = append(faults, oneOf(s.At, "confidence", s.Confidence, confidences)...)
	}
	faults = append(faults, optional(s.At, "the note", s.Note)...)
	faults = append(faults, optional(s.At, "the reason why it is off", s.Off)...)
	for i, g := range s.Grades {
		if s.names(i) == nil {
			faults = append(faults, s.At.fault("grade %q of %s has no name (names)", g, s.ID))
		}
		faults = append(faults, optional(s.At, "the name of "+g, s.Names[g])...)
	}
	if len(s.Grades) == 0 {
		faults = append(faults, s.At.fault("scheme %s has no grades", s.ID))
	}
	for _, c := range s.When {
		faults = append(faults, l.clause(c, false)...)
	}
	seen := map[string]bool{}
	for _, g := range s.Conditions {
		if seen[g.ID] || g.ID == "" {
			faults = append(faults, g.At.fault("condition %q of %s has no id of its own", g.ID, s.ID))
		}
		seen[g.ID] = true
		if g.rank = s.rank(g.Grade); g.rank < 0 {
			faults = append(faults, oneOf(g.At, "grade", g.Grade, s.Grades)...)
		}
		var broken []Fault
		g.eval, g.refs, broken = l.compile(g.If)
		faults = append(faults, broken...)
		faults = append(faults, l.test(g.Flag, &g.flag)...)
		faults = append(faults, g.Yes.check(g.At, "the reason (yes)")...)
		g.words, broken = l.fill(g.At, g.Yes)
		faults = append(faults, broken...)
	}
	return faults
}

// authority checks a declared addressee.
func (l *law) authority(name string, a *authority) []Fault {
	faults := a.Name.check(a.At, "addressee "+name)
	for _, c := range a.Contacts {
		faults = append(faults, oneOf(c.At, "by", c.By, contactMeans)...)
		faults = append(faults, optional(c.At, "the note", c.Note)...)
		if c.Value == "" || c.Source == "" {
			faults = append(faults, c.At.fault("a contact needs value and source"))
		}
		if c.Confidence != "" {
			faults = append(faults, oneOf(c.At, "confidence", c.Confidence, confidences)...)
		}
		if c.Region != "" && !l.regions.known(c.Region) {
			faults = append(faults, c.At.fault("unknown region %q", c.Region))
		}
	}
	return faults
}

// optional checks a text that may be left out, but not half written.
func optional(at place, what string, w words) []Fault {
	if w == nil {
		return nil
	}
	return w.check(at, what)
}

func (l *law) source(at place, s sourceDef) []Fault {
	if s.At.line != 0 {
		at = s.At
	}
	if _, ok := l.instruments[s.Instrument]; !ok {
		return []Fault{at.fault("missing source: no instrument %q", s.Instrument)}
	}
	if s.Article == "" {
		return []Fault{at.fault("missing source: the article is not named")}
	}
	return nil
}

func (l *law) rule(r *ruleDef) []Fault {
	faults := r.Title.check(r.At, "the title")
	if r.ID.text == "" || strings.Contains(r.ID.text, "*") {
		faults = append(faults, r.At.fault("the rule needs an id without *"))
	}
	faults = append(faults, oneOf(r.At, "urgency", r.Urgency, urgencies)...)
	faults = append(faults, oneOf(r.At, "confidence", r.Confidence, confidences)...)
	faults = append(faults, l.source(r.At, r.Source)...)
	r.source = l.sourceOf(r.Source)
	if len(r.When) == 0 {
		faults = append(faults, r.At.fault("the rule says nowhere when it applies (when)"))
	}
	for _, c := range r.When {
		faults = append(faults, l.clause(c, false)...)
	}
	faults = append(faults, l.periods(r.Until, r.Deadline, r.LegalLimit)...)
	faults = append(faults, optional(r.At, "the reason why it is off", r.Off)...)
	faults = append(faults, optional(r.At, "the note", r.Note)...)
	if r.Hold != nil {
		faults = append(faults, r.Hold.Text.check(r.Hold.At, "the hold")...)
		faults = append(faults, l.source(r.Hold.At, r.Hold.Source)...)
		r.Hold.source = l.sourceOf(r.Hold.Source)
	}
	seen := map[string]bool{}
	for _, x := range r.Exemptions {
		if x.ID == "" || seen[x.ID] {
			faults = append(faults, x.At.fault("the exemption has no id of its own"))
		}
		seen[x.ID] = true
		faults = append(faults, optional(x.At, "what it lifts", x.Lifts)...)
		faults = append(faults, optional(x.At, "what it keeps", x.Keeps)...)
		faults = append(faults, l.source(x.At, x.Source)...)
		faults = append(faults, x.Text.check(x.At, "the exemption")...)
		if x.If.text == "" {
			faults = append(faults, x.At.fault("the exemption does not say when it could apply (if)"))
		}
		faults = append(faults, l.test(x.If, &x.test)...)
		faults = append(faults, l.test(x.Never, &x.never)...)
		for _, base := range x.For {
			if !slices.ContainsFunc(r.To, func(to *addresseeDef) bool { return base == baseOf(to.Name) }) {
				faults = append(faults, x.At.fault("the exemption is for %q, whom this rule does not name (to)", base))
			}
		}
		x.source = l.sourceOf(x.Source)
	}
	for _, s := range r.Schemes {
		if !l.hasScheme(s.text) {
			faults = append(faults, s.at.fault("there is no scheme %q", s.text))
		}
	}
	faults = append(faults, r.Valid.check(r.zone)...)
	if len(r.To) == 0 {
		faults = append(faults, r.At.fault("the rule has no addressee (to)"))
	}
	for _, to := range r.To {
		faults = append(faults, l.addressee(r, to)...)
	}
	return faults
}

func baseOf(addressee string) string {
	base, _, _ := strings.Cut(addressee, ":")
	return base
}

// inherit takes over what the rule says for all its rows.
func (to *addresseeDef) inherit(r *ruleDef) {
	to.Repeats = to.Repeats || r.Repeats
	if to.Until.text == "" {
		to.Until = r.Until
	}
	if to.Deadline == nil {
		to.Deadline = r.Deadline
	}
	if to.LegalLimit == nil {
		to.LegalLimit = r.LegalLimit
	}
	if to.Kind == "" {
		to.Kind = r.Kind
	}
	if len(to.Anchor) == 0 {
		to.Anchor = r.Anchor
	}
	if to.Items == nil && to.Promise == "" {
		to.Items = r.Items
	}
	if to.Channels == nil {
		to.Channels = r.Channels
	}
	if to.MetBy == nil {
		to.MetBy = r.MetBy
	}
	for _, x := range r.Exemptions {
		if len(x.For) == 0 || slices.Contains(x.For, baseOf(to.Name)) {
			to.exemptions = append(to.exemptions, x)
		}
	}
}

// addressee checks a row, and resolves its content items.
func (l *law) addressee(r *ruleDef, to *addresseeDef) []Fault {
	faults := l.periods(to.Until, to.Deadline, to.LegalLimit)
	to.inherit(r)
	faults = append(faults, oneOf(to.At, "kind", to.Kind, kindsOfDuty)...)
	if to.Name == "" {
		faults = append(faults, to.At.fault("the addressee has no name"))
	}
	faults = append(faults, to.cut()...)
	faults = append(faults, l.each(to.Each)...)
	if l.addressees[to.base] == nil {
		faults = append(faults, to.At.fault("addressee %q is not declared (addressees)", to.base))
	}
	if len(to.Anchor) == 0 {
		faults = append(faults, to.At.fault("nothing starts the clock (anchor)"))
	}
	for _, a := range to.Anchor {
		if !knownAnchor(a.text) {
			faults = append(faults, a.at.fault("unknown anchor %q", a.text))
		}
	}
	for _, c := range to.Channels {
		faults = append(faults, oneOf(to.At, "channel", c, channelIDs)...)
	}
	if len(to.MetBy) == 0 {
		faults = append(faults, to.At.fault("nothing meets the duty (met_by)"))
	}
	for _, m := range to.MetBy {
		faults = append(faults, oneOf(to.At, "met_by", m, meetings)...)
	}
	if to.If.text != "" {
		var broken []Fault
		to.test, to.refs, broken = l.compile(to.If)
		faults = append(faults, broken...)
	}
	to.schemes = l.named(r, to)
	if to.Promise != "" {
		return append(faults, oneOf(to.At, "promise", to.Promise, kindsOfDuty)...)
	}
	if len(to.Items) == 0 && to.Kind != Task && r.Off == nil {
		faults = append(faults, to.At.fault("the duty has no content items"))
	}
	var broken []Fault
	to.items, broken = l.resolve(to.Items, to.Kind, r.ID.text)
	to.fixed = fixed(to.items)
	return append(faults, broken...)
}

// named are the gradings that a row's documents name: as the rule says, else those its conditions rest on.
func (l *law) named(r *ruleDef, to *addresseeDef) (out []string) {
	if len(r.Schemes) > 0 {
		for _, s := range r.Schemes {
			out = append(out, s.text)
		}
		return out
	}
	for _, c := range r.When {
		out = union(out, l.schemesOf(c.refs))
	}
	return union(out, l.schemesOf(to.refs))
}

// resolve turns item ids into requirements on the blocks of a notice or report; for a task, of which no
// document is drafted, they are only listed.
func (l *law) resolve(ids []located, kind, rule string) ([]requirement, []Fault) {
	var out []requirement
	var faults []Fault
	for _, id := range ids {
		item, ok := l.items[id.text]
		if !ok {
			faults = append(faults, id.at.fault("unknown content item %q", id.text))
			continue
		}
		blocks := item.Report
		if kind == string(templates.Notice) {
			blocks = item.Notice
		}
		if len(blocks) == 0 {
			faults = append(faults, id.at.fault("content item %q has no %s block", id.text, kind))
		}
		for _, b := range blocks {
			if kind == string(templates.Report) && !slices.Contains(reportBlocks(), b) {
				faults = append(faults, id.at.fault("no report template has the block %q, which content item %q is answered by", b, id.text))
			}
		}
		for _, b := range blocks {
			listed := item.PartOf
			if listed == "" {
				listed = id.text
			}
			out = append(out, requirement{test: item.test, listed: listed, optional: item.Other || kind == Task, Requirement: templates.Requirement{ID: id.text, Block: b, Term: item.Term,
				Gloss: item.Gloss, Law: l.instruments[item.Law].Title, Article: item.Article, Rule: rule, MayBeOpen: item.Open}})
		}
	}
	return out, faults
}

func (v *validDef) check(zone *time.Location) []Fault {
	if v == nil {
		return nil
	}
	var faults []Fault
	day := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation(time.DateOnly, s, zone)
		if err != nil {
			faults = append(faults, v.At.fault("a date is written YYYY-MM-DD"))
		}
		return t
	}
	v.from, v.until = day(v.From), day(v.Until)
	if !v.until.IsZero() {
		v.until = v.until.AddDate(0, 0, 1)
		if !v.until.After(v.from) {
			faults = append(faults, v.At.fault("valid until before valid from"))
		}
	}
	return faults
}

// holds says whether the rule is in force at t.
func (v *validDef) holds(t time.Time) bool {
	return v == nil || !t.Before(v.from) && (v.until.IsZero() || t.Before(v.until))
}
