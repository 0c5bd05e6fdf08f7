package playbooks

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Definition is one playbook, compiled. It never changes; a run keeps to the definition it started with.
type Definition struct {
	ID       string
	Revision int
	Title    map[string]string
	Hash     string // hex SHA-256 of Source
	Source   []byte
	when     *condition
	written  []*stepDef // as the file has them: a duty is worked off by the first that serves it
	steps    []*stepDef // each behind those it waits for
}

// worker is the step that works off an obligation; nil when none does.
func (d *Definition) worker(o obligation.Obligation) *stepDef {
	for _, s := range d.written {
		if s.serves(o) {
			return s
		}
	}
	return nil
}

// The ways in which a step divides its duties among documents or tasks.
const (
	perStep      = "step"      // all in one: how people are told
	perAddressee = "addressee" // one for each body that must be told: how reports are filed
	perRule      = "rule"      // one for each duty
)

// stepDef is one step as written. Exactly one of task and doc is set.
type stepDef struct {
	id     string
	title  map[string]string
	when   *condition
	rules  []string // for: the duties it works off
	to     []string // to: of these duties only what is owed to one of these; empty: all
	per    string
	after  []string
	task   map[string]string // what to do
	assign string            // team
	asks   []string          // facts to settle
	doc    *docDef
	target *target
	repeat bool // until every item left open has been given
}

// docDef is the notice or report that a step makes.
type docDef struct {
	kind              templates.Kind
	template          string
	byHand            bool // the template comes later: a person writes and files it
	locales, channels []string
	teams             []string
	quorum            map[string]int // by grade, and "default"
	target            *target        // of approval
	via               string
	proof             []string
}

// anyDuty says that the document is made of what its duties require.
func (d *docDef) anyDuty() bool { return strings.HasPrefix(d.template, "any/") }

// approvals is the quorum at a grade. A grade that the playbook does not name takes the default, and
// without one the strictest number named.
func (d *docDef) approvals(grade string) int {
	if n, ok := d.quorum[grade]; ok {
		return n
	}
	if n, ok := d.quorum["default"]; ok {
		return n
	}
	most := 1
	for _, n := range d.quorum {
		most = max(most, n)
	}
	return most
}

// compile reads one playbook file and lists all its faults.
func compile(name string, src []byte, known vocabulary) (*Definition, []string) {
	r := &defReader{reader: reader{file: name}, known: known, teams: map[string]string{}}
	root := r.root(src)
	if root == nil {
		return nil, r.faults
	}
	sum := sha256.Sum256(src)
	r.def = &Definition{Hash: hex.EncodeToString(sum[:]), Source: src}
	r.mapping(root, fields{
		"apiVersion": r.exactly("tocsin/v1"),
		"kind":       r.exactly("Playbook"),
		"id":         func(n ast.Node) { r.def.ID = r.name(n) },
		"revision":   func(n ast.Node) { r.def.Revision = r.number(n, 1, 1_000_000) },
		"title":      func(n ast.Node) { r.def.Title = r.words(n) },
		"when":       func(n ast.Node) { r.def.when = r.when(n) },
		"roles":      r.roles,
		"steps":      func(n ast.Node) { r.each(n, r.step) },
	}, "apiVersion", "kind", "id", "revision", "title", "steps")
	for _, check := range r.later {
		check()
	}
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	r.def.written = slices.Clone(r.def.steps)
	r.def.order()
	return r.def, nil
}

// order puts every step behind those it waits for, so that one pass over the steps is enough.
func (d *Definition) order() {
	var ordered []*stepDef
	placed := map[string]bool{}
	for len(ordered) < len(d.steps) { // there are no circles, so each round places one at least
		for _, s := range d.steps {
			ready := !slices.ContainsFunc(s.after, func(id string) bool { return !placed[id] })
			if ready && !placed[s.id] {
				ordered = append(ordered, s)
				placed[s.id] = true
			}
		}
	}
	d.steps = ordered
}

// defReader reads the parts of a playbook.
type defReader struct {
	reader
	known vocabulary
	def   *Definition
	teams map[string]string // role → team
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

func (r *defReader) name(n ast.Node) string {
	s := r.text(n)
	if s != "" && !nameForm.MatchString(s) {
		r.fault(n, "want a name of small letters, digits and hyphens")
	}
	return s
}

func (r *defReader) roles(n ast.Node) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.fault(n, "want a mapping from role to team")
		return
	}
	for pairs := m.MapRange(); pairs.Next(); {
		r.teams[pairs.Key().String()] = r.name(pairs.Value())
	}
}

// role resolves a role to its team once the whole file is read.
func (r *defReader) role(n ast.Node, set func(team string)) {
	role := r.text(n)
	r.later = append(r.later, func() {
		team, ok := r.teams[role]
		if !ok {
			r.fault(n, "role %q is not among the playbook's roles", role)
		}
		set(team)
	})
}
