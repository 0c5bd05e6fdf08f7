package obligation

import (
	"slices"
	"strings"
	"time"
)

// An anchor is what starts a clock. Which ones fall back to awareness, and how that is said, is fixed
// by the contract with the outside, so it stands here and not in the rule files.

// falling anchors take aware_at when they are not known themselves; the text says so.
var falling = map[string]string{
	"discovery": "", "discovery-imputed": "", "noticed": "", "reasonable-belief": "", "found": "", "informed-by-processor": "",
	"determination-breach": "the determination is not recorded; counted from awareness",
	"occurred_at":          "the time of occurrence is not known; counted from awareness, so the limit may already have passed",
}

// firm anchors never fall back.
var firm = []string{"closed_at", "classified-major", "determination-materiality", "determination-misuse", "consumer-notice", "payment",
	"confirmed-scope", "measure-available", "assessed-notifiable", "le-release", "plan_activated_at"}

func knownAnchor(name string) bool {
	if name == "aware_at" || slices.Contains(firm, name) {
		return true
	}
	if _, ok := falling[name]; ok {
		return true
	}
	return strings.HasPrefix(name, "knowledge") || strings.HasPrefix(name, "submitted:") || strings.HasPrefix(name, "ordered:")
}

// started is when and why a clock started.
type started struct {
	at          time.Time
	known       bool
	from        string // the fact that gave the instant
	provisional bool
	imprecise   bool
	note        string
}

// start resolves an anchor in the zone in which days are counted.
func (fs *factSet) start(anchor string, zone *time.Location) started {
	if s := fs.instant(anchor, zone); s.known {
		return s
	}
	note, falls := falling[anchor]
	if strings.HasPrefix(anchor, "knowledge") {
		note, falls = falling["determination-breach"], true
	}
	if anchor != "aware_at" && !falls {
		return started{}
	}
	s := fs.instant("aware_at", zone)
	if !s.known {
		s = fs.instant("first_signal_at", zone)
		s.provisional = s.known
	}
	s.note = note
	return s
}

func (fs *factSet) instant(name string, zone *time.Location) started {
	m, ok := fs.times[name]
	if !ok {
		m, ok = fs.times["anchors."+name]
	}
	if !ok {
		return started{}
	}
	at, imprecise := m.in(zone)
	return started{at: at.UTC(), known: true, from: name, imprecise: imprecise}
}

// countingRule adds n units to an instant; days are counted in the zone.
type countingRule func(start time.Time, n int, zone *time.Location) time.Time

// countingRules by id. Hours run through nights, weekends and holidays. For days and months the first
// day is not counted, and the period ends with the last second of the last day.
var countingRules = map[string]countingRule{
	"hours": func(start time.Time, n int, _ *time.Location) time.Time {
		return start.Add(time.Duration(n) * time.Hour)
	},
	"cal-days": func(start time.Time, n int, zone *time.Location) time.Time {
		y, m, d := start.In(zone).Date()
		return lastSecond(y, m, d+n, zone)
	},
	"cal-months": func(start time.Time, n int, zone *time.Location) time.Time {
		y, m, d := start.In(zone).Date()
		if last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, zone).Day(); d > last {
			d = last
		}
		return lastSecond(y, m+time.Month(n), d, zone)
	},
}

func lastSecond(y int, m time.Month, d int, zone *time.Location) time.Time {
	return time.Date(y, m, d, 23, 59, 59, 0, zone).UTC()
}

func (p *periodDef) end(start time.Time, zone *time.Location) *time.Time {
	if p == nil {
		return nil
	}
	t := countingRules[p.Count](start, p.N, zone).UTC()
	return &t
}
