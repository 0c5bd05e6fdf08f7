package playbooks

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"tocsin/templates"
)

// stepNodes are the keys of a step that depend on what sort of step it turns out to be.
type stepNodes struct {
	bodies                       []ast.Node // task, report, notice, announce: one of them
	onTask, onDocument, onReport []ast.Node
	approve, file, per           ast.Node
}

func (r *defReader) step(n ast.Node) {
	s, has := &stepDef{per: perStep}, &stepNodes{}
	document := func(kind templates.Kind, channels []string, keys ...string) func(ast.Node) {
		return func(n ast.Node) {
			has.bodies = append(has.bodies, n)
			s.doc = &docDef{kind: kind, channels: channels}
			r.document(n, s.doc, keys)
		}
	}
	r.mapping(n, fields{
		"id":       func(n ast.Node) { s.id = r.stepID(n) },
		"title":    func(n ast.Node) { s.title = r.words(n) },
		"when":     func(n ast.Node) { s.when = r.when(n) },
		"for":      func(n ast.Node) { s.rules = r.rules(n) },
		"to":       func(n ast.Node) { s.to = r.texts(n, nil) },
		"per":      func(n ast.Node) { has.per, s.per = n, r.text(n); r.among(perStep, perAddressee, perRule)(n, s.per) },
		"after":    func(n ast.Node) { s.after = r.texts(n, r.isStep) },
		"task":     func(n ast.Node) { has.bodies = append(has.bodies, n); s.task = r.words(n) },
		"assign":   func(n ast.Node) { r.role(n, func(team string) { s.assign = team }) },
		"asks":     func(n ast.Node) { has.onTask = append(has.onTask, n); s.asks = r.texts(n, r.isFact) },
		"report":   document(templates.Report, nil, "template", "locales"),
		"notice":   document(templates.Notice, nil, "template", "locales", "channels"),
		"announce": document(templates.Notice, []string{templates.Announcement}, "template", "locales"),
		"approve":  func(n ast.Node) { has.onDocument = append(has.onDocument, n); has.approve = n },
		"file":     func(n ast.Node) { has.onReport = append(has.onReport, n); has.file = n },
		"target":   func(n ast.Node) { s.target = r.target(n) },
		"repeat": func(n ast.Node) {
			has.onReport = append(has.onReport, n)
			s.repeat = true
			r.exactly("until items.complete")(n)
		},
	}, "id")
	r.def.steps = append(r.def.steps, s)
	r.fit(n, s, has)
}

// fit checks that a step's keys go together and reads those that hang on its document.
func (r *defReader) fit(n ast.Node, s *stepDef, has *stepNodes) {
	if len(has.bodies) != 1 {
		r.fault(n, "a step is exactly one of task, report, notice and announce")
		return
	}
	belongs := func(nodes []ast.Node, ok bool, to string) {
		for _, n := range nodes {
			if !ok {
				r.fault(n, "this belongs to a %s", to)
			}
		}
	}
	belongs(has.onTask, s.doc == nil, "task")
	belongs(has.onDocument, s.doc != nil, "notice or report")
	report := s.doc != nil && s.doc.kind == templates.Report
	belongs(has.onReport, report, "report")
	switch {
	case report && has.per == nil:
		s.per = perAddressee
	case report && s.per == perStep:
		r.fault(has.per, "a report goes to one addressee")
	}
	if s.doc == nil {
		return
	}
	if has.approve == nil {
		r.fault(n, "key %q is missing: a document goes out only when people have approved it", "approve")
	} else {
		r.approve(has.approve, s.doc)
	}
	if has.file != nil {
		r.mapping(has.file, fields{
			"via":   func(n ast.Node) { s.doc.via = r.name(n) },
			"proof": func(n ast.Node) { s.doc.proof = r.texts(n, r.among("receipt_number", "filed_text")) },
		}, "via")
	}
}

