package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// viewer is who looks at a page: what they may do, in which language and zone they read.
type viewer struct {
	User   access.User
	Locale string
	Theme  string
	scope  evidence.Scope
	zone   *time.Location
	now    time.Time
	words  words
	people map[string]string
}

// Can reports whether the viewer's roles grant a permission.
func (v *viewer) Can(permission string) bool {
	return access.Can(v.scope, access.Permission(permission))
}

// Roles are the viewer's roles, in words.
func (v *viewer) Roles() string {
	var out []string
	for _, r := range v.User.Roles {
		out = append(out, v.word("role", r))
	}
	return strings.Join(out, v.tr("list.and"))
}

// tr says a key that the code itself names; the words' test holds that it exists.
func (v *viewer) tr(key string, pairs ...any) string {
	text, err := v.words.say(v.Locale, key, pairs...)
	if err != nil {
		return key
	}
	return text
}

func (v *viewer) word(list, value string) string { return v.words.word(v.Locale, list, value) }

// person is a colleague's name by user id.
func (v *viewer) person(id string) string {
	if id == v.User.ID && id != "" {
		return v.tr("people.you", "name", v.User.Name)
	}
	if name := v.people[id]; name != "" {
		return name
	}
	return v.tr("people.unknown")
}

func (v *viewer) actor(a evidence.Actor) string {
	switch a.Kind {
	case evidence.Person:
		return v.person(a.ID)
	case evidence.Tool:
		return v.tr("people.tool", "name", a.ID)
	}
	return v.tr("people.system")
}

// local picks a text in the viewer's language.
func (v *viewer) local(texts map[string]string) string {
	for _, l := range append([]string{v.Locale}, locales...) {
		if texts[l] != "" {
			return texts[l]
		}
	}
	for _, l := range slices.Sorted(maps.Keys(texts)) {
		return texts[l]
	}
	return ""
}

// How near a deadline is, as shown.
const (
	toneCalm = "calm"
	toneSoon = "soon" // within a day
	toneNear = "near" // within two hours
	tonePast = "past"
)

// moment is an instant as people read it.
type moment struct {
	ISO   string
	Text  string // in the operator's zone
	Zone  string
	Left  string // time left or gone, at the time of rendering
	Tone  string
	Clock bool // count down to it
}

// at is an instant; nil when there is none.
func (v *viewer) at(t *time.Time) *moment {
	if t == nil || t.IsZero() {
		return nil
	}
	return &moment{ISO: t.UTC().Format(time.RFC3339), Text: v.stamp(*t), Zone: v.zoneName(*t)}
}

// until is an instant to count down to.
func (v *viewer) until(t *time.Time) *moment {
	m := v.at(t)
	if m == nil {
		return nil
	}
	left := t.Sub(v.now)
	m.Clock, m.Left = true, v.span(left)
	switch {
	case left < 0:
		m.Tone = tonePast
	case left < 2*time.Hour:
		m.Tone = toneNear
	case left < 24*time.Hour:
		m.Tone = toneSoon
	default:
		m.Tone = toneCalm
	}
	return m
}

func (v *viewer) stamp(t time.Time) string {
	t, now := t.In(v.zone), v.now.In(v.zone)
	layout := "2006-01-02 15:04"
	if t.Year() == now.Year() {
		layout = v.tr("time.day")
	}
	return t.Format(layout)
}

// zoneName is the zone as people call it, else its offset.
func (v *viewer) zoneName(t time.Time) string {
	if name := v.words[v.Locale]["zone."+v.zone.String()]; name != "" {
		return name
	}
	return t.In(v.zone).Format("UTC-07:00")
}

// span says how long something is to come or past, in its two largest units.
func (v *viewer) span(d time.Duration) string {
	if d < 0 {
		return v.tr("time.over", "time", v.duration(-d))
	}
	return v.tr("time.left", "time", v.duration(d))
}

func (v *viewer) duration(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return v.tr("time.days", "d", days, "h", hours)
	case hours > 0:
		return v.tr("time.hours", "h", hours, "m", fmt.Sprintf("%02d", minutes))
	}
	return v.tr("time.minutes", "m", minutes, "s", fmt.Sprintf("%02d", int(d.Seconds())%60))
}

// page is what every page shows around its own content.
type page struct {
	*viewer
	Title     string
	Nav       string
	Back      string // this page, for the forms in the header
	Simulator string
	Live      bool
	Listen    string // incident whose changes the page follows; "*" for all
	Troubles  []trouble
	Done      string // what has just been done
	Fault     *fault
	Refresh   int // seconds after which a page without scripts reloads itself; 0: never
}
