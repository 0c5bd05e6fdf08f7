package console

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tocsin/notify"
)

// segmentGroup is how an audience parts by one thing its people have in common.
type segmentGroup struct {
	Kind   string
	Rows   []segmentRow
	Others int // values that are not shown
}

type segmentRow struct {
	Name   string
	People int64
	Share  string
	Width  float64 // of a thousand
}

// The kinds in the order they are read, and how many values of one are shown.
var segmentKinds = []string{"all", "jurisdiction", "locale", "role", "minor", "data", "former", "customer", "zone"}

const segmentsAtOnce = 6

func (r *request) segmentGroups(all []notify.Segment) (out []segmentGroup) {
	total := int64(0)
	counts := map[string]map[string]int64{}
	for _, s := range all {
		value := s.Value
		if s.Kind == "all" {
			value, total = s.Ladder, total+s.People
		}
		if counts[s.Kind] == nil {
			counts[s.Kind] = map[string]int64{}
		}
		counts[s.Kind][value] += s.People
	}
	for _, kind := range segmentKinds {
		if g := r.segmentGroup(kind, counts[kind], total); len(g.Rows) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// segmentGroup is empty where a kind tells nothing: everybody is told in person, or nobody said.
func (r *request) segmentGroup(kind string, counts map[string]int64, total int64) segmentGroup {
	g := segmentGroup{Kind: kind}
	if len(counts) == 1 && (counts[notify.UnknownValue] > 0 || counts["person"] > 0) {
		return g
	}
	for value, people := range counts {
		row := segmentRow{Name: r.segmentName(kind, value), People: people, Share: "0"}
		if total > 0 {
			row.Share, row.Width = percent(float64(people)/float64(total)), 1000*float64(people)/float64(total)
		}
		g.Rows = append(g.Rows, row)
	}
	slices.SortFunc(g.Rows, func(a, b segmentRow) int { return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Name, b.Name)) })
	if g.Others = len(g.Rows) - segmentsAtOnce; g.Others > 0 {
		g.Rows = g.Rows[:segmentsAtOnce]
	}
	return g
}

func (v *viewer) segmentName(kind, value string) string {
	if text := v.words[v.Locale]["segment-value."+value]; text != "" {
		return text
	}
	switch kind {
	case "all":
		return v.ladderName(value)
	case "jurisdiction":
		return v.region(value)
	case "locale":
		return v.word("language", value)
	case "data":
		return v.valueWord("data", value)
	case "zone":
		return v.word("zone", value)
	}
	return value
}

// ladderName is how people can be reached, in words: push>sms>email; sms;email?.
func (v *viewer) ladderName(ladder string) string {
	var names []string
	for _, ch := range strings.FieldsFunc(ladder, func(c rune) bool { return c == '>' || c == ';' }) {
		names = append(names, v.word("channel", strings.TrimSuffix(ch, "?")))
	}
	if len(names) == 0 {
		return v.tr("segment.none")
	}
	return strings.Join(names, " → ")
}

// percent is a share of one, short and never rounded to nothing.
func percent(share float64) string {
	p := 100 * share
	switch {
	case p > 0 && p < 0.1:
		return "< 0.1"
	case p == 0 || p >= 10 || p == float64(int(p)):
		return strconv.FormatFloat(p, 'f', 0, 64)
	}
	return strconv.FormatFloat(p, 'f', 1, 64)
}
