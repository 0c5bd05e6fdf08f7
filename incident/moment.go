package incident

import "time"

// Moment is a time as precise as its source knew it.
type Moment struct {
	Earliest time.Time // first instant that it may mean; in UTC when it has no zone of its own
	layout   string
}

// The layouts of imprecise moments, from fine to coarse.
const (
	layoutDay   = "2006-01-02"
	layoutMonth = "2006-01"
	layoutYear  = "2006"
)

// ParseMoment reads RFC 3339, YYYY-MM-DD, YYYY-MM or YYYY.
func ParseMoment(s string) (Moment, bool) {
	for _, layout := range []string{time.RFC3339Nano, layoutDay, layoutMonth, layoutYear} {
		if t, err := time.Parse(layout, s); err == nil {
			return Moment{Earliest: t.Truncate(time.Microsecond), layout: layout}, true
		}
	}
	return Moment{}, false
}

// Exact says whether it is an instant, not a day, month or year.
func (m Moment) Exact() bool { return m.layout == time.RFC3339Nano }

// String writes it back as precise as it came; an instant keeps its zone.
func (m Moment) String() string { return m.Earliest.Format(m.layout) }
