package console

import (
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"

	"github.com/gin-gonic/gin"
)

func paramID(id string) gin.Param { return gin.Param{Key: "id", Value: id} }

// dutyRow is a duty with its clock.
type dutyRow struct {
	ID, Rule, Title, To, Urgency, State string
	Over                                bool // met, lapsed or exempt: its clock has ended
	Due, Limit, Target, Start, Met      *moment
	Provisional, Imprecise              bool
	Law, Article, Link                  string
	Secondary                           string // confidence note
	Confidence                          string
	Why                                 []string
	Anchor, AnchorNote, Reason          string
	Exempt                              string
	Must                                []templates.Requirement
	Document                            string
	Also                                []string
	by                                  *time.Time
}

func (r *request) dutyRow(d playbooks.Duty, all []playbooks.Duty) dutyRow {
	o := d.Obligation
	row := dutyRow{
		ID: d.ID, Rule: o.ID, Title: r.local(o.Title), To: r.addressee(o.Addressee), Urgency: o.Urgency, State: string(d.State),
		Over: d.State == obligation.Met || d.State == obligation.Lapsed || d.State == obligation.Exempt,
		Due:  r.until(o.Deadline), Limit: r.until(o.LegalLimit), Target: r.until(o.Target), Start: r.at(o.Start), Met: r.at(d.MetAt),
		Provisional: o.Provisional, Imprecise: o.Imprecise, Law: o.Source.Title, Article: o.Source.Article, Link: o.Source.URL,
		Secondary: o.ConfidenceNote, Confidence: o.Confidence, Why: o.Why[r.Locale], Anchor: r.anchor(o.Anchor, all), AnchorNote: o.AnchorNote,
		Reason: playbooks.Say(d.Reason, r.Locale), Must: o.Requirements, Document: d.MetBy, by: o.Deadline,
	}
	if row.Why == nil {
		row.Why = o.Because
	}
	if o.Exempt != nil {
		if row.Exempt = r.local(o.Exempt.Texts); row.Exempt == "" {
			row.Exempt = o.Exempt.Text
		}
	}
	for _, a := range o.OtherAddressee {
		row.Also = append(row.Also, r.addressee(a))
	}
	if row.by == nil {
		row.by = o.Target
	}
	return row
}

// anchor is what starts a clock, in words: a fact, or the filing of another duty's report.
func (r *request) anchor(anchor string, all []playbooks.Duty) string {
	rule, ok := strings.CutPrefix(anchor, "submitted:")
	if !ok {
		return r.factName(anchor)
	}
	for _, d := range all {
		if d.Obligation.ID == rule {
			return r.tr("clock.submitted", "title", r.local(d.Obligation.Title))
		}
	}
	return r.tr("clock.submitted", "title", rule)
}

// addressee is who a duty is owed to, in words: provincial-cac:CN-SH.
func (v *viewer) addressee(a string) string {
	kind, place, _ := strings.Cut(a, ":")
	name := v.word("addressee", kind)
	if place == "" {
		return name
	}
	return v.tr("addressee.of", "name", name, "place", v.word("region", place))
}

// nextStep is the nearest step that cannot be taken back, and what happens when nobody moves.
type nextStep struct {
	Kind     string // send, file, none
	Document documentRow
	Now      string // what it waits for, message key
	Count    int    // of gaps or approvals that it waits for
	People   int64
	Link     string
	Act      string // message key of the link
}

// nextStep picks the open document whose deadline is nearest; of those without one, the furthest on.
func (r *request) nextStep(m *incidentModel) nextStep {
	var best *documentRow
	for i := range m.Documents {
		d := &m.Documents[i]
		if over(d.State) {
			continue
		}
		if best == nil || byTime(d.by, best.by) < 0 || byTime(d.by, best.by) == 0 && progressOf(d.State) > progressOf(best.State) {
			best = d
		}
	}
	if best == nil {
		return nextStep{Kind: "none"}
	}
	n := nextStep{Kind: "file", Document: *best, Link: "/documents/" + best.ID, Act: "open"}
	if best.Kind == templates.Notice {
		n.Kind = "send"
		for _, a := range m.Audiences {
			if a.State == notify.Ready {
				n.People = a.Total
				break
			}
		}
	}
	switch {
	case best.State == notify.DocSubmitted:
		n.Now, n.Count, n.Act = "approvals", best.Needed, "review"
	case best.State == notify.DocApproved && n.Kind == "send":
		n.Now, n.Act, n.Link = "dispatch", "dispatch", n.Link+"/dispatch"
	case best.State == notify.DocApproved:
		n.Now, n.Act, n.Link = "filing", "filing", n.Link+"#filing"
	case best.Gaps > 0:
		n.Now, n.Count, n.Act = "gaps", best.Gaps, "complete"
	case n.Kind == "send" && n.People == 0:
		n.Now, n.Act, n.Link = "audience", "audience", "#audience"
	default:
		n.Now, n.Act = "submit", "submit"
	}
	return n
}

func progressOf(s notify.DocumentState) int {
	return map[notify.DocumentState]int{notify.DocDraft: 1, notify.DocReturned: 1, notify.DocSubmitted: 2, notify.DocApproved: 3}[s]
}

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
		line := factLine{Path: path, Name: r.factName(path), Value: r.value(f.Value), Source: r.source(f), At: r.at(&f.At),
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
	w := factWord{Value: r.value(f.Value), Source: r.source(f), At: r.at(&f.At), Revision: f.Revision}
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

// entryRow is one ledger entry in words.
type entryRow struct {
	Seq             int64
	Kind, Text, By  string
	Detail          []string
	At              *moment
	Link            string
	Hash            string
	Document, State string
}

func (r *request) entryRows(entries []evidence.Entry) []entryRow {
	out := make([]entryRow, 0, len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		out = append(out, r.entryRow(entries[i]))
	}
	return out
}

func (r *request) entryRow(e evidence.Entry) entryRow {
	row := entryRow{Seq: e.Seq, Kind: e.Kind, Text: r.word("ledger", e.Kind), By: r.actor(e.Actor), At: r.at(&e.At), Hash: e.Hash}
	say := func(key, value string) {
		if value != "" {
			row.Detail = append(row.Detail, r.tr("detail."+key, "v", value))
		}
	}
	say("rule", e.Refs["rule"])
	if a := e.Refs["addressee"]; a != "" {
		say("addressee", r.addressee(a))
	}
	if n := e.Refs["count"]; n != "" && e.Kind != "derivation.made" {
		say("count", thousands(n))
	}
	if s := e.Refs["state"]; s != "" {
		say("state", r.word("state", s))
	}
	if c := e.Refs["reason_code"]; c != "" && c != "person" {
		say("reason", r.word("reason", c))
	}
	if d := e.Refs["digest"]; d != "" && len(d) >= 16 {
		say("digest", d[:16])
	}
	if d := e.Refs["document"]; d != "" {
		row.Link = "/documents/" + d
	}
	if d := e.Refs["dispatch"]; d != "" {
		row.Link = "/dispatches/" + d
	}
	return row
}
