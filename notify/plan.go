package notify

import (
	"context"
	"slices"
	"time"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

// Way is what a plan knows of a provider; see Provider.
type Way struct {
	ID, Channel string
	Regions     []string
	Covers      Coverage
	Rate        float64
	Price       Price
}

// reaches says whether the provider reaches the numbers of a segment's people.
func (w Way) reaches(s Segment) bool { return w.Covers == AllNumbers || w.Covers == s.number() }

// StandsIn reports whether a provider can take over what another one carries, of at least some people.
func (w Way) StandsIn(o Way) bool {
	lives := len(w.Regions) == 0 || len(o.Regions) == 0 || slices.ContainsFunc(w.Regions, func(r string) bool { return slices.Contains(o.Regions, r) })
	return w.ID != o.ID && w.Channel == o.Channel && lives && (w.Covers == AllNumbers || o.Covers == AllNumbers || w.Covers == o.Covers)
}

// Ways are the providers as plans know them.
func Ways(providers []Provider) []Way {
	out := make([]Way, len(providers))
	for i, p := range providers {
		out[i] = Way{ID: p.ID, Channel: p.Channel.Name(), Regions: p.Regions, Rate: p.Rate, Price: p.Price}
		if c, ok := p.Channel.(Coverer); ok {
			out[i].Covers = c.Covers()
		}
	}
	return out
}

// SetWays tells the service which providers there are, of a channel in the order of failover. It is called
// before the service is used.
func (s *Service) SetWays(ways []Way) { s.ways = slices.Clone(ways) }

// Ways are the providers that the service was told of.
func (s *Service) Ways() []Way { return slices.Clone(s.ways) }

// PlanVerdict of a plan: whether the notice is out before the deadline.
type PlanVerdict string

// The verdicts.
const (
	Finishes PlanVerdict = "finishes" // with the last word on every delivery, or there is no deadline
	Tight    PlanVerdict = "tight"    // sent before it, but late bounces can still come after
	Cannot   PlanVerdict = "cannot"   // not even sent
)

// Plan is what a release would take, counted before it is approved.
type Plan struct {
	Notice      string        `json:"notice"`
	Audience    string        `json:"audience,omitempty"`
	People      int64         `json:"people"`
	Channels    []ChannelPlan `json:"channels"`
	Segments    []SegmentPlan `json:"segments"`
	Unreachable int64         `json:"unreachable"` // people whom no channel of the plan reaches
	Cost        []PlanCost    `json:"cost"`
	Begins      time.Time     `json:"begins"`
	Sent        *time.Time    `json:"sent_by"`    // everybody is sent to, ladders worked off; null: a rate is not known
	Settled     *time.Time    `json:"settled_by"` // the last word that can be waited for has come
	Deadline    *time.Time    `json:"deadline"`   // the earliest of the notice's duties
	Verdict     PlanVerdict   `json:"verdict"`
	Course      Course        `json:"course"`
	Assumptions []PlanNote    `json:"assumptions"`
	Problems    []PlanNote    `json:"problems"`
	Advice      []PlanNote    `json:"advice"`
}

// ChannelPlan is what goes over one channel: for First it is the first, AtMost counts those too whom the
// channels before it may not reach.
type ChannelPlan struct {
	Channel   string    `json:"channel"`
	First     int64     `json:"first"`
	AtMost    int64     `json:"at_most"`
	Providers []WayPlan `json:"providers"`
}

// WayPlan is what one provider would carry, and how long it takes.
type WayPlan struct {
	ID       string   `json:"id"`
	Regions  []string `json:"regions,omitempty"`
	Paused   bool     `json:"paused,omitempty"`
	First    int64    `json:"first"`
	AtMost   int64    `json:"at_most"`
	Parts    float64  `json:"parts"` // billed parts of one message: of a short message, its segments on average
	Rate     float64  `json:"rate"`  // messages a second that are counted with; 0: not known
	RateFrom string   `json:"rate_from,omitempty" enum:"configured,measured,course"`
	Seconds  float64  `json:"seconds"`
	Price    Price    `json:"price"`
	rest     time.Time
	channel  string
}

// SegmentPlan is how people of one kind are reached first; "none" are those whom no channel reaches.
type SegmentPlan struct {
	Kind   string           `json:"kind"`
	Value  string           `json:"value"`
	People int64            `json:"people"`
	First  map[string]int64 `json:"first"`
}

// PlanCost is what the messages cost by the configured prices: Least when nobody needs a second channel.
type PlanCost struct {
	Currency string  `json:"currency"`
	Least    float64 `json:"least"`
	Most     float64 `json:"most"`
}

// PlanNote is something a person should know of a plan, in both languages.
type PlanNote struct {
	Code   string            `json:"code"`
	Value  string            `json:"value,omitempty"`
	People int64             `json:"people,omitempty"`
	Text   map[string]string `json:"text"`
}

// Plan counts what the release of a notice would take: for the audience it is submitted with, else the one
// named, else the incident's newest that is ready.
func (s *Service) Plan(ctx context.Context, sc evidence.Scope, notice, audience string) (Plan, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return Plan{}, err
	}
	var p planner
	err := s.store.View(ctx, sc, func(tx Tx) (err error) {
		p, err = s.planner(ctx, tx, notice, audience)
		return err
	})
	if err != nil {
		return Plan{}, err
	}
	return p.plan(), nil
}

func (s *Service) planner(ctx context.Context, tx Tx, notice, audience string) (planner, error) {
	p := planner{ways: s.ways, now: tx.Now(), states: map[string]ProviderState{}, texts: map[string]templates.Message{}}
	var err error
	if p.doc, err = tx.Document(ctx, notice); err != nil {
		return p, err
	}
	if p.doc.Kind != templates.Notice {
		return p, errNoNotice
	}
	if p.doc.Audience != "" {
		audience = p.doc.Audience
	}
	if p.personal() {
		if p.people, err = (&change{tx: tx, doc: p.doc}).pick(ctx, audience); err != nil {
			return p, err
		}
	}
	states, err := tx.ProviderStates(ctx)
	for _, st := range states {
		p.states[st.ID] = st
	}
	if err != nil || !slices.Contains(p.doc.Channels, templates.SMS) {
		return p, err
	}
	for locale := range p.doc.Content.Locales {
		m, err := s.message(ctx, tx, p.doc, templates.SMS, locale)
		if err == nil { // a draft that does not compile yet is counted as one part
			p.texts[locale] = m
		}
	}
	return p, nil
}
