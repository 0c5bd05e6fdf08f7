package console

import (
	"net/http"
	"slices"
	"strconv"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// dispatchRow is a dispatch with its states as shares of a bar.
type dispatchRow struct {
	ID, Notice     string
	State          notify.DispatchState
	Reason         string
	Total, Told    int64
	Percent        string
	Bars           []bar
	Rate           string
	ETA, From, End *moment
	By             string
	Duplicates     int64
	Mode           incident.Mode
}

// bar is one state's share, placed on a line of a thousand units.
type bar struct {
	State       string
	Count       int64
	From, Width float64
}

func (r *request) dispatchRow(p notify.Progress) dispatchRow {
	row := dispatchRow{ID: p.ID, Notice: p.Notice, State: p.State, Reason: r.word("reason", p.Reason), Total: p.Total, Told: p.Total - p.People.Pending - p.People.Stopped,
		From: r.at(&p.StartedAt), End: r.at(p.EndedAt), By: r.person(p.StartedBy), Duplicates: p.Duplicates, Mode: p.Mode}
	if p.State == notify.DispRunning && p.People.Pending > 0 {
		row.ETA = r.until(p.ETA)
	}
	if p.Rate > 0 {
		row.Rate = strconv.FormatFloat(p.Rate, 'f', 1, 64)
	}
	row.Percent = "100"
	if p.Total > 0 {
		row.Percent = strconv.FormatInt(row.Told*100/p.Total, 10)
	}
	at := 0.0
	for _, s := range []bar{{State: "read", Count: p.People.Read}, {State: "delivered", Count: p.People.Delivered}, {State: "accepted", Count: p.People.Accepted},
		{State: "in_doubt", Count: p.People.InDoubt}, {State: "failed", Count: p.People.Failed}, {State: "pending", Count: p.People.Pending}, {State: "stopped", Count: p.People.Stopped}} {
		if p.Total > 0 {
			s.From, s.Width = at, float64(s.Count)*1000/float64(p.Total)
			at += s.Width
		}
		row.Bars = append(row.Bars, s)
	}
	return row
}

type channelRow struct {
	Channel string
	Counts  []int64 // in the order of the header
	Public  bool
}

type deliveryRow struct {
	Person                              int64
	Channel, State, Class, Code, Number string
	Attempt                             int
	Superseded, Doubt                   bool
	At                                  *moment
}

func (v *viewer) deliveryRow(d notify.Delivery) deliveryRow {
	row := deliveryRow{Person: d.Seq + 1, Channel: d.Channel, State: d.State.String(), Class: string(d.Class), Code: d.Code, Number: d.ProviderID,
		Attempt: d.Attempt, Superseded: d.Superseded, Doubt: d.Doubt}
	if !d.At.IsZero() {
		row.At = v.at(&d.At)
	}
	return row
}

type dispatchModel struct {
	page
	forms
	Row        dispatchRow
	Document   documentRow
	Incident   incidentRow
	States     []string
	Channels   []channelRow
	List       string // state listed
	Deliveries []deliveryRow
	After      int64
	Found      []deliveryRow
	Searched   bool
	Digest     string
	Moving     bool
}

func (r *request) dispatchPage() error { return r.showDispatch(http.StatusOK, nil, nil) }

func (r *request) showDispatch(status int, bad forms, found []notify.Delivery) error {
	p, err := r.Notify.Progress(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	d, err := r.Notify.Document(r.ctx(), r.scope, p.Notice)
	if err != nil {
		return err
	}
	v, err := r.Playbooks.Incident(r.ctx(), r.scope, p.Incident)
	if err != nil {
		return err
	}
	m := &dispatchModel{page: r.page("dispatch.title"), forms: bad, Row: r.dispatchRow(p), Document: r.documentRow(d, v.Duties), Incident: r.incidentRow(v.Incident),
		Searched: found != nil, Digest: p.Digest, Moving: p.State == notify.DispRunning}
	m.Title, m.Nav, m.Listen, m.Back = r.tr("dispatch.title"), "incidents", string(p.Incident), "/dispatches/"+p.ID
	if m.Moving {
		m.Refresh = 5
	}
	r.channels(m, p)
	for _, one := range found {
		m.Found = append(m.Found, r.deliveryRow(one))
	}
	if err := r.listed(m, p); err != nil {
		return err
	}
	r.show(status, "dispatch", m)
	return nil
}

// channels is the table of deliveries by channel and state; only states that occur have a column.
func (r *request) channels(m *dispatchModel, p notify.Progress) {
	for s := notify.Pending; s <= notify.Stopped; s++ {
		for _, counts := range p.ByChannel {
			if counts[s.String()] > 0 && !slices.Contains(m.States, s.String()) {
				m.States = append(m.States, s.String())
			}
		}
	}
	for _, ch := range p.Channels {
		row := channelRow{Channel: ch, Public: ch == templates.Announcement}
		for _, s := range m.States {
			row.Counts = append(row.Counts, p.ByChannel[ch][s])
		}
		m.Channels = append(m.Channels, row)
	}
}

const deliveriesAtOnce = 50

// listed reads the list that was asked for: one state's deliveries, or the possible duplicates.
func (r *request) listed(m *dispatchModel, p notify.Progress) error {
	m.List = r.Query("list")
	after, err := strconv.ParseInt(r.DefaultQuery("after", "-1"), 10, 64)
	if err != nil {
		after = -1
	}
	var state *notify.DeliveryState
	for s := notify.Pending; s <= notify.Stopped; s++ {
		if s.String() == m.List {
			state = &s
		}
	}
	if state == nil && m.List != "duplicates" {
		m.List = ""
		return nil
	}
	list, err := r.Notify.Deliveries(r.ctx(), r.scope, p.ID, state, m.List == "duplicates", after, deliveriesAtOnce)
	if err != nil {
		return err
	}
	for _, d := range list {
		m.Deliveries = append(m.Deliveries, r.deliveryRow(d))
	}
	if len(list) >= deliveriesAtOnce {
		m.After = list[len(list)-1].Seq
	}
	return nil
}

func (r *request) pause() error {
	return r.steer("pause", func() error {
		_, err := r.Notify.Pause(r.ctx(), r.scope, r.Param("id"), r.PostForm("reason"))
		return err
	})
}

func (r *request) resume() error {
	return r.steer("resume", func() error {
		_, err := r.Notify.Resume(r.ctx(), r.scope, r.Param("id"))
		return err
	})
}

func (r *request) stop() error {
	return r.steer("stop", func() error {
		if r.PostForm("sure") == "" {
			return incident.InvalidInput([]incident.Problem{{Pointer: "/sure", Rule: "required", Message: r.tr("dispatch.confirm-stop")}})
		}
		_, err := r.Notify.Stop(r.ctx(), r.scope, r.Param("id"), r.PostForm("reason"))
		return err
	})
}

func (r *request) steer(name string, do func() error) error {
	if err := do(); err != nil {
		bad := r.rejected(name, err)
		if bad == nil {
			return err
		}
		return r.showDispatch(bad[name].Status, bad, nil)
	}
	return r.done("/dispatches/"+r.Param("id"), name)
}

// search finds what one person got. Whom it is about stands in the body, never in an address.
func (r *request) search() error {
	what := r.PostForm("who")
	key, address := what, ""
	if r.PostForm("by") == "address" {
		key, address = "", what
	}
	found, err := r.Notify.Search(r.ctx(), r.scope, r.Param("id"), key, address)
	if err != nil {
		bad := r.rejected("search", err)
		if bad == nil {
			return err
		}
		return r.showDispatch(bad["search"].Status, bad, nil)
	}
	return r.showDispatch(http.StatusOK, nil, found)
}
