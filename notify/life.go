package notify

import (
	"slices"

	"tocsin/incident"
	"tocsin/templates"
)

// step is one thing that can happen to a document.
type step string

const (
	stepRedraft  step = "redraft" // the system drafts anew what no person has touched
	stepEdit     step = "edit"
	stepSubmit   step = "submit"
	stepApprove  step = "approve" // the approval that completes the quorum
	stepReopen   step = "reopen"  // a stricter policy makes the approvals too few
	stepReturn   step = "return"
	stepWithdraw step = "withdraw"
	stepDispatch step = "dispatch" // notices only
	stepFile     step = "file"     // reports only
	stepAhead    step = "ahead"    // filed before approval under a standing authorisation
	stepRefuse   step = "refuse"   // the authority returns what was filed
)

// life is every transition a document can make; what is not here is refused.
var life = map[DocumentState]map[step]DocumentState{
	DocDraft: {
		stepRedraft: DocDraft, stepEdit: DocDraft, stepSubmit: DocSubmitted, stepWithdraw: DocWithdrawn,
	},
	DocReturned: {
		stepEdit: DocDraft, stepSubmit: DocSubmitted, stepWithdraw: DocWithdrawn,
	},
	DocSubmitted: {
		stepEdit: DocDraft, stepApprove: DocApproved, stepReturn: DocReturned, stepWithdraw: DocWithdrawn,
		stepAhead: DocFiled,
	},
	DocApproved: {
		stepEdit: DocDraft, stepReopen: DocSubmitted, stepReturn: DocReturned, stepWithdraw: DocWithdrawn,
		stepDispatch: DocDispatched, stepFile: DocFiled,
	},
	DocFiled: {stepReturn: DocReturned, stepRefuse: DocReturned}, // a new version of the report follows
}

// stepsOf holds the steps that only one kind of document takes.
var stepsOf = map[step]templates.Kind{
	stepDispatch: templates.Notice, stepFile: templates.Report, stepAhead: templates.Report, stepRefuse: templates.Report,
}

// allows holds what depends on more than the state. What was filed ahead of its approval stands still until
// it is reviewed, and only that review can return what is filed.
func (d Document) allows(s step) bool {
	switch {
	case s == stepAhead, s == stepReturn && d.State == DocFiled:
		return d.Ahead != ""
	case d.Extends != "" && (s == stepEdit || s == stepSubmit):
		return false // its words are another's, and approved as they are
	case s == stepEdit, s == stepWithdraw:
		return d.Ahead == ""
	}
	return true
}

// after is the state that step s leads to, or a Conflict fault when the document cannot take it now.
func (d Document) after(s step) (DocumentState, error) {
	next, ok := life[d.State][s]
	if kind, only := stepsOf[s]; !ok || only && kind != d.Kind || !d.allows(s) {
		return "", incident.NewFault(incident.Conflict, "the document is %s and cannot take this step: %s", d.State, s)
	}
	return next, nil
}

// take makes the step and nothing else.
func (d *Document) take(s step) error {
	next, err := d.after(s)
	if err != nil {
		return err
	}
	d.State = next
	if next == DocReturned {
		d.Ahead = ""
	}
	return nil
}

// underReview says that people still have to look at what is filed already.
func (d Document) underReview() bool { return d.State == DocFiled && d.Ahead != "" }

// frozen reports whether the document's messages stand fixed under version Frozen.
func (d Document) frozen() bool {
	return slices.Contains([]DocumentState{DocSubmitted, DocApproved, DocDispatched, DocFiled}, d.State)
}

// authors are the submitter and every human editor. They never count towards the quorum.
func (d Document) authors() []string {
	if d.Submitter == "" {
		return d.Editors
	}
	return append(slices.Clone(d.Editors), d.Submitter)
}

// quorum is how many approvals the document needs. A draft that no person has edited needs two: to
// submit it is not to have written it, so nobody answers for its words yet.
func (d Document) quorum() int {
	least := 1
	if len(d.Editors) == 0 {
		least = 2
	}
	return max(d.Policy.Quorum, least)
}

// living are the approvals that count: of this submission, of exactly what is frozen, by different people
// who are not authors.
func (d Document) living(all []Approval) []Approval {
	var out []Approval
	for _, a := range all {
		counts := a.VoidedAt == nil && a.Version == d.Frozen && a.Digest == d.Digest.All &&
			!slices.Contains(d.authors(), a.User) &&
			!slices.ContainsFunc(out, func(b Approval) bool { return a.User == b.User })
		if counts && d.frozen() {
			out = append(out, a)
		}
	}
	return out
}

// missing is how many approvals are still needed.
func (d Document) missing(all []Approval) int {
	return max(0, d.quorum()-len(d.living(all)))
}
