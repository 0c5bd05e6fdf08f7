package console

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// dispatchRow is a dispatch with its states as shares of a bar.
type dispatchRow struct {
	ID, Notice     string
	State          notify.DispatchState
	Halted         string // why the machine paused it; "" when a person did
	Reason         string
	HeldBy         string // who paused or stopped it
	HeldAt         *moment
	Phase          notify.Phase
	Total, Told    int64
	Percent        string
	Bars           []bar
	Rate           string
	ETA, From, End *moment
	Waits          *moment // when the last who wait for their time are due
	By             string
	Duplicates     int64
	Mode           incident.Mode
	Extends        bool
}

// bar is one state's share, placed on a line of a thousand units.
type bar struct {
	State       string
	Count       int64
	From, Width float64
}

func (r *request) dispatchRow(p notify.Progress) dispatchRow {
	row := dispatchRow{ID: p.ID, Notice: p.Notice, State: p.State, Halted: p.Flow.Halted, Reason: r.word("reason", p.Reason), HeldAt: r.at(p.Flow.HeldAt), Phase: p.Flow.Phase,
		Total: p.Total, Told: p.Total - p.People.Pending - p.People.Stopped, From: r.at(&p.StartedAt), End: r.at(p.EndedAt), By: r.person(p.StartedBy),
		Duplicates: p.Duplicates, Mode: p.Mode, Extends: p.Extends != ""}
	if p.EndedAt != nil || p.State == notify.DispRunning && p.Flow.Phase != notify.PhaseWatching { // what stands still has no speed
		row.Rate = rateText(p.Rate)
	}
	if p.Flow.HeldBy != "" {
		row.HeldBy = r.person(p.Flow.HeldBy)
	}
	if p.State == notify.DispRunning {
		row.Waits = r.until(p.WaitsUntil)
		if p.People.Pending > 0 {
			row.ETA = r.until(p.ETA)
		}
	}
	row.Percent = "100"
	if p.Total > 0 {
		row.Percent = strconv.FormatInt(row.Told*100/p.Total, 10)
	}
	row.Bars = bars(p.Total, []bar{{State: "read", Count: p.People.Read}, {State: "delivered", Count: p.People.Delivered}, {State: "accepted", Count: p.People.Accepted},
		{State: "in_doubt", Count: p.People.InDoubt}, {State: "failed", Count: p.People.Failed}, {State: "pending", Count: p.People.Pending}, {State: "stopped", Count: p.People.Stopped}})
	return row
}

// bars places counts on the line, one after another.
func bars(total int64, all []bar) []bar {
	at := 0.0
	for i, s := range all {
		if total > 0 {
			all[i].From, all[i].Width = at, float64(s.Count)*1000/float64(total)
			at += all[i].Width
		}
	}
	return all
}

// barStates are the states of a bar, from the best to what has not begun.
var barStates = []string{"read", "delivered", "accepted", "in_doubt", "failed", "pending", "sending", "stopped"}

// channelRow is how one channel of a dispatch gets on.
type channelRow struct {
	Channel           string
	Bars              []bar
	Tried, Complaints int64
	First             int64 // people whose first channel it is; 0: not known
	Rate              string
	ETA               *moment
	Public, Began     bool
}

type deliveryRow struct {
	Person                              int64
	Channel, State, Class, Code, Number string
	Provider                            string
	Address, Attempt                    int // Address: from 2 on; 0 the first
	Superseded, Doubt                   bool
	At                                  *moment
}

func (v *viewer) deliveryRow(d notify.Delivery) deliveryRow {
	row := deliveryRow{Person: d.Seq, Channel: d.Channel, State: d.State.String(), Class: string(d.Class), Code: d.Code, Number: d.ProviderID, Provider: d.Provider,
		Address: notify.Nth(d.Address), Attempt: d.Attempt, Superseded: d.Superseded, Doubt: d.Doubt}
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
	Phases     []phaseStep
	Margin     *margin
	Paused     []providerRow // providers of its channels that take nothing now
	Course     *courseModel
	Channels   []channelRow
	List       string // what is listed
	Deliveries []deliveryRow
	After      int64
	Found      []toldRow
	Searched   bool
	Reconciled reconciledRow
	Additions  []additionRow
	First      string // the notice that additions are made to
	Base       string // audience that the next addition leaves out
	Unreached  int64
	Complaints int64
	Traps      int64
	Moving     bool
}

// phaseStep is one phase of a dispatch with a first wave.
type phaseStep struct {
	Key, State string // State: done, now, next
	People     int64
	Until      *moment
}

// margin is how long before its deadline a dispatch ends, or ended.
type margin struct {
	Text     string
	Late     bool
	Deadline *moment
}

func (r *request) dispatchPage() error { return r.showDispatch(http.StatusOK, nil, nil) }

