package console

import (
	"slices"
	"time"

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
	Confidence                          string
	Why                                 []string
	Anchor, Reason                      string
	Exempt                              string
	Must                                []templates.Requirement
	Also                                []string
	Phrase, Note, Undated, Conflict     string
	Voluntary                           bool
	by                                  *time.Time
}

func (r *request) dutyRow(d playbooks.Duty) dutyRow {
	o := d.Obligation
	row := dutyRow{
		ID: d.ID, Rule: o.ID, Title: r.local(o.Title), To: r.addresseeOf(o), Urgency: o.Urgency, State: string(d.State),
		Over: d.State == obligation.Met || d.State == obligation.Lapsed || d.State == obligation.Exempt,
		Due:  r.until(o.Deadline), Limit: r.until(o.LegalLimit), Target: r.until(o.Target), Start: r.at(o.Start), Met: r.at(d.MetAt),
		Provisional: o.Provisional, Imprecise: o.Imprecise, Law: o.Source.Title, Article: o.Source.Article, Link: o.Source.URL,
		Confidence: o.Confidence, Why: o.Why[r.Locale], Anchor: r.anchor(o.Anchor),
		Reason: playbooks.Say(d.Reason, r.Locale), Must: once(o.Requirements), by: o.Deadline,
	}
	if d.Reason == playbooks.ReasonMet {
		row.Reason = "" // the state says so
	}
	if row.Why == nil {
		row.Why = o.Because
	}
	if o.Exempt != nil {
		if row.Exempt = r.local(o.Exempt.Texts); row.Exempt == "" {
			row.Exempt = o.Exempt.Text
		}
	}
	row.Phrase, row.Note, row.Undated, row.Voluntary = o.Phrase, r.local(o.Note), r.local(o.Undated), o.Voluntary
	row.Conflict = playbooks.Say(d.Conflict, r.Locale)
	for _, a := range o.OtherAddressee {
		row.Also = append(row.Also, r.addressee(a))
	}
	if row.by == nil {
		row.by = o.Target
	}
	return row
}

// once leaves out what the same item asks of a further block.
func once(all []templates.Requirement) (out []templates.Requirement) {
	for _, q := range all {
		if !slices.ContainsFunc(out, func(o templates.Requirement) bool { return o.ID == q.ID }) {
			out = append(out, q)
		}
	}
	return out
}

// clockGroup is duties that a reader looks at together.
type clockGroup struct {
	Key   string // counted, prompt, assess, waiting, voluntary
	Rows  []dutyRow
	Open  bool
	Short bool // a line each: the group's name says what their clocks have in common
}

// groupClocks puts first what runs out, then what is owed without a number; what is open, waits or is
// voluntary is folded away.
func groupClocks(rows []dutyRow) []clockGroup {
	groups := []clockGroup{{Key: "counted", Open: true}, {Key: "prompt", Open: true, Short: true}, {Key: "assess", Short: true}, {Key: "waiting", Short: true},
		{Key: "voluntary", Short: true}}
	for _, row := range rows {
		i := 1
		switch {
		case row.Voluntary:
			i = 4
		case row.Due != nil:
			i = 0
		case row.State == string(obligation.AssessmentOpen):
			i = 2
		case row.State == string(obligation.Waiting):
			i = 3
		}
		groups[i].Rows = append(groups[i].Rows, row)
	}
	return slices.DeleteFunc(groups, func(g clockGroup) bool { return len(g.Rows) == 0 })
}
