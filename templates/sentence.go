package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A paragraph is a run of sentences. A sentence that cannot be printed, because a fact it needs is
// unknown or has no words in the locale, is left out; one without facts leads in the next that is printed.
type paragraph []sentence

type sentence struct {
	when, unless map[string][]any
	unknown      []string
	say          map[string][]part
}

// part is literal text, or a place where a printer prints facts: {path|printer} or {path+path|printer}.
type part struct {
	text    string
	paths   []string
	printer string
}

func (p paragraph) prints(path string) bool {
	return slices.ContainsFunc(p, func(s sentence) bool { return s.prints(path) })
}

func (s sentence) prints(path string) bool {
	if _, ok := s.when[path]; ok {
		return true
	}
	for _, parts := range s.say {
		if slices.Contains(paths(parts), path) {
			return true
		}
	}
	return false
}

// lead says that the sentence stands only in front of the next.
func (s sentence) lead() bool {
	if len(s.when)+len(s.unless)+len(s.unknown) > 0 {
		return false
	}
	for _, parts := range s.say {
		return len(paths(parts)) == 0
	}
	return false
}

// paths lists the facts that parts print, sorted, once each.
func paths(parts []part) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.paths...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *sourceFile) compileDraft(at string, src [][]sentenceSource, want []string, w *words) []paragraph {
	var out []paragraph
	for i, para := range src {
		var p paragraph
		for j, ss := range para {
			p = append(p, s.compileSentence(fmt.Sprintf("%s[%d][%d]", at, i, j), ss, want, w))
		}
		out = append(out, p)
	}
	return out
}

func (s *sourceFile) compileSentence(at string, ss sentenceSource, want []string, w *words) sentence {
	out := sentence{when: ss.When, unless: ss.Unless, unknown: ss.Unknown, say: map[string][]part{}}
	s.checkLocales(at+".say", ss.Say, want)
	used := slices.Concat(ss.Unknown, slices.Collect(maps.Keys(ss.When)), slices.Collect(maps.Keys(ss.Unless)))
	if slices.ContainsFunc(used, many) {
		s.fault(at, "a condition is on one fact, not on many")
	}
	for _, l := range slices.Sorted(maps.Keys(ss.Say)) {
		parts, err := parse(ss.Say[l])
		if err != nil {
			s.fault(at+".say."+l, "%v", err)
		}
		out.say[l] = parts
		used = append(used, paths(parts)...)
		for _, p := range parts {
			if p.paths != nil && w.printer(p.printer) == nil {
				s.fault(at+".say."+l, "no such printer: %s", p.printer)
			}
		}
	}
	for _, p := range used {
		if w.Facts[p] == nil {
			s.fault(at, "no such fact: %s", p)
		}
	}
	// The locales say the same thing only if they print the same facts.
	for i, l := range want {
		if i > 0 && !slices.Equal(paths(out.say[want[0]]), paths(out.say[l])) {
			s.fault(at+".say."+l, "prints other facts than %s", want[0])
		}
	}
	return out
}

func parse(text string) ([]part, error) {
	var out []part
	for text != "" {
		lit, rest, open := strings.Cut(text, "{")
		if strings.Contains(lit, "}") {
			return nil, errors.New("} without {")
		}
		if lit != "" {
			out = append(out, part{text: lit})
		}
		if !open {
			break
		}
		slot, after, closed := strings.Cut(rest, "}")
		if !closed || slot == "" || strings.Contains(slot, "{") {
			return nil, errors.New("{ must be closed around a fact")
		}
		facts, printer, _ := strings.Cut(slot, "|")
		out = append(out, part{paths: strings.Split(facts, "+"), printer: printer})
		text = after
	}
	return out, nil
}

// print is the sentence in the pen's locale; ok is false when it does not hold or cannot be printed.
func (s sentence) print(p *pen) (text string, ok bool) {
	for path, values := range s.when {
		if f, known := p.fact(path); !known || !among(f.Value, values) {
			return "", false
		}
	}
	for path, values := range s.unless {
		if f, known := p.fact(path); known && among(f.Value, values) {
			return "", false
		}
	}
	for _, path := range s.unknown {
		if _, known := p.look(path); known {
			return "", false
		}
	}
	var b strings.Builder
	for _, part := range s.say[p.locale] {
		if part.paths == nil {
			b.WriteString(part.text)
			continue
		}
		printed := p.print(part)
		if printed == "" {
			return "", false
		}
		b.WriteString(printed)
	}
	return b.String(), true
}

// print joins what can be printed and notes in the pen which facts were used.
func (para paragraph) print(p *pen) string {
	text, lead := "", ""
	for _, s := range para {
		keep := len(p.used)
		said, ok := s.print(p)
		switch {
		case !ok:
			p.used = p.used[:keep]
		case s.lead():
			lead = join(p.locale, lead, said)
		default:
			text, lead = join(p.locale, join(p.locale, text, lead), said), ""
		}
	}
	return text
}

// join puts b after a: list items on lines of their own, sentences as the locale spaces them.
func join(locale, a, b string) string {
	switch {
	case a == "" || b == "":
		return a + b
	case strings.HasPrefix(b, "- ") || strings.HasPrefix(a[strings.LastIndexByte(a, '\n')+1:], "- "):
		return a + "\n" + b
	case locale == "en":
		return a + " " + b
	}
	return a + b
}

func among(v any, values []any) bool {
	return slices.ContainsFunc(values, func(want any) bool { return fmt.Sprint(v) == fmt.Sprint(want) })
}
