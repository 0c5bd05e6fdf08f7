package playbooks

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

//go:embed builtin/*.yaml
var builtin embed.FS

// Definitions is the set of playbooks, compiled. It is safe for concurrent use.
type Definitions struct {
	known vocabulary
	all   []*Definition // in order of id
	old   sync.Map      // hash → *Definition: earlier revisions that runs still keep to
}

// Load compiles the embedded playbooks against the rules and templates; the error lists every fault with
// file, line and column.
func Load(engine *obligation.Engine, catalog *templates.Catalog) (*Definitions, error) {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		return nil, fmt.Errorf("read built-in playbooks: %w", err)
	}
	d := &Definitions{known: vocabularyOf(engine, catalog)}
	var faults []string
	for _, f := range files {
		src, err := builtin.ReadFile("builtin/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read built-in playbooks: %w", err)
		}
		def, found := compile(f.Name(), src, d.known)
		faults = append(faults, found...)
		if def != nil {
			d.all = append(d.all, def)
		}
	}
	if len(faults) > 0 {
		return nil, errors.New("playbooks have faults:\n" + strings.Join(faults, "\n"))
	}
	slices.SortFunc(d.all, func(a, b *Definition) int { return strings.Compare(a.ID, b.ID) })
	return d, nil
}

// Lint compiles one playbook file and returns its faults, "file:line:col: message".
func Lint(name string, src []byte, engine *obligation.Engine, catalog *templates.Catalog) []string {
	_, faults := compile(name, src, vocabularyOf(engine, catalog))
	return faults
}

// Playbooks lists the compiled definitions in order of id.
func (d *Definitions) Playbooks() []*Definition { return d.all }

// at finds a definition by hash; source is asked for the frozen text of one that is no longer built in.
func (d *Definitions) at(hash string, source func() ([]byte, error)) (*Definition, error) {
	for _, def := range d.all {
		if def.Hash == hash {
			return def, nil
		}
	}
	if def, ok := d.old.Load(hash); ok {
		return def.(*Definition), nil
	}
	src, err := source()
	if err != nil {
		return nil, fmt.Errorf("load frozen playbook: %w", err)
	}
	def, faults := compile("frozen", src, d.known)
	if len(faults) > 0 {
		return nil, fmt.Errorf("compile frozen playbook: %s", strings.Join(faults, "; "))
	}
	d.old.Store(hash, def)
	return def, nil
}

func vocabularyOf(engine *obligation.Engine, catalog *templates.Catalog) vocabulary {
	v := vocabulary{fact: isFact, template: catalog.Template}
	for _, r := range engine.Rules() {
		v.rules = append(v.rules, r.ID)
	}
	return v
}