func (r *request) showDispatch(status int, bad forms, found []notify.Told) error {
	p, err := r.Notify.Progress(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	d, err := r.Notify.Document(r.ctx(), r.scope, p.Notice)
	if err != nil {
		return err
	}
	v, err := r.incident(p.Incident)
	if err != nil {
		return err
	}
	m := &dispatchModel{page: r.page("dispatch.title"), forms: bad, Row: r.dispatchRow(p), Document: r.documentRow(d, v.Duties), Incident: r.incidentRow(v.Incident),
		Phases: r.phases(p), Course: r.course(p.Course, p.Channels, false), Channels: r.channels(p), Searched: found != nil, Unreached: p.People.Failed,
		Moving: p.State == notify.DispRunning}
	m.Title, m.Nav, m.Listen, m.Back = r.tr("dispatch.title"), "incidents", string(p.Incident), "/dispatches/"+p.ID
	if m.Moving {
		m.Refresh = 5
	}
	if p.Margin != nil {
		m.Margin = &margin{Text: r.length(p.Margin.Abs()), Late: *p.Margin < 0, Deadline: r.at(p.Deadline)}
	}
	m.Traps = p.Traps
	for _, n := range p.Complaints {
		m.Complaints += n
	}
	for _, one := range found {
		m.Found = append(m.Found, r.toldRow(one))
	}
	if err := errors.Join(r.pausedWays(m, p), r.reconciled(m, p), r.additions(m, p, d), r.listed(m, p)); err != nil {
		return err
	}
	r.show(status, "dispatch", m)
	return nil
}

// phases are none without a first wave.
func (r *request) phases(p notify.Progress) []phaseStep {
	if p.Course.Canary == 0 || int64(p.Course.Canary) >= p.Total {
		return nil
	}
	now := map[notify.Phase]int{notify.PhaseCanary: 0, notify.PhaseWatching: 1}
	at, waits := now[p.Flow.Phase]
	if !waits {
		at = 2
	}
	steps := []phaseStep{{Key: "wave", People: int64(p.Course.Canary)}, {Key: "watch"}, {Key: "all", People: p.Total - int64(p.Course.Canary)}}
	for i := range steps {
		switch {
		case i < at || i == at && p.State == notify.DispDone:
			steps[i].State = "done"
		case i == at:
			steps[i].State = "now"
		default:
			steps[i].State = "next"
		}
	}
	if p.State == notify.DispRunning {
		steps[1].Until = r.until(p.Flow.WatchUntil)
	}
	return steps
}

// channels are the ways of a dispatch, each with the states of its deliveries.
func (r *request) channels(p notify.Progress) (out []channelRow) {
	for _, ch := range p.Channels {
		row := channelRow{Channel: ch, Public: ch == templates.Announcement, Complaints: p.Complaints[ch]}
		pace := p.Pace[ch]
		row.First = pace.First
		if pace.Tried < pace.First { // who comes later comes from another channel, when that fails
			row.ETA = r.until(pace.ETA)
			if p.Flow.Phase != notify.PhaseWatching { // what is watched stands still
				row.Rate = rateText(pace.Rate)
			}
		}
		total := int64(0)
		var all []bar
		for _, s := range barStates {
			if n := p.ByChannel[ch][s]; n > 0 {
				all, total = append(all, bar{State: s, Count: n}), total+n
			}
		}
		row.Tried, row.Began = total-p.ByChannel[ch]["pending"]-p.ByChannel[ch]["stopped"], total > 0
		if rest := pace.First - total; rest > 0 {
			all, total = append(all, bar{State: "pending", Count: rest}), pace.First
		}
		row.Bars = bars(total, all)
		out = append(out, row)
	}
	return out
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
	for s := notify.Pending; s <= notify.Complained; s++ {
		if s.String() == m.List {
			state = &s
		}
	}
	var list []notify.Delivery
	switch {
	case m.List == "unreachable":
		list, err = r.Notify.Unreachable(r.ctx(), r.scope, p.ID, after, deliveriesAtOnce)
	case state != nil || m.List == "duplicates":
		list, err = r.Notify.Deliveries(r.ctx(), r.scope, p.ID, state, m.List == "duplicates", after, deliveriesAtOnce)
	default:
		m.List = ""
		return nil
	}
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
		why, err := r.why()
		if err == nil {
			_, err = r.Notify.Pause(r.ctx(), r.scope, r.Param("id"), why)
		}
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
		why, err := r.why()
		if err == nil {
			_, err = r.Notify.Stop(r.ctx(), r.scope, r.Param("id"), why)
		}
		return err
	})
}

// why is the reason that a form gives.
func (r *request) why() (string, error) {
	reason := strings.TrimSpace(r.PostForm("reason"))
	if reason == "" {
		return "", incident.InvalidInput([]incident.Problem{{Pointer: "/reason", Rule: "required", Message: "say why"}})
	}
	return reason, nil
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
