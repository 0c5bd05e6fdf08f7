package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// customersModel is the controllers for whom the operator processes, each with its own clock.
type customersModel struct {
	page
	forms
	Incident  incidentRow
	Customers []customerRow
	Told      int
	Lines     string // the list as the form takes it
	Now       string
}

type customerRow struct {
	ID, Residents string
	People        int64
	Told          *moment
	Ours          []dutyRow // what we owe it
	Theirs        []theirRow
	Next          *moment // the nearest of its own deadlines
}

// theirRow is what the customer itself owes from the moment it was told.
type theirRow struct {
	Title, To, Urgency string
	Due                *moment
}

func (r *request) customersPage() error { return r.showCustomers(http.StatusOK, nil) }

func (r *request) showCustomers(status int, bad forms) error {
	v, err := r.incident(incident.ID(r.Param("id")))
	if err != nil {
		return err
	}
	m := &customersModel{page: r.page("customers.title"), forms: bad, Incident: r.incidentRow(v.Incident), Now: r.input(r.now)}
	m.Nav, m.Back, m.Listen = "incidents", "/incidents/"+r.Param("id")+"/customers", r.Param("id")
	ours, theirs := map[string][]dutyRow{}, map[string]obligation.Customer{}
	for _, d := range v.Duties {
		if _, customer, ok := strings.Cut(d.Obligation.Addressee, ":"); ok {
			ours[customer] = append(ours[customer], r.dutyRow(d))
		}
	}
	if v.Derivation != nil {
		for _, c := range v.Derivation.Result.Customers {
			theirs[c.ID] = c
		}
	}
	for _, c := range playbooks.Customers(v.Snapshot) {
		row := customerRow{ID: c.ID, Residents: r.regions(c.Residents), Told: r.at(c.ToldAt), Ours: ours[c.ID]}
		line := []string{c.ID}
		if c.People != nil && *c.People > 0 {
			row.People = *c.People
			line = append(line, strconv.FormatInt(row.People, 10))
		}
		m.Lines += strings.Join(append(line, c.Residents...), ", ") + "\n"
		if c.ToldAt != nil {
			m.Told++
		}
		if their, told := theirs[c.ID]; told {
			r.theirClocks(&row, their)
		}
		m.Customers = append(m.Customers, row)
	}
	r.show(status, "customers", m)
	return nil
}

func (r *request) theirClocks(row *customerRow, c obligation.Customer) {
	duties := slices.SortedStableFunc(slices.Values(c.Obligations), func(a, b obligation.Obligation) int { return byTime(a.Deadline, b.Deadline) })
	for i, o := range duties {
		if i == 0 {
			row.Next = r.until(o.Deadline)
		}
		row.Theirs = append(row.Theirs, theirRow{Title: r.local(o.Title), To: r.addresseeOf(o), Urgency: o.Urgency, Due: r.at(o.Deadline)})
	}
}

func (r *request) regions(codes []string) string {
	names := make([]string, len(codes))
	for i, c := range codes {
		names[i] = r.region(c)
	}
	return strings.Join(names, r.tr("list.comma"))
}

// importCustomers takes a list, one customer a line: id, and after commas its people and their countries.
func (r *request) importCustomers() error {
	var list []playbooks.Customer
	var problems []incident.Problem
	for i, line := range strings.Split(strings.ReplaceAll(r.PostForm("customers"), "\r", ""), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		fields := strings.Split(line, ",")
		c := playbooks.Customer{ID: strings.TrimSpace(fields[0])}
		for _, field := range fields[1:] {
			field = strings.TrimSpace(field)
			if n, err := strconv.ParseInt(field, 10, 64); err == nil && n >= 0 {
				c.People = &n
			} else if field != "" {
				c.Residents = append(c.Residents, strings.ToUpper(field))
			}
		}
		if c.ID == "" {
			problems = append(problems, incident.Problem{Pointer: "/customers", Rule: "id", Message: r.tr("customers.line", "n", i+1)})
		}
		list = append(list, c)
	}
	err := error(nil)
	if len(problems) > 0 {
		err = incident.InvalidInput(problems)
	} else {
		_, err = r.Playbooks.ImportCustomers(r.ctx(), r.scope, incident.ID(r.Param("id")), list, strings.TrimSpace(r.PostForm("reason")))
	}
	if err != nil {
		return r.againCustomers("import", err)
	}
	return r.done("/incidents/"+r.Param("id")+"/customers", "customers")
}

// tellCustomer records that a customer was told.
func (r *request) tellCustomer() error {
	at := r.now
	if t := r.formTime("at"); t != nil {
		at = *t
	}
	customer := r.PostForm("customer")
	if _, err := r.Playbooks.TellCustomer(r.ctx(), r.scope, incident.ID(r.Param("id")), customer, at, strings.TrimSpace(r.PostForm("how"))); err != nil {
		return r.againCustomers("tell."+customer, err)
	}
	return r.done("/incidents/"+r.Param("id")+"/customers", "told")
}

func (r *request) againCustomers(name string, err error) error {
	bad := r.rejected(name, err)
	if bad == nil {
		return err
	}
	return r.showCustomers(bad[name].Status, bad)
}
