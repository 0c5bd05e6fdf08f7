package notify

import (
	"context"
	"slices"
	"time"

	"tocsin/templates"
)

const paceOver = time.Minute // what a rate is told over

// paced is a dispatch's progress, with how fast it goes.
func paced(ctx context.Context, tx Tx, d Dispatch) (Progress, error) {
	p, err := progress(ctx, tx, d)
	if err != nil {
		return p, err
	}
	return p, p.pace(ctx, tx)
}

// pace says how fast the dispatch is, when it should be through, and what that leaves of the law's time.
func (p *Progress) pace(ctx context.Context, tx Tx) error {
	now := tx.Now()
	if p.EndedAt != nil {
		now = *p.EndedAt
		p.Rate = perSecond(p.People.told(), now.Sub(p.StartedAt))
		return p.margin(&now)
	}
	since := now.Add(-paceOver)
	if since.Before(p.StartedAt) {
		since = p.StartedAt
	}
	rates, err := p.rates(ctx, tx, now, since)
	if err != nil || p.State != DispRunning {
		return err
	}
	rate, watched := p.beyondWatch(now)
	if p.Flow.Phase == PhaseWatching {
		rates = map[string]float64{"": rate}
	}
	p.ETA = after(now.Add(watched), p.People.Pending, rate)
	if err := p.waits(ctx, tx); err != nil {
		return err
	}
	if err := p.byChannel(ctx, tx, now.Add(watched), rates); err != nil {
		return err
	}
	return p.margin(p.ETA)
}

// rates are how fast each channel goes by itself, and under "" what went over several together; all of it is the
// dispatch's rate.
func (p *Progress) rates(ctx context.Context, tx Tx, now, since time.Time) (map[string]float64, error) {
	out := map[string]float64{}
	for _, c := range append([]string{"", NoChannel}, p.Channels...) {
		n, from, err := tx.RecentOutcomes(ctx, p.No, c, since)
		if err != nil {
			return nil, err
		}
		out[c] = perSecond(n, now.Sub(from))
		p.Rate += out[c]
	}
	return out, nil
}

// waits says until when the last delivery waits for its time: a quiet night, a retry, word of arrival. The dispatch
// is not through before; where everybody who is left waits, that is when, however little went out lately.
func (p *Progress) waits(ctx context.Context, tx Tx) (err error) {
	if p.WaitsUntil, err = tx.LastDue(ctx, p.No); err != nil || p.WaitsUntil == nil {
		return err
	}
	var waiting int64
	for _, states := range p.ByChannel {
		waiting += states[Pending.String()]
	}
	if p.ETA == nil && waiting >= p.People.Pending || p.ETA != nil && p.WaitsUntil.After(*p.ETA) {
		p.ETA = p.WaitsUntil
	}
	return nil
}

// beyondWatch is how long the watch of a first wave will still hold up the rest, and the rate at which it
// follows: while it is watched, that of the wave itself.
func (p *Progress) beyondWatch(now time.Time) (rate float64, watched time.Duration) {
	switch until := p.Flow.WatchUntil; p.Flow.Phase {
	case PhaseCanary:
		return p.Rate, time.Duration(p.Course.Watch)
	case PhaseWatching:
		out := until.Add(-time.Duration(p.Course.Watch))
		return perSecond(p.People.told(), out.Sub(p.StartedAt)), max(0, until.Sub(now))
	}
	return p.Rate, 0
}

func perSecond(n int64, over time.Duration) float64 {
	if over <= 0 {
		return 0
	}
	return float64(n) / over.Seconds()
}

// after is when n more are through at a rate; nil when that cannot be told.
func after(now time.Time, n int64, rate float64) *time.Time {
	if rate <= 0 {
		return nil
	}
	at := now.Add(seconds(float64(n) / rate))
	return &at
}

// margin is what is left of the law's time at an instant.
func (p *Progress) margin(at *time.Time) error {
	if at != nil && p.Deadline != nil {
		left := p.Deadline.Sub(*at)
		p.Margin = &left
	}
	return nil
}

// byChannel says how each channel gets on from an instant: who is on which channel first is known of the audience, and
// what went over several together is taken to be mixed as everything so far. The dispatch is through when its slowest
// channel is.
func (p *Progress) byChannel(ctx context.Context, tx Tx, from time.Time, rates map[string]float64) error {
	if p.Audience == "" {
		return nil
	}
	a, err := tx.Audience(ctx, p.Audience)
	if err != nil {
		return err
	}
	_, rows, _, err := tx.Counts(ctx, p.No)
	if err != nil {
		return err
	}
	first := firsts(a, p.Channels)
	var sum int64
	p.Pace = map[string]Pace{}
	for _, c := range p.Channels {
		if n := tried(rows, c); c != templates.Announcement {
			p.Pace[c] = Pace{First: first[c], Tried: n}
			sum += n
		}
	}
	for c, pace := range p.Pace {
		if pace.Rate = rates[c]; pace.Tried > 0 {
			pace.Rate += rates[""] * float64(pace.Tried) / float64(sum)
		}
		pace.ETA = after(from, max(0, pace.First-pace.Tried), pace.Rate)
		p.Pace[c] = pace
		if len(first) > 1 && pace.ETA != nil && (p.ETA == nil || pace.ETA.After(*p.ETA)) {
			p.ETA = pace.ETA
		}
	}
	return nil
}

// firsts counts people by the first channel of a plan that reaches them.
func firsts(a Audience, channels []string) map[string]int64 {
	out := map[string]int64{}
	for _, s := range a.Segments {
		if l := s.On(channels); s.Kind == "all" && len(l) > 0 {
			out[l[0]] += s.People
		}
	}
	return out
}

// together adds the progress of the notice's additions: late people who are told the same words.
func (p *Progress) together(ctx context.Context, tx Tx) error {
	all, err := tx.Dispatches(ctx, p.Incident)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(d Dispatch) bool { return d.Extends != p.Notice })
	for _, d := range all {
		more, err := paced(ctx, tx, d)
		if err != nil {
			return err
		}
		p.Additions = append(p.Additions, more)
	}
	return nil
}
