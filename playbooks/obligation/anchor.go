package obligation

import (
	"slices"
	"strings"
	"time"
)

// An anchor is what starts a clock. Which ones fall back to awareness, and how that is said, is fixed
// by the contract with the outside, so it stands here and not in the rule files.

// falling anchors take aware_at when they are not known themselves; the text says so.
var falling = map[string]words{
	"discovery": nil, "discovery-imputed": nil, "noticed": nil, "reasonable-belief": nil, "found": nil, "informed-by-processor": nil,
	"determination-breach": {"en": "the determination is not recorded; counted from awareness", "zh-Hans": "尚未记录认定时间；自知悉时起算"},
	"occurred_at": {"en": "the time of occurrence is not known; counted from awareness, so the limit may already have passed",
		"zh-Hans": "发生时间未知；自知悉时起算，因此期限可能已经届满"},
}

// firm anchors never fall back. A name that is not here is a misspelling.
var firm = []string{"closed_at", "plan_activated_at", "first_signal_at", "classified-major", "determination-materiality", "determination-misuse",
	"consumer-notice", "payment", "confirmed-scope", "measure-available", "assessed-notifiable", "le-release", "reclassified", "recovered", "handled",
	"new-circumstances", "upgraded", "harm-known", "facts-known", "facts-clarified", "fact-confirmed", "information-available", "persons-identified",
	"no-harm-decision", "threshold-known", "fix-ready", "service-restored", "agent-notice", "informed-by-provider", "received", "warning-issued"}

// families of anchors end in what they are about: an authority, or another rule. They never fall back.
var families = []string{"submitted:", "requested:", "ordered:", "due:"}

func knownAnchor(name string) bool {
	if name == "aware_at" || slices.Contains(firm, name) || fallsBack(name) {
		return true
	}
	return slices.ContainsFunc(families, func(f string) bool { return len(name) > len(f) && strings.HasPrefix(name, f) })
}

func fallsBack(name string) bool {
	_, ok := falling[name]
	return ok || strings.HasPrefix(name, "knowledge")
}

func fallbackNote(name string) words {
	if strings.HasPrefix(name, "knowledge") {
		name = "determination-breach"
	}
	return falling[name]
}

// started is when and why a clock started.
type started struct {
	at          time.Time
	known       bool
	anchor      string // the anchor that started it
	from        string // the fact that gave the instant
	provisional bool
	imprecise   bool
	note        words
}

// start resolves the anchors of a row: the latest that is known; else the first that may, falls back to
// awareness. Days are counted in the zone.
func (fs *factSet) start(list anchors, addressee string, zone *time.Location) started {
	latest := started{anchor: list[0].text}
	for _, a := range list {
		if s := fs.anchored(a.text, addressee, zone); s.known && (!latest.known || s.at.After(latest.at)) {
			latest = s
		}
	}
	if latest.known {
		return latest
	}
	for _, a := range list {
		if a.text == "aware_at" || fallsBack(a.text) {
			return fs.fallback(a.text, zone)
		}
	}
	return latest
}

// anchored is an anchor's own instant. A filing with this addressee wins over the rule's latest with anybody,
// and what this authority asked over what one like it did elsewhere; what others ordered, any of them may have.
func (fs *factSet) anchored(name, addressee string, zone *time.Location) started {
	family, about, ofSomebody := strings.Cut(name, ":")
	if !ofSomebody {
		return fs.instant(name, zone)
	}
	keys := append(fs.by(name), name)
	switch {
	case family == "submitted":
		keys = []string{name + ":" + addressee}
	case about == baseOf(addressee):
		keys = []string{family + ":" + addressee}
	}
	latest := started{}
	for _, key := range keys {
		if s := fs.instant(key, zone); s.known && (!latest.known || s.at.After(latest.at)) {
			latest = s
		}
	}
	if !latest.known {
		return fs.instant(name, zone)
	}
	latest.anchor = name
	return latest
}

// by lists the anchors that name who did it, such as ordered:pi-authority:CN-SH.
func (fs *factSet) by(name string) (keys []string) {
	for key := range fs.times {
		if with, ok := strings.CutPrefix(key, "anchors."); ok && strings.HasPrefix(with, name+":") {
			keys = append(keys, with)
		}
	}
	return keys
}

// noted finds an instant by its name; an incident is handled when its handling is finished.
func (fs *factSet) noted(name string) (moment, bool) {
	m, ok := fs.times[name]
	if !ok {
		m, ok = fs.times["anchors."+name]
	}
	if !ok && name == "handled" {
		return fs.noted("closed_at")
	}
	return m, ok
}

// fallback is awareness in place of an anchor; until a person has decided it, what tools know.
func (fs *factSet) fallback(name string, zone *time.Location) started {
	s := fs.instant("aware_at", zone)
	if !s.known {
		s = fs.instant("first_signal_at", zone)
		if told := fs.instant("informed-by-processor", zone); told.known && (!s.known || told.at.Before(s.at)) {
			s = told // whoever is told by its processor is aware
		}
		s.provisional = s.known
	}
	s.anchor, s.note = name, fallbackNote(name)
	return s
}

func (fs *factSet) instant(name string, zone *time.Location) started {
	m, ok := fs.noted(name)
	if !ok {
		return started{anchor: name}
	}
	at, imprecise := m.in(zone)
	return started{at: at.UTC(), known: true, anchor: name, from: name, imprecise: imprecise}
}

// anchorName says in words what starts a clock.
func anchorName(name, locale string) string {
	if w, ok := anchorWords[name]; ok {
		return w.in(locale)
	}
	family, about, _ := strings.Cut(name, ":")
	if w, ok := anchorWords[family+":"]; ok {
		return w.in(locale) + about
	}
	return strings.ReplaceAll(name, "-", " ")
}
