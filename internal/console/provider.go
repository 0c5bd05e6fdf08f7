package console

import (
	"net/http"
	"slices"
	"strconv"

	"tocsin/incident"
	"tocsin/notify"
)

// providerRow is one way out and what is known of it.
type providerRow struct {
	ID, Channel       string
	Paused            bool
	Class, Code       string
	By, Reason        string // a colleague, in whose words; "" the machine
	Since             *moment
	Measured, Allowed string // messages a second
	Regions           string // "" all
	Price             string
	Numbers           string // that it reaches; "" all
	Place             int    // in the order of failover among those that can stand in for each other
	Next              string // who takes over when it is paused; "" nobody
}

type providersModel struct {
	page
	forms
	Channels []providerGroup
}

// providerGroup is a channel with its providers in the order of failover.
type providerGroup struct {
	Channel string
	Rows    []providerRow
	Down    bool // none takes anything
}

// providerRows are all providers in the order of failover.
func (r *request) providerRows() ([]providerRow, error) {
	states, err := r.Notify.Providers(r.ctx(), r.scope)
	if err != nil {
		return nil, err
	}
	ways := r.Notify.Ways()
	at := map[string]notify.Way{}
	for _, w := range ways {
		at[w.ID] = w
	}
	out := make([]providerRow, 0, len(states))
	for i, p := range states {
		w := at[p.ID]
		row := providerRow{ID: p.ID, Channel: p.Channel, Paused: p.Paused, Class: string(p.Class), Code: p.Code, Reason: p.Reason, Since: r.at(p.Since),
			Measured: rateText(p.Rate), Allowed: rateText(w.Rate), Regions: r.regions(w.Regions), Numbers: string(w.Covers), Place: 1}
		if p.By != "" {
			row.By = r.person(p.By)
		}
		if w.Price.Currency != "" {
			row.Price = strconv.FormatFloat(w.Price.Amount, 'f', -1, 64) + " " + w.Price.Currency
		}
		for j, o := range states {
			if !at[o.ID].StandsIn(w) {
				continue
			}
			if j < i {
				row.Place++
			}
			if row.Next == "" && !o.Paused {
				row.Next = o.ID
			}
		}
		out = append(out, row)
	}
	return out, nil
}

func (r *request) providersPage() error { return r.showProviders(http.StatusOK, nil) }

func (r *request) showProviders(status int, bad forms) error {
	rows, err := r.providerRows()
	if err != nil {
		return err
	}
	m := &providersModel{page: r.page("providers.title"), forms: bad}
	m.Nav, m.Listen, m.Back = "providers", "*", "/providers"
	for _, row := range rows {
		i := slices.IndexFunc(m.Channels, func(g providerGroup) bool { return g.Channel == row.Channel })
		if i < 0 {
			i = len(m.Channels)
			m.Channels = append(m.Channels, providerGroup{Channel: row.Channel, Down: true})
		}
		m.Channels[i].Rows = append(m.Channels[i].Rows, row)
		m.Channels[i].Down = m.Channels[i].Down && row.Paused
	}
	r.show(status, "providers", m)
	return nil
}

// pausedWays are the providers of a live dispatch that take nothing now.
func (r *request) pausedWays(m *dispatchModel, p notify.Progress) error {
	if p.State != notify.DispRunning && p.State != notify.DispPaused {
		return nil
	}
	rows, err := r.providerRows()
	for _, row := range rows {
		if row.Paused && slices.Contains(p.Channels, row.Channel) {
			m.Paused = append(m.Paused, row) // the page says it where it matters, so not above as well
			m.Troubles = slices.DeleteFunc(m.Troubles, func(t trouble) bool { return t.Provider == row.ID })
		}
	}
	return err
}

func (r *request) pauseProvider() error {
	return r.setProvider("pause", func() error {
		why, err := r.why()
		if err == nil {
			_, err = r.Notify.PauseProvider(r.ctx(), r.scope, r.Param("id"), why)
		}
		return err
	})
}

func (r *request) resumeProvider() error {
	return r.setProvider("resume", func() error {
		_, err := r.Notify.ResumeProvider(r.ctx(), r.scope, r.Param("id"))
		return err
	})
}

// setProvider does it, or shows beside that provider why not.
func (r *request) setProvider(what string, do func() error) error {
	err := do()
	if err == nil {
		return r.done("/providers", "provider-"+what)
	}
	if incident.IsFault(err, incident.NotFound) {
		return err
	}
	bad := r.rejected(what+"."+r.Param("id"), err)
	if bad == nil {
		return err
	}
	return r.showProviders(bad[what+"."+r.Param("id")].Status, bad)
}
