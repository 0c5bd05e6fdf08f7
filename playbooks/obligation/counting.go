package obligation

import "time"

// A counting rule adds n units to an instant. Hours run through nights, weekends and holidays. For days and
// months the first day is not counted, and the period ends with the last second of the last day, in the
// addressee's zone. Where a law moves a last day that is not worked, that is a second, later instant: we
// alarm on the first.
type countingRule struct {
	calendar string                        // whose days count; ofPlace: the addressee's country
	add      func(*tally)                  // gives the plain end
	late     func(*tally, time.Time) limit // the last lawful instant, from the plain end; absent: the same
	eased    bool                          // late is for some only, so it holds where a rule says so
}

// ofPlace marks rules that look at the calendar of the addressee's country.
const ofPlace = "place"

// tally is one count: what goes in, and what comes out.
type tally struct {
	start time.Time
	n     int
	zone  *time.Location
	cal   *calendar

	end     time.Time
	skipped []day // that did not count
	beyond  bool  // the calendar ends first: end is the earliest it can be
}

// limit is the last lawful instant, and the days that moved it there.
type limit struct {
	at    time.Time
	moved []day
	known bool // false: the calendar ends first
}

var countingRules = map[string]countingRule{
	"hours":              {add: hours},
	"eu-hours":           {add: hours, late: fullHour},
	"dora":               {add: hours, late: noonAfter, calendar: ofPlace, eased: true},
	"cal-days":           {add: days},
	"cal-months":         {add: months},
	"year-days":          {add: yearDays},
	"eu-days":            {add: days, late: nextWorkday, calendar: ofPlace},
	"eu-months":          {add: months, late: nextWorkday, calendar: ofPlace},
	"eu-months-national": {add: months},
	"dora-months":        {add: months, late: noonAfter, calendar: ofPlace, eased: true},
	"sec-bd":             {add: workdays, calendar: "US-SEC"},
	"us-bd":              {add: workdays, calendar: "US"},
	"br-bd":              {add: workdays, calendar: "BR"},
	"cn-wd":              {add: workdays, calendar: "CN"},
	"jp-days":            {add: daysFromFirst, late: nextWorkday, calendar: "JP"},
}

func (t *tally) first() day { return dayOf(t.start, t.zone) }

func hours(t *tally) { t.end = t.start.Add(time.Duration(t.n) * time.Hour).UTC() }

func days(t *tally) { t.end = (t.first() + day(t.n)).end(t.zone) }

// daysFromFirst counts the day of the start as day 1.
func daysFromFirst(t *tally) { t.end = (t.first() + day(t.n) - 1).end(t.zone) }

// months end on the day of the same number, else on the last of the month.
func months(t *tally) {
	y, m, d := t.first().utc().Date()
	last := time.Date(y, m+time.Month(t.n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	t.end = dateOf(y, m+time.Month(t.n), min(d, last)).end(t.zone)
}

// yearDays are counted from the end of the start's calendar year.
func yearDays(t *tally) {
	t.end = (dateOf(t.first().utc().Year(), time.December, 31) + day(t.n)).end(t.zone)
}

// workdays counts working days after the first day, so a period that starts on a day off begins with the
// next working day. Past the calendar's end every day might be worked, which gives the earliest end.
func workdays(t *tally) {
	d := t.first()
	for left := t.n; left > 0; {
		d++
		switch {
		case !t.cal.covers(d):
			t.beyond = true
			left--
		case t.cal.working(d):
			left--
		default:
			t.skipped = append(t.skipped, d)
		}
	}
	t.end = d.end(t.zone)
}

// fullHour: the hour of the event is not counted, so the period runs from the next full hour.
func fullHour(t *tally, end time.Time) limit {
	local := end.In(t.zone)
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return limit{at: end.Add(time.Hour - into).UTC(), known: true}
}

// nextWorkday moves a last day that is not worked to the end of the next that is.
func nextWorkday(t *tally, end time.Time) limit {
	d, moved, known := t.nextWorked(end)
	if len(moved) == 0 {
		return limit{at: end, known: known}
	}
	return limit{at: d.end(t.zone), moved: moved, known: known}
}

// noonAfter moves an end on a day that is not worked to noon of the next that is.
func noonAfter(t *tally, end time.Time) limit {
	d, moved, known := t.nextWorked(end)
	if len(moved) == 0 {
		return limit{at: end, known: known}
	}
	return limit{at: d.noon(t.zone), moved: moved, known: known}
}

func (t *tally) nextWorked(end time.Time) (d day, moved []day, known bool) {
	d = dayOf(end, t.zone)
	for ; t.cal.covers(d); d++ {
		if t.cal.working(d) {
			return d, moved, true
		}
		moved = append(moved, d)
	}
	return d, nil, false
}
