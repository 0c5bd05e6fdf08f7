package console

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// planModel is what a release would take, the verdict first.
type planModel struct {
	Verdict                       string // finishes, tight, cannot; open: no deadline; unknown: a rate is not known
	Begins, Sent, Settled         *moment
	Deadline                      *moment
	Takes, Spare                  string // from begin to sent; from sent to the deadline, or past it
	Late                          bool
	People, Unreachable           int64
	Channels                      []planChannel
	Cost                          []string
	Problems, Advice, Assumptions []string
	Segments                      []planSegments
	Missing                       string // why there is no plan
}

type planChannel struct {
	Channel       string
	First, AtMost int64
	Ways          []planWay
}

type planWay struct {
	ID, Regions, Rate, RateFrom, Takes, Parts string
	First, AtMost                             int64
	Paused                                    bool
}

// planSegments are the people of one kind by the channel that reaches them first.
type planSegments struct {
	Kind     string
	Channels []string
	Rows     []planSegment
	Others   int
}

type planSegment struct {
	Name   string
	People int64
	First  []int64 // in the order of Channels
}

// releasePlan counts a notice's release; nil for reports and for what is out already.
func (r *request) releasePlan(d notify.DocumentView) (*planModel, error) {
	if d.Kind != templates.Notice || d.State == notify.DocDispatched || d.State == notify.DocWithdrawn {
		return nil, nil
	}
	p, err := r.Notify.Plan(r.ctx(), r.scope, d.ID, r.Query("audience"))
	var fault *incident.Fault
	if errors.As(err, &fault) {
		return &planModel{Missing: r.said(fault.Message)}, nil
	}
	if err != nil {
		return nil, err
	}
	m := &planModel{Verdict: string(p.Verdict), People: p.People, Unreachable: p.Unreachable, Begins: r.at(&p.Begins), Sent: r.at(p.Sent), Settled: r.at(p.Settled),
		Deadline: r.until(p.Deadline), Problems: r.notes(p.Problems), Advice: r.notes(p.Advice), Assumptions: r.notes(p.Assumptions), Cost: r.costs(p.Cost)}
	switch {
	case p.Sent == nil && p.Verdict != notify.Cannot:
		m.Verdict = "unknown"
	case p.Deadline == nil:
		m.Verdict = "open"
	}
	if p.Sent != nil {
		m.Takes = r.length(p.Sent.Sub(p.Begins))
		if p.Deadline != nil {
			m.Late, m.Spare = p.Sent.After(*p.Deadline), r.length(p.Deadline.Sub(*p.Sent).Abs())
		}
	}
	for _, c := range p.Channels {
		m.Channels = append(m.Channels, r.planChannel(c))
	}
	m.Segments = r.planSegments(p)
	return m, nil
}

// notes are a plan's, in the viewer's language; one that says the verdict again is left out.
func (r *request) notes(all []notify.PlanNote) (out []string) {
	for _, n := range all {
		if n.Code != string(notify.Cannot) && n.Code != string(notify.Tight) {
			out = append(out, n.Say(r.Locale, r.noteValue(n), thousands(strconv.FormatInt(n.People, 10))))
		}
	}
	return out
}

// noteValue is what a note is about, by the name that the viewer knows.
func (r *request) noteValue(n notify.PlanNote) string {
	switch n.Code {
	case "paused", "rate-unknown", "price-unknown", "slowest":
		return r.word("provider", n.Value)
	case "waits", "no-provider", "own-rate":
		return r.word("channel", n.Value)
	case "region":
		return r.region(n.Value)
	case "quiet":
		if at, err := time.Parse(time.RFC3339, n.Value); err == nil {
			return r.stamp(at) + " " + r.zoneName(at)
		}
	}
	return n.Value
}

func (r *request) costs(all []notify.PlanCost) (out []string) {
	for _, c := range all {
		least, most := money(c.Least), money(c.Most)
		if least == most {
			out = append(out, r.tr("release-plan.cost-one", "n", most, "currency", c.Currency))
		} else {
			out = append(out, r.tr("release-plan.cost-range", "least", least, "most", most, "currency", c.Currency))
		}
	}
	return out
}

// money is an amount in the currency's smallest unit that is commonly paid; what is less is not nothing.
func money(amount float64) string {
	if amount > 0 && amount < 0.01 {
		return "< 0.01"
	}
	return thousands(strconv.FormatFloat(amount, 'f', 2, 64))
}

func (r *request) planChannel(c notify.ChannelPlan) planChannel {
	row := planChannel{Channel: c.Channel, First: c.First, AtMost: c.AtMost}
	for _, w := range c.Providers {
		way := planWay{ID: w.ID, Regions: r.regions(w.Regions), Rate: rateText(w.Rate), RateFrom: w.RateFrom, First: w.First, AtMost: w.AtMost, Paused: w.Paused}
		if w.Rate > 0 && w.AtMost > 0 {
			way.Takes = r.length(time.Duration(w.Seconds * float64(time.Second)))
		}
		if c.Channel == templates.SMS && w.Parts > 0 {
			way.Parts = strconv.FormatFloat(w.Parts, 'f', -1, 64)
			if math.Trunc(w.Parts) != w.Parts {
				way.Parts = strconv.FormatFloat(w.Parts, 'f', 1, 64)
			}
		}
		row.Ways = append(row.Ways, way)
	}
	return row
}

// rateText is messages a second; "" when not known.
func rateText(rate float64) string {
	switch {
	case rate <= 0:
		return ""
	case rate < 10:
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	return thousands(strconv.FormatFloat(rate, 'f', 0, 64))
}

func (r *request) planSegments(p notify.Plan) (out []planSegments) {
	var channels []string
	for _, c := range p.Channels {
		channels = append(channels, c.Channel)
	}
	for _, kind := range segmentKinds {
		g := planSegments{Kind: kind, Channels: channels}
		for _, s := range p.Segments {
			if s.Kind != kind {
				continue
			}
			row := planSegment{Name: r.segmentName(kind, s.Value), People: s.People}
			for _, ch := range channels {
				row.First = append(row.First, s.First[ch])
			}
			g.Rows = append(g.Rows, row)
		}
		if len(g.Rows) < 2 { // one value for all is the table of channels again
			continue
		}
		slices.SortFunc(g.Rows, func(a, b planSegment) int {
			return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Name, b.Name))
		})
		if g.Others = len(g.Rows) - segmentsAtOnce; g.Others > 0 {
			g.Rows = g.Rows[:segmentsAtOnce]
		}
		out = append(out, g)
	}
	return out
}

// length is how long something takes, in its two largest units.
func (v *viewer) length(d time.Duration) string {
	if d < time.Second {
		return v.tr("time.moment")
	}
	if d < time.Minute {
		return v.tr("time.seconds", "s", int(d.Seconds()))
	}
	return v.duration(d)
}
