package httpapi

import (
	"time"

	"tocsin/incident"
	"tocsin/notify"
)

type dispatchView struct {
	ID         string                      `json:"id"`
	Incident   incident.ID                 `json:"incident"`
	Notice     string                      `json:"notice"`
	Mode       incident.Mode               `json:"mode"`
	State      notify.DispatchState        `json:"state"`
	Reason     string                      `json:"reason,omitempty"`
	HeldBy     string                      `json:"held_by,omitempty" doc:"Who paused or stopped it; none: the machine, for the reason given"`
	HeldAt     *time.Time                  `json:"held_at,omitempty" doc:"When it was paused or stopped"`
	Channels   []string                    `json:"channels"`
	People     notify.Counts               `json:"people"`
	ByChannel  map[string]map[string]int64 `json:"by_channel"`
	Duplicates int64                       `json:"possible_duplicates"`
	Complaints map[string]int64            `json:"complaints,omitempty" doc:"By channel, of what arrived"`
	Traps      int64                       `json:"traps,omitempty" doc:"Addresses that are traps (honeypots): the audience is not of people alone"`
	Phase      notify.Phase                `json:"phase,omitempty" enum:"canary,watching" doc:"Of one with a first wave, until the rest follows"`
	WatchUntil *time.Time                  `json:"watch_until,omitempty"`
	Course     notify.Course               `json:"course"`
	Rate       float64                     `json:"rate" doc:"Outcomes a second over the last minute; of one that has ended, over all of it"`
	ETA        *time.Time                  `json:"eta"`
	WaitsUntil *time.Time                  `json:"waits_until,omitempty" doc:"When the last delivery is due that waits for its time: a quiet night, a retry, word of arrival"`
	Pace       map[string]notify.Pace      `json:"pace,omitempty" doc:"By channel, while it runs"`
	Deadline   *time.Time                  `json:"deadline"`
	Margin     *float64                    `json:"margin_seconds" doc:"From its end, or when it should end, to the deadline"`
	Extends    string                      `json:"extends,omitempty" doc:"The notice whose words it tells to people found later"`
	Additions  []dispatchView              `json:"additions,omitempty" doc:"The same words to people found later"`
	StartedAt  time.Time                   `json:"started_at"`
	StartedBy  string                      `json:"started_by"`
	EndedAt    *time.Time                  `json:"ended_at"`
}

func viewDispatch(p notify.Progress) dispatchView {
	v := dispatchView{ID: p.ID, Incident: p.Incident, Notice: p.Notice, Mode: p.Mode, State: p.State, Reason: p.Reason, HeldBy: p.Flow.HeldBy, HeldAt: p.Flow.HeldAt, Channels: p.Channels,
		People: p.People, ByChannel: p.ByChannel, Duplicates: p.Duplicates, Complaints: p.Complaints, Traps: p.Traps, Phase: p.Flow.Phase, WatchUntil: p.Flow.WatchUntil,
		Course: p.Course, Rate: p.Rate, ETA: p.ETA, WaitsUntil: p.WaitsUntil, Pace: p.Pace, Deadline: p.Deadline, Extends: p.Extends, StartedAt: p.StartedAt, StartedBy: p.StartedBy, EndedAt: p.EndedAt}
	if p.Margin != nil {
		left := p.Margin.Seconds()
		v.Margin = &left
	}
	if len(p.Additions) > 0 {
		v.Additions = each(p.Additions, viewDispatch)
	}
	return v
}
