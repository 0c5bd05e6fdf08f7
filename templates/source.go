package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// locales that the built-in words are written in.
var locales = []string{"zh-Hans", "en"}

// templateSource is a template file as written.
type templateSource struct {
	Name     string            `yaml:"name"`
	Kind     Kind              `yaml:"kind"`
	Locales  []string          `yaml:"locales"`
	Reading  []string          `yaml:"reading"`
	Channels []string          `yaml:"channels"`
	Subject  map[string]string `yaml:"subject"`
	Items    []itemSource      `yaml:"items"`
	// Default: the blocks of a template for any duty when its duties require none.
	Default []string `yaml:"default"`
}

// sentenceSource is one sentence in every locale, and the facts it depends on besides those it prints.
type sentenceSource struct {
	When    map[string][]any  `yaml:"when"`    // holds when each fact has one of the values
	Unless  map[string][]any  `yaml:"unless"`  // holds when no fact has one of the values
	Unknown []string          `yaml:"unknown"` // holds when each of these is unknown
	Say     map[string]string `yaml:"say"`
}

// sourceFile decodes one YAML file and finds the place of a fault in it.
type sourceFile struct {
	name   string
	tree   *ast.File
	faults []error
}

// open reads a file strictly into v. A file that does not parse has exactly one fault.
func (s *sourceFile) open(src []byte, v any) bool {
	tree, err := parser.ParseBytes(src, 0)
	if err == nil {
		s.tree = tree
		err = yaml.UnmarshalWithOptions(src, v, yaml.Strict())
	}
	if err == nil {
		return true
	}
	place := s.name
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		p := y.GetToken().Position
		err = errors.New(y.GetMessage())
		place = fmt.Sprintf("%s:%d:%d", s.name, p.Line, p.Column)
	}
	s.faults = append(s.faults, fmt.Errorf("%s: %w", place, err))
	return false
}

// fault records a fault at a YAML path, or at its nearest ancestor that is written in the file.
func (s *sourceFile) fault(at, format string, args ...any) {
	line, col := 1, 1
	for p := at; p != "$"; p = p[:max(strings.LastIndexAny(p, ".["), 1)] {
		yp, err := yaml.PathString(p)
		if err != nil {
			continue
		}
		if n, err := yp.FilterFile(s.tree); err == nil && n != nil && n.GetToken() != nil {
			line, col = n.GetToken().Position.Line, n.GetToken().Position.Column
			break
		}
	}
	s.faults = append(s.faults, fmt.Errorf("%s:%d:%d: %s", s.name, line, col, fmt.Sprintf(format, args...)))
}

// compileTemplate checks a template file as a whole and returns all its faults.
func compileTemplate(name string, src []byte, w *words) (*compiled, []error) {
	s := &sourceFile{name: name}
	var ts templateSource
	if !s.open(src, &ts) {
		return nil, s.faults
	}
	c := &compiled{subject: ts.Subject, fallback: ts.Default, own: file{name, src}, Template: Template{Name: ts.Name, Kind: ts.Kind,
		Locales: ts.Locales, Reading: ts.Reading, Channels: ts.Channels}}
	s.checkHead(ts)
	s.checkDefault(ts, c, w)
	s.compileItems("$.items", ts.Items, c, w)
	return c, s.faults
}

func (s *sourceFile) checkHead(ts templateSource) {
	if ts.Name == "" || !strings.HasSuffix(strings.TrimSuffix(s.name, ".yaml"), ts.Name) {
		s.fault("$.name", "name must be the file's path in the catalog without .yaml")
	}
	if ts.Kind != Notice && ts.Kind != Report {
		s.fault("$.kind", "kind must be notice or report")
	}
	for i, l := range ts.Locales {
		if !slices.Contains(locales, l) {
			s.fault(fmt.Sprintf("$.locales[%d]", i), "no words in this locale")
		}
	}
	for i, l := range ts.Reading {
		if ts.Kind != Report || !slices.Contains(ts.Locales, l) {
			s.fault(fmt.Sprintf("$.reading[%d]", i), "a reading version must be one of a report's locales")
		}
	}
	for i, ch := range ts.Channels {
		if ts.Kind != Notice || !slices.Contains([]string{Email, SMS, Push, Announcement}, ch) {
			s.fault(fmt.Sprintf("$.channels[%d]", i), "unknown channel, or a report with channels")
		}
	}
	if ts.Kind == Notice && len(ts.Channels) == 0 {
		s.fault("$.channels", "a notice needs channels")
	}
	s.checkLocales("$.subject", ts.Subject, ts.Locales)
}

// checkDefault holds that a template has items, or, for any duty, blocks of the library to fall back on.
func (s *sourceFile) checkDefault(ts templateSource, c *compiled, w *words) {
	switch lib := w.library(c.Kind); {
	case !c.generic() && len(ts.Items) == 0:
		s.fault("$.items", "a template needs items")
	case !c.generic() && len(ts.Default) > 0:
		s.fault("$.default", "only a template for any duty chooses its blocks")
	case c.generic() && len(ts.Items) > 0:
		s.fault("$.items", "a template for any duty takes its items from the library")
	case c.generic() && len(ts.Default) == 0:
		s.fault("$.default", "a template for any duty needs blocks for a duty that requires none")
	default:
		for i, b := range ts.Default {
			if lib.index(b) < 0 {
				s.fault(fmt.Sprintf("$.default[%d]", i), "no such block in the library: %s", b)
			}
		}
	}
}

func (s *sourceFile) checkLocales(at string, m map[string]string, want []string) {
	for _, l := range want {
		if strings.TrimSpace(m[l]) == "" {
			s.fault(at, "no text in %s", l)
		}
	}
	for l := range m {
		if !slices.Contains(want, l) {
			s.fault(at+"."+l, "locale is not among the template's")
		}
	}
}

// checkBinding holds that an automatic draft is bound to facts, knows them and prints them.
func (s *sourceFile) checkBinding(at string, item Item, draft []paragraph, w *words) {
	bound := slices.Concat(item.Facts, item.Any)
	for _, p := range bound {
		if w.Facts[p] == nil {
			s.fault(at, "no such fact: %s", p)
		}
	}
	if draft == nil && len(bound) > 0 {
		s.fault(at, "facts are bound, but there is no draft that prints them")
	}
	if draft != nil && len(bound) == 0 {
		s.fault(at, "a draft must be bound to facts: boilerplate never counts")
	}
	if draft == nil {
		return
	}
	for _, p := range bound {
		if !slices.ContainsFunc(draft, func(para paragraph) bool { return para.prints(p) }) {
			s.fault(at, "no sentence prints the bound fact %s", p)
		}
	}
}
