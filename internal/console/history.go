package console

import (
	"strings"

	"tocsin/incident"
	"tocsin/playbooks"
)

// factLine is one fact with what was said about it.
type factLine struct {
	Path, Name, Value, Certainty, Source string
	At                                   *moment
	Claimed, Unknown                     bool
	History                              []factWord
	Field                                factField
}

type factWord struct {
	Value, Source, Certainty string
	At                       *moment
	Revision                 int64
}

type conflict struct {
	Name  string
	Words []factWord
}

func (r *request) factLines(v playbooks.View) (out []factLine, conflicts []conflict) {
	history := map[string][]factWord{}
	for _, f := range v.History {
		history[f.Path] = append(history[f.Path], r.factWord(f))
	}
	for _, path := range factOrder(v.Snapshot) {
		f := v.Snapshot.Facts[path]
		line := factLine{Path: path, Name: r.factName(path), Value: r.value(path, f.Value), Source: r.source(f), At: r.at(&f.At),
			Claimed: f.Certainty == incident.Claimed, Unknown: f.Value == nil, History: history[path], Field: r.factField(path, v.Snapshot)}
		if f.Certainty != "" {
			line.Certainty = r.word("certainty", f.Certainty)
		}
		out = append(out, line)
	}
	for _, d := range v.Snapshot.Disagreements {
		c := conflict{Name: r.factName(d.Path)}
		for _, f := range d.Facts {
			c.Words = append(c.Words, r.factWord(f))
		}
		conflicts = append(conflicts, c)
	}
	return out, conflicts
}

// factOrder is that of the vocabulary; the incident's own words are shown elsewhere.
func factOrder(s incident.Snapshot) (out []string) {
	for _, e := range incident.Vocabulary() {
		prefix, wild := strings.CutSuffix(e.Path, "*")
		if !wild {
			if _, ok := s.Facts[e.Path]; ok {
				out = append(out, e.Path)
			}
			continue
		}
		for _, path := range sorted(s.Facts) {
			if strings.HasPrefix(path, prefix) {
				out = append(out, path)
			}
		}
	}
	return out
}

func (r *request) factWord(f incident.Fact) factWord {
	w := factWord{Value: r.value(f.Path, f.Value), Source: r.source(f), At: r.at(&f.At), Revision: f.Revision}
	if f.Certainty != "" {
		w.Certainty = r.word("certainty", f.Certainty)
	}
	return w
}

// source is who said a fact.
func (r *request) source(f incident.Fact) string {
	switch f.Source {
	case incident.SourcePerson:
		return r.actor(f.Actor)
	case incident.SourceTocsin, incident.SourceReceipt:
		return r.word("source", f.Source)
	}
	return r.tr("people.tool", "name", f.Source)
}
