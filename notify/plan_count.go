package notify

import (
	"math"
	"slices"
	"time"

	"golang.org/x/text/language"

	"tocsin/templates"
)

// planner counts one plan from what was read for it.
type planner struct {
	doc    Document
	people Audience
	usable []string // channels that have a provider
	ways   []Way
	states map[string]ProviderState
	texts  map[string]templates.Message // the short message by locale
	now    time.Time

	out   Plan
	loads map[string]*WayPlan // by provider
}

// suggestCanaryOver is the size of an audience from which a first wave is advised.
const suggestCanaryOver = 10_000

// tails are how long the last word on a message can take (channels.md section 11).
var tails = map[string]time.Duration{templates.SMS: 72 * time.Hour, templates.Email: 48 * time.Hour, templates.Push: 72 * time.Hour}

func (p *planner) personal() bool {
	return slices.ContainsFunc(p.doc.Channels, func(c string) bool { return c != templates.Announcement })
}

func (p *planner) plan() Plan {
	d := p.doc
	p.out = Plan{Notice: d.ID, Audience: p.people.ID, People: p.people.Total, Channels: []ChannelPlan{}, Segments: []SegmentPlan{}, Cost: []PlanCost{},
		Begins: p.now, Deadline: d.Policy.Deadline, Course: d.Course, Assumptions: []PlanNote{}, Problems: []PlanNote{}, Advice: []PlanNote{}}
	p.loads = map[string]*WayPlan{}
	for _, w := range p.ways {
		st := p.states[w.ID]
		l := &WayPlan{channel: w.Channel, ID: w.ID, Regions: w.Regions, Paused: st.Paused, Price: w.Price, Parts: p.parts(w)}
		l.Rate, l.RateFrom = pace(w, st, d.Course)
		p.loads[w.ID] = l
	}
	p.usable = slices.DeleteFunc(slices.Clone(d.Channels), func(c string) bool {
		return !slices.ContainsFunc(p.ways, func(w Way) bool { return w.Channel == c })
	})
	p.segments()
	for _, s := range p.people.Segments {
		if s.Kind == "jurisdiction" {
			p.add(s)
		}
	}
	p.channels()
	p.time()
	p.advise()
	return p.out
}

func (p *planner) segments() {
	at := map[[2]string]int{}
	for _, s := range p.people.Segments {
		key := [2]string{s.Kind, s.Value}
		i, known := at[key]
		if !known {
			i = len(p.out.Segments)
			at[key] = i
			p.out.Segments = append(p.out.Segments, SegmentPlan{Kind: s.Kind, Value: s.Value, First: map[string]int64{}})
		}
		first := NoChannel
		if l := p.reached(s); len(l) > 0 {
			first = l[0].channel
		}
		p.out.Segments[i].People += s.People
		p.out.Segments[i].First[first] += s.People
	}
}

// add puts the messages of those who live somewhere on the providers that would carry them. Each channel may
// fail for as many as the limits let pass; where it is left when no word comes, for all.
func (p *planner) add(s Segment) {
	over := p.reached(s)
	if len(over) == 0 {
		p.out.Unreachable += s.People
		p.missing(s)
		return
	}
	share := 1.0
	for i, l := range over {
		if i == 0 {
			l.First += s.People
		}
		l.AtMost += int64(math.Ceil(share * float64(s.People)))
		if until, quiet := released(p.doc).QuietUntil(Recipient{Jurisdiction: s.lives()}, l.channel, p.now); quiet && until.After(l.rest) {
			l.rest = until
		}
		if p.doc.Course.Waits[l.channel] == 0 {
			share *= p.doc.Course.Limit.orDefault().Failed
		}
	}
}

// reached are the providers that people of a segment are sent to over, in the order of their ladder.
func (p *planner) reached(s Segment) (over []*WayPlan) {
	for _, c := range s.On(p.usable) {
		if l := p.carrier(c, s); l != nil {
			over = append(over, l)
		}
	}
	return over
}

// missing says why no provider takes people who have an address on a usable channel.
func (p *planner) missing(s Segment) {
	ladder := s.On(p.usable)
	switch {
	case len(ladder) == 0:
	case slices.ContainsFunc(p.ways, func(w Way) bool { return slices.Contains(ladder, w.Channel) && w.reaches(s) }):
		p.problem("region", s.lives(), s.People)
	default:
		p.problem(string(s.number()), "", s.People)
	}
}

// carrier is the provider that people of a segment are sent to over first: one that is paused only when there
// is no other. Where they live is asked for of those alone of whom it is known.
func (p *planner) carrier(channel string, s Segment) (found *WayPlan) {
	home := true
	for _, w := range p.ways {
		if w.Channel != channel {
			continue
		}
		may := s.Kind != "jurisdiction" || home && s.lives() == "" || Allowed(Provider{ID: w.ID, Regions: w.Regions}, Recipient{Jurisdiction: s.lives()}, p.doc.Policy.Transfers)
		home = false
		if l := p.loads[w.ID]; may && w.reaches(s) && (found == nil || found.Paused && !l.Paused) {
			found = l
		}
	}
	return found
}

