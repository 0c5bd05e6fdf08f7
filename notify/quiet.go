package notify

import (
	"slices"
	"sync"
	"time"
)

// homeZones are the zones of jurisdictions that keep one clock throughout (IANA time zone database, file
// zone1970.tab). Where a country has several, a person without a zone of their own has no quiet hours: to
// wait by the wrong clock would hold a notice back for nothing.
var homeZones = map[string]string{
	"AE": "Asia/Dubai", "AT": "Europe/Vienna", "BE": "Europe/Brussels", "BG": "Europe/Sofia", "CH": "Europe/Zurich",
	"CN": "Asia/Shanghai", "CY": "Asia/Nicosia", "CZ": "Europe/Prague", "DE": "Europe/Berlin", "DK": "Europe/Copenhagen",
	"EE": "Europe/Tallinn", "EG": "Africa/Cairo", "FI": "Europe/Helsinki", "FR": "Europe/Paris", "GB": "Europe/London",
	"GR": "Europe/Athens", "HK": "Asia/Hong_Kong", "HR": "Europe/Zagreb", "HU": "Europe/Budapest", "IE": "Europe/Dublin",
	"IL": "Asia/Jerusalem", "IN": "Asia/Kolkata", "IS": "Atlantic/Reykjavik", "IT": "Europe/Rome", "JP": "Asia/Tokyo",
	"KE": "Africa/Nairobi", "KR": "Asia/Seoul", "LI": "Europe/Vaduz", "LT": "Europe/Vilnius", "LU": "Europe/Luxembourg",
	"LV": "Europe/Riga", "MO": "Asia/Macau", "MT": "Europe/Malta", "MY": "Asia/Kuala_Lumpur", "NG": "Africa/Lagos",
	"NL": "Europe/Amsterdam", "NO": "Europe/Oslo", "PH": "Asia/Manila", "PL": "Europe/Warsaw", "QA": "Asia/Qatar",
	"RO": "Europe/Bucharest", "SA": "Asia/Riyadh", "SE": "Europe/Stockholm", "SG": "Asia/Singapore", "SI": "Europe/Ljubljana",
	"SK": "Europe/Bratislava", "TH": "Asia/Bangkok", "TR": "Europe/Istanbul", "TW": "Asia/Taipei", "VN": "Asia/Ho_Chi_Minh",
	"ZA": "Africa/Johannesburg",
}

// QuietUntil is when a person may be disturbed on a channel; quiet is false when that is now. The hours hold
// in the person's own zone, else in that of where the person lives, and never past the notice's deadline.
func (d Dispatch) QuietUntil(r Recipient, channel string, now time.Time) (until time.Time, quiet bool) {
	q := d.Course.Quiet
	if q == nil || q.Override != "" || !slices.Contains(q.Channels, channel) {
		return time.Time{}, false
	}
	zone := zoneOf(r)
	from, ok := clockTime(q.From)
	to, valid := clockTime(q.To)
	if zone == nil || !ok || !valid {
		return time.Time{}, false
	}
	until, quiet = restsUntil(now.In(zone), from, to)
	if quiet && d.Deadline != nil && until.After(*d.Deadline) {
		return time.Time{}, false // the law's time would pass first
	}
	return until, quiet
}

// restsUntil is the end of the quiet hours that hold at an instant of a zone. What counts is the clock on the
// person's wall, so that an hour that a clock skips or repeats moves no boundary.
func restsUntil(now time.Time, from, to time.Duration) (time.Time, bool) {
	h, m, s := now.Clock()
	wall := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	days := 0
	switch {
	case from == to, from < to && (wall < from || wall >= to), from > to && wall < from && wall >= to:
		return time.Time{}, false
	case wall >= to:
		days = 1 // the evening of a night that ends tomorrow
	}
	y, month, day := now.Date()
	until := time.Date(y, month, day+days, 0, int(to/time.Minute), 0, 0, now.Location())
	if !until.After(now) {
		until = now.Add(time.Minute) // the clock was set back over the end of the hours
	}
	return until.UTC(), true
}

// zones are loaded once: a dispatch asks for each person.
var zones sync.Map // name → *time.Location, nil when there is none such

func zoneOf(r Recipient) *time.Location {
	name := r.Zone
	if name == "" {
		name = homeZones[country(r.Jurisdiction)]
	}
	if name == "" {
		return nil
	}
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = nil
	}
	zones.Store(name, zone)
	return zone
}

// clockTime reads a time of day as what has passed of the day.
func clockTime(s string) (time.Duration, bool) {
	t, err := time.Parse("15:04", s)
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil && len(s) == 5
}
