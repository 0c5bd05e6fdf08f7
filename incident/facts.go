package incident

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Snapshot is what is held true of an incident at a revision: per path the winning fact.
type Snapshot struct {
	Revision      int64
	Facts         map[string]Fact // winners by path; Value nil means unknown
	Disagreements []Disagreement
}

// Disagreement is a difference of sources about a path that a person should settle.
type Disagreement struct {
	Path  string `json:"path"`
	Facts []Fact `json:"facts"`
}

// The sources that are no tool.
const (
	SourcePerson  = "person"  // beats all others
	SourceTocsin  = "tocsin"  // what we did ourselves, such as a filing; beats every tool
	SourceReceipt = "receipt" // the time a finding came in; every tool that names its own beats it
)

// Claimed is the certainty of what a tool asserts but only a person may decide on. Such a fact is shown
// and asked about, but is no part of the facts object until a person confirms it.
const Claimed = "claimed"

// Resolve picks the winner per path: a person beats a tool, a newer At beats an older one, so that an
// older one that arrives late fills what is unknown and nothing else. Order and repetition of facts do
// not matter. Where the last words of several tools differ and no person has decided, or those of two
// persons at the same instant, the newest wins and a disagreement is listed.
func Resolve(facts []Fact) Snapshot {
	s := Snapshot{Facts: map[string]Fact{}}
	last := map[string]map[string]Fact{} // path → who → their last word
	for _, f := range facts {
		f.Value = plain(f.Value)
		s.Revision = max(s.Revision, f.Revision)
		if last[f.Path] == nil {
			last[f.Path] = map[string]Fact{}
		}
		who := f.Source
		if who == SourcePerson {
			who += "/" + f.Actor.ID
		}
		if held, ok := last[f.Path][who]; !ok || order(held, f) < 0 {
			last[f.Path][who] = f
		}
	}
	for _, path := range slices.Sorted(maps.Keys(last)) {
		words := slices.SortedFunc(maps.Values(last[path]), func(a, b Fact) int { return preference(b, a) })
		s.Facts[path] = words[0]
		if differing := differ(words); differing != nil {
			s.Disagreements = append(s.Disagreements, Disagreement{Path: path, Facts: differing})
		}
	}
	return s
}

// order is by time of the statement, then of its arrival, then by content, so that it is total.
func order(a, b Fact) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Revision, b.Revision), a.RecordedAt.Compare(b.RecordedAt),
		strings.Compare(jsonOf(a.Value), jsonOf(b.Value)), strings.Compare(a.Source, b.Source))
}

// preference puts the last words of sources in order: rank, then, of tools, who knows something, then time.
func preference(a, b Fact) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	if rank(a) < rankPerson && known(a) != known(b) {
		if known(a) {
			return 1
		}
		return -1
	}
	return order(a, b)
}

const (
	rankReceipt = iota
	rankTool
	rankTocsin
	rankPerson
)

func rank(f Fact) int {
	switch f.Source {
	case SourcePerson:
		return rankPerson
	case SourceTocsin:
		return rankTocsin
	case SourceReceipt:
		return rankReceipt
	}
	return rankTool
}

// known tells whether a fact says something; of a path whose key is knowledge also null does.
func known(f Fact) bool {
	if f.Value != nil {
		return true
	}
	e := entryOf(f.Path)
	return e != nil && e.Key
}

// differ lists the last words of the winner's rank when they contradict each other; nil when not.
func differ(words []Fact) []Fact {
	first := words[0]
	var out []Fact
	contradiction := false
	for _, w := range words {
		if rank(w) != rank(first) || !known(w) || rank(w) == rankPerson && !w.At.Equal(first.At) {
			continue
		}
		contradiction = contradiction || !sameValue(w.Value, first.Value)
		out = append(out, w)
	}
	if !contradiction || !known(first) {
		return nil
	}
	return out
}

// Object is the nested facts object of design section 6, as Derive and templates take it. Unknown and
// merely claimed facts are absent, except that jurisdictions.XX with an unknown number is null. Numbers
// are int64 or float64, lists []any, objects map[string]any.
func (s Snapshot) Object() map[string]any {
	out := map[string]any{}
	for path, f := range s.Facts {
		if entryOf(path) == nil || !known(f) || f.Certainty == Claimed {
			continue
		}
		at := out
		parts := strings.Split(path, ".")
		for _, name := range parts[:len(parts)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = plain(f.Value)
	}
	return out
}

// sameValue compares two values; instants are the same in any zone.
func sameValue(a, b any) bool {
	a, b = plain(a), plain(b)
	if reflect.DeepEqual(a, b) {
		return true
	}
	s, isText := a.(string)
	t, areTexts := b.(string)
	if !isText || !areTexts {
		return false
	}
	m, ok := ParseMoment(s)
	n, both := ParseMoment(t)
	return ok && both && m.Exact() && n.Exact() && m.Earliest.Equal(n.Earliest)
}

// jsonOf is the canonical JSON of a fact's value.
func jsonOf(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		return "" // values come from JSON
	}
	return string(b)
}
