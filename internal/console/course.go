package console

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// courseModel is how a release goes, as it is read and as it is edited.
type courseModel struct {
	Canary             int
	Watch              lapse
	Steps              []courseStep // personal channels, in the order of the plan
	Quiet              bool
	From, To, Override string
	Failed, Complaints string // percent
	After              int
	Said               []courseLine // the same in sentences
	MayEdit            bool
}

// courseStep is one channel's part of a course.
type courseStep struct {
	Channel string
	Wait    lapse
	Rate    string
	Quiet   bool
	Last    bool // there is no channel after it
}

// lapse is a span of time as a form has it: a number and a unit.
type lapse struct{ N, Unit string }

// units of a lapse, the largest first.
var units = []struct {
	name string
	is   time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

type courseLine struct{ Key, Text string }

func lapseOf(d notify.Duration, otherwise string) lapse {
	if d == 0 {
		return lapse{Unit: otherwise}
	}
	for _, u := range units {
		if time.Duration(d)%u.is == 0 {
			return lapse{strconv.FormatInt(int64(time.Duration(d)/u.is), 10), u.name}
		}
	}
	return lapse{strconv.FormatFloat(time.Duration(d).Seconds(), 'f', -1, 64), "s"}
}

// course is that of a notice, nil for a report.
func (r *request) course(c notify.Course, channels []string, mayEdit bool) *courseModel {
	personal := slices.DeleteFunc(slices.Clone(channels), func(ch string) bool { return ch == templates.Announcement })
	if len(personal) == 0 {
		return nil
	}
	m := &courseModel{Canary: c.Canary, Watch: lapseOf(c.Watch, "m"), Failed: percentOf(c.Limit.Failed), Complaints: percentOf(c.Limit.Complaints),
		After: c.Limit.After, From: "22:00", To: "08:00", MayEdit: mayEdit}
	if c.Quiet != nil {
		m.Quiet, m.From, m.To, m.Override = true, c.Quiet.From, c.Quiet.To, c.Quiet.Override
	}
	for i, ch := range personal {
		step := courseStep{Channel: ch, Wait: lapseOf(c.Waits[ch], "h"), Last: i == len(personal)-1, Quiet: c.Quiet != nil && slices.Contains(c.Quiet.Channels, ch)}
		if c.Quiet == nil {
			step.Quiet = ch == templates.SMS
		}
		if c.Rates[ch] > 0 {
			step.Rate = strconv.FormatFloat(c.Rates[ch], 'f', -1, 64)
		}
		m.Steps = append(m.Steps, step)
	}
	m.Said = r.courseSaid(c, personal)
	return m
}

// percentOf is a share as a form has it.
func percentOf(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e6)/1e4, 'f', -1, 64)
}

// courseSaid is a course in sentences.
func (r *request) courseSaid(c notify.Course, personal []string) []courseLine {
	wave := r.tr("course.said-all")
	if c.Canary > 0 {
		wave = r.tr("course.said-wave", "n", thousands(strconv.Itoa(c.Canary)), "time", r.lapseText(c.Watch))
	}
	next := []string{}
	for i, ch := range personal {
		switch {
		case i == len(personal)-1:
		case c.Waits[ch] > 0:
			next = append(next, r.tr("course.said-wait", "channel", r.word("channel", ch), "time", r.lapseText(c.Waits[ch])))
		default:
			next = append(next, r.tr("course.said-fail", "channel", r.word("channel", ch)))
		}
	}
	quiet := r.tr("course.said-no-quiet")
	if c.Quiet != nil {
		quiet = r.tr("course.said-quiet", "channels", r.channelNames(c.Quiet.Channels), "from", c.Quiet.From, "to", c.Quiet.To)
		if c.Quiet.Override != "" {
			quiet = r.tr("course.said-override", "why", r.article(c.Quiet.Override))
		}
	}
	rates := []string{}
	for _, ch := range slices.Sorted(maps.Keys(c.Rates)) {
		rates = append(rates, r.tr("course.said-rate", "channel", r.word("channel", ch), "n", rateText(c.Rates[ch])))
	}
	if len(rates) == 0 {
		rates = []string{r.tr("course.said-fast")}
	}
	said := []courseLine{{"wave", wave}}
	if len(next) > 0 {
		said = append(said, courseLine{"next", strings.Join(next, r.tr("list.semicolon"))})
	}
	return append(said, courseLine{"quiet", quiet},
		courseLine{"limit", r.tr("course.said-limit", "failed", percentOf(c.Limit.Failed), "complaints", percentOf(c.Limit.Complaints), "after", thousands(strconv.Itoa(c.Limit.After)))},
		courseLine{"rate", strings.Join(rates, r.tr("list.semicolon"))})
}

