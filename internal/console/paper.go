package console

import (
	"slices"
	"time"

	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// documentRow is a notice or report in a list.
type documentRow struct {
	ID, Title, To string
	Kind          templates.Kind
	State         notify.DocumentState
	Due           *moment // the nearest legal deadline of the duties it meets
	Aim           *moment // the operator's own time, where it is another one
	Gaps, Needed  int
	Stale         bool
	Channels      []string
	CanApprove    bool
	Ahead         bool // filed before approval, and not reviewed yet
	by            *time.Time
}

func (r *request) documentRow(d notify.DocumentView, duties []playbooks.Duty) documentRow {
	row := documentRow{ID: d.ID, Title: r.local(d.Title), Kind: d.Kind, State: d.State, Gaps: gaps(d), Needed: d.Needed,
		Stale: len(d.Stale) > 0, Channels: d.Channels, CanApprove: d.CanApprove}
	if d.Addressee != "" {
		row.To = r.addressee(d.Addressee)
	}
	row.Ahead = d.Ahead != "" && d.State == notify.DocFiled
	if over(d.State) {
		return row
	}
	law := deadline(d, duties)
	row.Due, row.by = r.until(law), law
	if aim := d.Policy.Deadline; aim != nil && (law == nil || !aim.Equal(*law)) {
		row.Aim = r.until(aim)
		if law == nil {
			row.by = aim
		}
	}
	return row
}

// deadline is the nearest legal one among the duties that a document meets.
func deadline(d notify.DocumentView, duties []playbooks.Duty) (first *time.Time) {
	for _, duty := range duties {
		if slices.Contains(d.Duties, duty.ID) && duty.State != obligation.Lapsed && byTime(duty.Obligation.Deadline, first) < 0 {
			first = duty.Obligation.Deadline
		}
	}
	return first
}

// gaps counts requirements that are not met in any locale, each once.
func gaps(d notify.DocumentView) int {
	open := map[string]bool{}
	for _, g := range d.Gaps {
		open[g.Requirement.ID] = true
	}
	return len(open)
}

// over says that a document's life has ended.
func over(s notify.DocumentState) bool {
	return s == notify.DocDispatched || s == notify.DocFiled || s == notify.DocWithdrawn
}

// paperGroup is documents that a reader looks at together.
type paperGroup struct {
	Key  string // now, later, over; "" when there are so few that nothing is folded away
	Rows []documentRow
}

const papersAtOnce = 8

// groupPapers keeps in sight what has a deadline or has left its author's desk.
func groupPapers(all []documentRow) []paperGroup {
	if len(all) <= papersAtOnce {
		return []paperGroup{{Rows: all}}
	}
	groups := []paperGroup{{Key: "now"}, {Key: "later"}, {Key: "over"}}
	for _, d := range all {
		i := 0
		switch {
		case over(d.State):
			i = 2
		case d.State == notify.DocDraft && d.by == nil:
			i = 1
		}
		groups[i].Rows = append(groups[i].Rows, d)
	}
	return slices.DeleteFunc(groups, func(g paperGroup) bool { return len(g.Rows) == 0 })
}