func (r *defReader) approve(n ast.Node, d *docDef) {
	d.quorum = map[string]int{}
	perGrade := fields{}
	for _, grade := range []string{"general", "larger", "major", "extreme", "default"} {
		perGrade[grade] = func(n ast.Node) { d.quorum[grade] = r.number(n, 1, 10) }
	}
	team := func(n ast.Node) { r.role(n, func(team string) { d.teams = append(d.teams, team) }) }
	r.mapping(n, fields{
		"by": func(n ast.Node) { r.each(n, team) },
		"quorum": func(n ast.Node) {
			if _, ok := n.(ast.MapNode); ok {
				r.mapping(n, perGrade)
			} else {
				perGrade["default"](n)
			}
		},
		"target": func(n ast.Node) { d.target = r.target(n) },
	}, "by", "quorum")
}

// document reads what a step makes and checks it against the catalog. A template that is not there yet
// makes the step a task: a person writes and files it by hand.
func (r *defReader) document(n ast.Node, d *docDef, keys []string) {
	known := fields{
		"template": func(n ast.Node) { d.template = r.text(n) },
		"locales":  func(n ast.Node) { d.locales = r.texts(n, nil) },
		"channels": func(n ast.Node) {
			d.channels = r.texts(n, r.among(templates.Push, templates.SMS, templates.Email, templates.Announcement))
		},
	}
	want := fields{}
	for _, k := range keys {
		want[k] = known[k]
	}
	r.mapping(n, want, "template")
	t, ok := r.known.template(d.template)
	if d.byHand = !ok; d.byHand {
		return
	}
	if t.Kind != d.kind {
		r.fault(n, "template %q is a %s", d.template, t.Kind)
		return
	}
	r.offered(n, d.locales, t.Locales, "locale")
	r.offered(n, d.channels, t.Channels, "channel")
}

func (r *defReader) offered(n ast.Node, want, have []string, what string) {
	for _, w := range want {
		if !slices.Contains(have, w) {
			r.fault(n, "the template has no %s %q", what, w)
		}
	}
}

func (r *defReader) target(n ast.Node) *target {
	t, err := parseTarget(r.text(n))
	if err != nil {
		r.fault(n, "%s", err)
	}
	return t
}

// when reads a condition and checks the facts it names.
func (r *defReader) when(n ast.Node) *condition {
	c := r.condition(n)
	if c == nil {
		return nil
	}
	for _, name := range c.reads {
		r.isFact(n, strings.TrimPrefix(name, "facts."))
	}
	return c
}

func (r *defReader) stepID(n ast.Node) string {
	id := r.name(n)
	if r.find(id) != nil {
		r.fault(n, "step %q stands here twice", id)
	}
	return id
}

func (r *defReader) find(id string) *stepDef {
	for _, s := range r.def.steps {
		if s.id == id {
			return s
		}
	}
	return nil
}

// rules resolves a list of rule ids and patterns to ids.
func (r *defReader) rules(n ast.Node) (ids []string) {
	r.texts(n, func(n ast.Node, pattern string) {
		like := r.known.rulesLike(pattern)
		if len(like) == 0 {
			r.fault(n, "no rule has the id %q", pattern)
		}
		for _, id := range like {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	})
	return ids
}

func (r *defReader) isFact(n ast.Node, path string) {
	if !r.known.fact(path) {
		r.fault(n, "%q is not a fact", path)
	}
}

// isStep checks once all steps are read that the step exists and does not wait for itself.
func (r *defReader) isStep(n ast.Node, id string) {
	r.later = append(r.later, func() {
		s := r.find(id)
		if s == nil {
			r.fault(n, "there is no step %q", id)
		} else if r.waitsFor(s, id, map[string]bool{}) {
			r.fault(n, "step %q waits for itself", id)
		}
	})
}

func (r *defReader) waitsFor(s *stepDef, id string, seen map[string]bool) bool {
	for _, before := range s.after {
		if before == id {
			return true
		}
		if next := r.find(before); next != nil && !seen[before] {
			seen[before] = true
			if r.waitsFor(next, id, seen) {
				return true
			}
		}
	}
	return false
}

func (r *defReader) among(words ...string) func(ast.Node, string) {
	return func(n ast.Node, s string) {
		if !slices.Contains(words, s) {
			r.fault(n, "want one of %q", words)
		}
	}
}
