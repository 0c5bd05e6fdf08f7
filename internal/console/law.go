package console

import (
	"net/http"
	"slices"
	"strings"

	"tocsin/playbooks/obligation"
)

// lawModel is the rules as data, those that are off with the reason.
type lawModel struct {
	page
	Places []pick
	Show   []pick // all, on, off
	Search string
	Count  int
	Laws   []lawGroup
	Open   bool // so few that all are read at once
}

const rulesAtOnce = 25

// lawGroup is the rules of one law.
type lawGroup struct {
	Law, Place, Link string
	Rules            []ruleRow
}

type ruleRow struct {
	ID, Title, Deadline, Anchor, Article, Confidence string
	Addressees, Off, Note                            string
	Voluntary                                        bool
	Earlier                                          bool // another version of a rule that stands above
}

func (r *request) lawPage() error {
	m := &lawModel{page: r.page("law.title"), Search: strings.TrimSpace(r.Query("q"))}
	m.Nav = "law"
	where, show := r.Query("in"), r.Query("show")
	var places []string
	for _, rule := range r.Playbooks.Law() {
		if !slices.Contains(places, rule.Jurisdiction) {
			places = append(places, rule.Jurisdiction)
		}
		if where != "" && rule.Jurisdiction != where || show == "on" && rule.Off != nil || show == "off" && rule.Off == nil {
			continue
		}
		if row := r.ruleRow(rule); row.mentions(m.Search, rule.Source.Title) {
			m.add(row, rule, r.place(rule.Jurisdiction))
		}
	}
	m.Places = append(m.Places, pick{Text: r.tr("law.all"), Chosen: where == ""})
	for _, p := range places {
		m.Places = append(m.Places, pick{Value: p, Text: r.place(p), Chosen: where == p})
	}
	m.Show = []pick{{Text: r.tr("law.all"), Chosen: show == ""}, {Value: "on", Text: r.tr("law.on"), Chosen: show == "on"}, {Value: "off", Text: r.tr("law.off"), Chosen: show == "off"}}
	m.Open = m.Count <= rulesAtOnce
	r.show(http.StatusOK, "law", m)
	return nil
}

// place is a jurisdiction by the first part of its rules' ids.
func (v *viewer) place(code string) string {
	if name := v.word("place", code); name != code {
		return name
	}
	return v.region(code)
}

func (m *lawModel) add(row ruleRow, rule obligation.RuleInfo, place string) {
	i := slices.IndexFunc(m.Laws, func(g lawGroup) bool { return g.Law == rule.Source.Title && g.Place == place })
	if i < 0 {
		i = len(m.Laws)
		m.Laws = append(m.Laws, lawGroup{Law: rule.Source.Title, Place: place, Link: rule.Source.URL})
	}
	row.Earlier = slices.ContainsFunc(m.Laws[i].Rules, func(o ruleRow) bool { return o.ID == row.ID })
	m.Laws[i].Rules = append(m.Laws[i].Rules, row)
	m.Count++
}

func (r *request) ruleRow(rule obligation.RuleInfo) ruleRow {
	row := ruleRow{ID: rule.ID, Title: r.local(rule.Title), Deadline: r.allowed(rule.Deadline), Article: rule.Source.Article, Confidence: rule.Confidence,
		Off: r.local(rule.Off), Note: r.local(rule.Note), Voluntary: rule.Voluntary}
	names := func(ids []string, name func(string) string) string {
		out := make([]string, len(ids))
		for i, id := range ids {
			out[i] = name(id)
		}
		return strings.Join(out, r.tr("list.comma"))
	}
	row.Anchor = names(strings.Split(rule.Anchor, ", "), r.anchor)
	row.Addressees = names(rule.Addressees, func(id string) string {
		base, _, _ := strings.Cut(id, ":")
		return r.addressee(base)
	})
	return row
}

// allowed is the time that a law gives, in the reader's language, from what lists say:
// "4 hours, at most 24 hours from aware_at; by law 4 dora; public-security: not later than <rule>".
func (r *request) allowed(text string) string {
	var out []string
	for part := range strings.SplitSeq(text, "; ") {
		limit, legal := strings.CutPrefix(part, "by law ")
		whom, theirs, apart := strings.Cut(part, ": ")
		switch {
		case legal:
			part = r.tr("law.limit", "time", r.capped(limit))
			if len(out) == 1 && r.capped(limit) == out[0] {
				continue
			}
		case apart:
			part = r.addressee(whom) + r.tr("list.colon") + r.capped(theirs)
		default:
			part = r.capped(part)
		}
		out = append(out, part)
	}
	return strings.Join(out, r.tr("list.semicolon"))
}

// forSome ends a period, or its cap, that holds under a condition.
const forSome = " (for some)"

func (r *request) capped(text string) string {
	if rest, some := strings.CutSuffix(text, forSome); some {
		return r.tr("law.for-some", "time", r.capped(rest))
	}
	text, most, isCapped := strings.Cut(text, ", at most ")
	if !isCapped {
		return r.period(text)
	}
	most, from, ok := strings.Cut(most, " from ")
	most, some := strings.CutSuffix(most, " (for some)")
	if most = r.period(most); some {
		most = r.tr("law.for-some", "time", most)
	}
	if ok {
		most = r.tr("law.from", "time", most, "anchor", r.anchor(from))
	}
	return r.period(text) + r.tr("list.comma") + r.tr("law.at-most", "time", most)
}

func (r *request) period(text string) string {
	if rest, some := strings.CutSuffix(text, forSome); some {
		return r.tr("law.for-some", "time", r.period(rest))
	}
	if rule, ok := strings.CutPrefix(text, "not later than "); ok {
		return r.tr("law.with", "what", r.ruleTitle(rule))
	}
	if rule, ok := strings.CutPrefix(text, "before "); ok {
		return r.tr("law.before", "what", r.ruleTitle(rule))
	}
	if anchor, ok := strings.CutPrefix(text, "at "); ok {
		return r.anchor(anchor)
	}
	n, unit, ok := strings.Cut(text, " ")
	if count := r.words[r.Locale]["count."+unit]; ok && count != "" {
		return strings.ReplaceAll(count, "{n}", n)
	}
	return r.word("urgency", text)
}

// mentions searches what the row shows.
func (row ruleRow) mentions(words, law string) bool {
	text := strings.ToLower(strings.Join([]string{row.ID, row.Title, law, row.Addressees, row.Note, row.Off}, " "))
	for word := range strings.FieldsSeq(strings.ToLower(words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