// channels collects what goes over each channel and what it costs.
func (p *planner) channels() {
	for _, c := range p.doc.Channels {
		if c == templates.Announcement {
			continue
		}
		ch := ChannelPlan{Channel: c, Providers: []WayPlan{}}
		for _, w := range p.ways {
			if l := p.loads[w.ID]; w.Channel == c {
				ch.First, ch.AtMost = ch.First+l.First, ch.AtMost+l.AtMost
				if l.Rate > 0 {
					l.Seconds = float64(l.AtMost) * l.Parts / l.Rate
				}
				ch.Providers = append(ch.Providers, *l)
				p.cost(*l)
			}
		}
		if len(ch.Providers) == 0 {
			p.problem("no-provider", c, 0)
		}
		p.out.Channels = append(p.out.Channels, ch)
	}
}

func (p *planner) cost(l WayPlan) {
	switch {
	case l.AtMost == 0:
		return
	case l.Price.Currency == "":
		p.problem("price-unknown", l.ID, 0)
		return
	}
	i := slices.IndexFunc(p.out.Cost, func(c PlanCost) bool { return c.Currency == l.Price.Currency })
	if i < 0 {
		i = len(p.out.Cost)
		p.out.Cost = append(p.out.Cost, PlanCost{Currency: l.Price.Currency})
	}
	p.out.Cost[i].Least += float64(l.First) * l.Parts * l.Price.Amount
	p.out.Cost[i].Most += float64(l.AtMost) * l.Parts * l.Price.Amount
}

// time is people × parts / rate of the slowest provider; then the tail (channels.md section 11).
func (p *planner) time() {
	sent, tail, known := p.now, time.Duration(0), true
	for _, c := range p.out.Channels {
		for _, l := range c.Providers {
			if l.AtMost == 0 {
				continue
			}
			if l.Paused {
				p.problem("paused", l.ID, l.First)
			}
			if l.Rate == 0 {
				p.problem("rate-unknown", l.ID, 0)
				known = false
				continue
			}
			begin := p.now
			if l.rest.After(begin) {
				begin = l.rest
				p.advice("quiet", l.rest.Format(time.RFC3339), l.First)
			}
			if end := begin.Add(seconds(l.Seconds)); end.After(sent) {
				sent = end
			}
			tail = max(tail, tails[c.Channel])
		}
	}
	if p.doc.Course.Canary > 0 {
		sent = sent.Add(time.Duration(p.doc.Course.Watch))
	}
	settled := sent.Add(tail)
	p.out.Verdict = Finishes
	if end := p.out.Deadline; end != nil && sent.After(*end) {
		p.out.Verdict = Cannot
	} else if end != nil && (settled.After(*end) || !known) {
		p.out.Verdict = Tight
	}
	if known {
		p.out.Sent, p.out.Settled = &sent, &settled
	}
}

// seconds keeps a time that no clock can show within bounds: a hundred years is never.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, 100*365*24*3600) * float64(time.Second))
}

// pace is how fast a provider goes: as configured, unless it was measured to be slower or the course lets it go
// less fast.
func pace(w Way, st ProviderState, c Course) (rate float64, from string) {
	for _, r := range []struct {
		rate float64
		from string
	}{{w.Rate, "configured"}, {st.Rate, "measured"}, {c.Rates[w.Channel], "course"}} {
		if r.rate > 0 && (rate == 0 || r.rate < rate) {
			rate, from = r.rate, r.from
		}
	}
	return rate, from
}

// parts are the billed parts of a message over a provider: of a short message, by what its readers' languages
// take on average. A provider that serves the mainland alone counts as the mainland does.
func (p *planner) parts(w Way) float64 {
	if w.Channel != templates.SMS || len(p.texts) == 0 {
		return 1
	}
	mainland := w.Covers != Abroad && (len(w.Regions) == 0 || slices.Contains(w.Regions, "CN"))
	var people, sum float64
	for _, s := range p.people.Segments {
		if s.Kind == "locale" && w.reaches(s) && slices.Contains(s.On(p.usable), templates.SMS) {
			people += float64(s.People)
			sum += float64(s.People) * float64(p.text(s.Value).Segments(mainland))
		}
	}
	if people > 0 {
		return sum / people
	}
	most := 1
	for _, m := range p.texts {
		most = max(most, m.Segments(mainland))
	}
	return float64(most)
}

// text is the short message that people of a locale read.
func (p *planner) text(locale string) templates.Message {
	if m, ok := p.texts[locale]; ok {
		return m
	}
	want, _ := language.Make(locale).Base()
	for have, m := range p.texts {
		if base, _ := language.Make(have).Base(); locale != UnknownValue && base == want {
			return m
		}
	}
	if m, ok := p.texts["en"]; ok && locale != UnknownValue {
		return m
	}
	return p.texts["zh-Hans"]
}