// article is a law and its article as the viewer's language writes them; any other text stands as it is.
func (r *request) article(text string) string {
	at := strings.LastIndexByte(text, ' ')
	if at < 0 || strings.Trim(text[at+1:], "0123456789.()") != "" {
		return text
	}
	law := text[:at]
	article := " " + templates.ArticleOf(law, text[at+1:], r.Locale)
	title, gloss, both := strings.Cut(strings.TrimSuffix(law, ")"), " (")
	switch {
	case both && r.Locale == "en":
		return gloss + article + " (" + title + ")"
	case both:
		return title + article
	}
	return law + article
}

func (r *request) channelNames(channels []string) string {
	var names []string
	for _, ch := range channels {
		names = append(names, r.word("channel", ch))
	}
	return strings.Join(names, r.tr("list.comma"))
}

func (r *request) lapseText(d notify.Duration) string {
	l := lapseOf(d, "m")
	if l.N == "" {
		l.N = "0"
	}
	return r.tr("course.lapse-"+l.Unit, "n", l.N)
}

// saveCourse takes how a release goes.
func (r *request) saveCourse() error {
	version, err := strconv.Atoi(r.PostForm("version"))
	if err != nil {
		return r.againDocument("course", incident.NewFault(incident.Stale, "the document has changed since you read it; read it again"))
	}
	read := courseForm{values: r.Request.PostForm, no: r.tr("course.number")}
	c := read.course()
	if len(read.problems) > 0 {
		return r.againDocument("course", incident.InvalidInput(read.problems))
	}
	if _, err := r.Notify.Edit(r.ctx(), r.scope, r.Param("id"), version, notify.Edit{Course: &c}); err != nil {
		return r.againDocument("course", err)
	}
	return r.done("/documents/"+r.Param("id")+"#course", "course")
}

// courseForm reads a course and remembers what is no number.
type courseForm struct {
	values   url.Values
	no       string
	problems []incident.Problem
}

func (f *courseForm) course() notify.Course {
	c := notify.Course{Canary: int(f.number("canary", "/canary")), Watch: f.lapse("watch", "/watch"), Waits: map[string]notify.Duration{}, Rates: map[string]float64{},
		Limit: notify.Limits{Failed: f.number("failed", "/limit/failed") / 100, Complaints: f.number("complaints", "/limit/complaints") / 100, After: int(f.number("after", "/limit/after"))}}
	if c.Canary == 0 {
		c.Watch = 0 // there is nothing to watch
	}
	for _, ch := range f.values["step"] {
		if wait := f.lapse("wait."+ch, "/waits/"+ch); wait > 0 {
			c.Waits[ch] = wait
		}
		if rate := f.number("rate."+ch, "/rates/"+ch); rate != 0 {
			c.Rates[ch] = rate
		}
	}
	if f.values.Get("quiet") != "" {
		c.Quiet = &notify.Quiet{From: f.values.Get("from"), To: f.values.Get("to"), Channels: f.values["quiet-channel"], Override: strings.TrimSpace(f.values.Get("override"))}
	}
	return c
}

// number is 0 where nothing stands.
func (f *courseForm) number(name, pointer string) float64 {
	text := strings.ReplaceAll(strings.TrimSpace(f.values.Get(name)), ",", "")
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e9 {
		f.problems = append(f.problems, incident.Problem{Pointer: "/course" + pointer, Rule: "number", Message: f.no})
		return 0
	}
	return n
}

func (f *courseForm) lapse(name, pointer string) notify.Duration {
	n := f.number(name, pointer)
	for _, u := range units {
		if u.name == f.values.Get(name+".unit") {
			return notify.Duration(min(n*float64(u.is), math.MaxInt64/2))
		}
	}
	return 0
}
