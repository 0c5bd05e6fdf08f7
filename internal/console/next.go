package console

import (
	"tocsin/notify"
	"tocsin/templates"
)

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
