package console

import (
	"net/http"
	"slices"
	"strings"

	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// dutyModel is one duty whole: why it is owed, how its clock is counted, what was decided about it.
type dutyModel struct {
	page
	forms
	Incident   incidentRow
	Row        dutyRow
	Explained  *obligation.Explanation
	Contacts   []contactRow
	Exemptions []exemptionRow
	HoldText   string // the delay that the law allows; "" when it allows none
	HoldLaw    string
	Later      bool // a later deadline waits to be accepted
	Stands     bool // an exemption or hold that can be ended
	Undertake  bool // voluntary, and nobody has chosen to do it yet
	MayDecide  bool
	Decisions  []decisionRow
	Documents  []documentRow // made to meet it
	Filings    []filingRow
	Letter     string // address of the letter that it answers
	Now        string
}

type contactRow struct {
	By, Value, Note, Source, Confidence string
	Link                                string // of a telephone, a mailbox or a site
	Own                                 bool   // entered by the operator
}

type exemptionRow struct {
	ID, Text, Lifts, Keeps, Law, Article string
	Possible                             bool // the facts allow it
}

func (r *request) dutyPage() error { return r.showDuty(http.StatusOK, nil) }

func (r *request) showDuty(status int, bad forms) error {
	duty, v, err := r.Playbooks.Duty(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	r.know(v.Duties)
	explained, err := r.Playbooks.ExplainDuty(r.ctx(), r.scope, duty, r.Locale)
	if err != nil {
		return err
	}
	m := &dutyModel{page: r.page("duty.title"), forms: bad, Incident: r.incidentRow(v.Incident), Row: r.dutyRow(duty), Explained: explained,
		Later: duty.Reason == playbooks.EarlierStands, Stands: duty.Decision != "" || duty.Conflict != "", MayDecide: r.mayDecide(), Now: r.input(r.now)}
	m.Title, m.Nav, m.Listen, m.Back = m.Row.Title, "incidents", string(v.Incident.ID), "/duties/"+duty.ID
	m.Undertake = duty.Obligation.Voluntary && !duty.Undertaken && !m.Row.Over && r.Can("work")
	m.law(r, duty.Obligation)
	for _, d := range v.Decisions {
		if d.Duty == duty.ID {
			m.Decisions = append(m.Decisions, r.decisionRow(d))
		}
	}
	if i := slices.IndexFunc(v.Letters, func(l playbooks.LetterView) bool { return l.Duty == duty.ID }); i >= 0 {
		m.Letter = letterAt(v.Letters[i].Letter)
	}
	if err := r.papersOf(m, duty, v); err != nil {
		return err
	}
	r.show(status, "duty", m)
	return nil
}

// law shows whom to reach, and what the law lets people decide.
func (m *dutyModel) law(r *request, o obligation.Obligation) {
	for _, c := range o.Contacts {
		m.Contacts = append(m.Contacts, r.contactRow(c))
	}
	for _, x := range o.Exemptions {
		m.Exemptions = append(m.Exemptions, exemptionRow{ID: x.ID, Text: r.local(x.Texts), Lifts: r.local(x.Lifts), Keeps: r.local(x.Keeps),
			Law: x.Source.Title, Article: x.Source.Article, Possible: o.Exempt != nil && o.Exempt.ID == x.ID})
	}
	if o.Hold != nil {
		m.HoldText, m.HoldLaw = r.local(o.Hold.Texts), o.Hold.Source.Title
	}
}

// papersOf are the documents made for a duty, with the chain by which they reached its addressee.
func (r *request) papersOf(m *dutyModel, duty playbooks.Duty, v playbooks.View) error {
	documents, err := r.Notify.Documents(r.ctx(), r.scope, v.Incident.ID)
	if err != nil {
		return err
	}
	for _, d := range documents {
		if slices.Contains(d.Duties, duty.ID) {
			m.Documents = append(m.Documents, r.documentRow(d, v.Duties))
			m.Filings = append(m.Filings, r.filingRows(d)...)
		}
	}
	return nil
}

func (r *request) filingRows(d notify.DocumentView) (rows []filingRow) {
	for _, f := range d.Filings {
		rows = append(rows, filingRow{State: string(f.State), Via: r.word("via", f.Via), Addressee: r.addressee(f.Addressee), Contact: f.Contact,
			Receipt: f.Receipt, By: r.person(f.By), Note: f.Note, At: r.at(&f.FiledAt), Proof: f.File != "", Sealed: f.Sealed, Ahead: f.Standing})
	}
	return rows
}

func (r *request) contactRow(c obligation.Contact) contactRow {
	row := contactRow{By: c.By, Value: c.Value, Note: r.local(c.Note), Source: c.Source, Confidence: c.Confidence, Own: c.Source == ""}
	switch {
	case c.By == "phone":
		row.Link = "tel:" + strings.ReplaceAll(c.Value, " ", "")
	case c.By == "mail":
		row.Link = "mailto:" + c.Value
	case strings.HasPrefix(c.Value, "https://"):
		row.Link = c.Value
	}
	return row
}

// undertake has a voluntary duty worked off.
func (r *request) undertake() error {
	if _, err := r.Playbooks.Undertake(r.ctx(), r.scope, r.Param("id")); err != nil {
		return r.againDuty("undertake", err)
	}
	return r.done("/duties/"+r.Param("id"), "undertaken")
}

func (r *request) againDuty(name string, err error) error {
	bad := r.rejected(name, err)
	if bad == nil {
		return err
	}
	return r.showDuty(bad[name].Status, bad)
}
