package notify

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/templates"
)

// Course is how a release goes. It is approved with the notice and frozen in its dispatch.
type Course struct {
	// Canary is how many people make the first wave, 0 for none: the first of the audience in the order it was
	// imported. Whole pages of recipients are sent, so it is a multiple of 250.
	Canary int      `json:"canary,omitempty"`
	Watch  Duration `json:"watch,omitempty"` // how long the first wave is watched before the rest follows
	// Waits say how long word of arrival is waited for on a channel before the person's next channel is
	// opened as well. A channel that is not in it is left only when it fails.
	Waits map[string]Duration `json:"waits,omitempty"`
	Quiet *Quiet              `json:"quiet,omitempty"`
	Limit Limits              `json:"limit"`
	Rates map[string]float64  `json:"rates,omitempty"` // messages a second of this dispatch, by channel
}

// Quiet are hours in which a person is not disturbed, counted where the person lives.
type Quiet struct {
	From     string   `json:"from"`     // 22:00
	To       string   `json:"to"`       // 08:00
	Channels []string `json:"channels"` // sms, push
	// Override says why the hours do not hold: the article that demands notice at once.
	Override string `json:"override,omitempty"`
}

// Limits pause a dispatch by themselves.
type Limits struct {
	Failed     float64 `json:"failed,omitempty"`     // share of those tried on a channel that failed for good; 0: 0.10
	Complaints float64 `json:"complaints,omitempty"` // share of those reached who complained; 0: 0.003
	After      int     `json:"after,omitempty"`      // people tried before a share means anything; 0: 100
}

// Duration is written as 90s or 15m.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// The bounds of a course. Providers' complaint feeds call 0.3 % the share at which mailbox providers block a
// sender (channels.md 5.2); a tenth of dead addresses says that a list is old or wrong.
const (
	canaryPage      = 250 // recipients are kept in pages of so many
	maxCanary       = 1_000_000
	maxWait         = 7 * 24 * time.Hour
	minWait         = time.Minute
	maxOverride     = 200
	limitFailed     = 0.10
	limitComplaints = 0.003
	limitAfter      = 100
)

// orDefault are the limits with nothing left to be read as something else.
func (l Limits) orDefault() Limits {
	if l.Failed == 0 {
		l.Failed = limitFailed
	}
	if l.Complaints == 0 {
		l.Complaints = limitComplaints
	}
	if l.After == 0 {
		l.After = limitAfter
	}
	return l
}

// suggestCourse is the course of a notice that nobody has changed: short messages rest at night, unless the
// law demands notice at once.
func suggestCourse(channels []string, p Policy) Course {
	c := Course{Limit: Limits{}.orDefault()}
	if slices.Contains(channels, templates.SMS) {
		c.Quiet = &Quiet{From: "22:00", To: "08:00", Channels: []string{templates.SMS}, Override: p.AtOnce}
	}
	return c
}

// among is the course as far as it is about these channels.
func (c Course) among(channels []string) Course {
	gone := func(ch string) bool { return !slices.Contains(channels, ch) }
	c.Waits, c.Rates = maps.Clone(c.Waits), maps.Clone(c.Rates)
	maps.DeleteFunc(c.Waits, func(ch string, _ Duration) bool { return gone(ch) })
	maps.DeleteFunc(c.Rates, func(ch string, _ float64) bool { return gone(ch) })
	if c.Quiet != nil {
		q := *c.Quiet
		if q.Channels = slices.DeleteFunc(slices.Clone(q.Channels), gone); len(q.Channels) == 0 {
			c.Quiet = nil
		} else {
			c.Quiet = &q
		}
	}
	return c
}

// checkCourse finds what is wrong with a course for these channels, by pointer.
func checkCourse(c Course, channels []string) []incident.Problem {
	k := courseCheck{channels: channels}
	k.want(c.Canary >= 0 && c.Canary <= maxCanary, "/canary", "range", fmt.Sprintf("must lie between 0 and %d", maxCanary))
	k.want(c.Canary%canaryPage == 0, "/canary", "multiple", fmt.Sprintf("must be a multiple of %d", canaryPage))
	k.want(c.Watch >= 0 && time.Duration(c.Watch) <= maxWait, "/watch", "range", "must be at most 7 days")
	k.want(c.Watch == 0 || c.Canary > 0, "/watch", "together", "there is no first wave to watch: set canary")
	for _, ch := range slices.Sorted(maps.Keys(c.Waits)) {
		at := incident.Pointer("/waits", ch)
		wait := time.Duration(c.Waits[ch])
		k.personal(ch, at)
		k.want(wait >= minWait && wait <= maxWait, at, "range", "must lie between one minute and 7 days")
	}
	for _, ch := range slices.Sorted(maps.Keys(c.Rates)) {
		at := incident.Pointer("/rates", ch)
		k.personal(ch, at)
		k.want(c.Rates[ch] > 0, at, "range", "must be more than 0")
	}
	k.share(c.Limit.Failed, "/limit/failed")
	k.share(c.Limit.Complaints, "/limit/complaints")
	k.want(c.Limit.After >= 0 && c.Limit.After <= maxCanary, "/limit/after", "range", fmt.Sprintf("must lie between 0 and %d", maxCanary))
	k.quiet(c.Quiet)
	return k.problems
}

// courseCheck collects what is wrong with a course.
type courseCheck struct {
	channels []string
	problems []incident.Problem
}

func (k *courseCheck) want(ok bool, pointer, rule, message string) {
	if !ok {
		k.problems = append(k.problems, incident.Problem{Pointer: "/course" + pointer, Rule: rule, Message: message})
	}
}

func (k *courseCheck) share(v float64, pointer string) {
	k.want(v >= 0 && v <= 1, pointer, "range", "must lie between 0 and 1")
}

func (k *courseCheck) personal(ch, pointer string) {
	k.want(ch != templates.Announcement && slices.Contains(k.channels, ch), pointer, "channel", "the notice does not go to people on this channel")
}

func (k *courseCheck) quiet(q *Quiet) {
	if q == nil {
		return
	}
	from, fromOK := clockTime(q.From)
	to, toOK := clockTime(q.To)
	k.want(fromOK, "/quiet/from", "time", "must be a time of day such as 22:00")
	k.want(toOK, "/quiet/to", "time", "must be a time of day such as 08:00")
	k.want(!fromOK || !toOK || from != to, "/quiet/to", "order", "must differ from the beginning")
	k.want(len(q.Channels) > 0, "/quiet/channels", "required", "must name the channels that rest")
	for i, ch := range q.Channels {
		at := fmt.Sprintf("/quiet/channels/%d", i)
		k.personal(ch, at)
		k.want(!slices.Contains(q.Channels[:i], ch), at, "unique", "stands here twice")
	}
	k.want(utf8.RuneCountInString(q.Override) <= maxOverride, "/quiet/override", "length", fmt.Sprintf("at most %d characters", maxOverride))
	if problem := line("/course/quiet/override", q.Override, maxOverride); problem != nil && problem.Rule != "length" {
		k.problems = append(k.problems, *problem)
	}
}
