package templates

import (
	"fmt"
	"strings"
	"time"

	"tocsin/incident"
)

// moment prints a time fact, as precise as it is known and no more.
func (p *pen) moment(f incident.Fact, sentence bool) string {
	v, _ := f.Value.(string)
	return p.sure(f, p.time(v, sentence))
}

// time prints a time of the vocabulary: YYYY, YYYY-MM, YYYY-MM-DD or RFC 3339, the last in the pen's
// zone, which is named. Inside a sentence, English needs a preposition.
func (p *pen) time(v string, sentence bool) string {
	for _, form := range []struct{ layout, zh, en, prep string }{
		{"2006", "2006年", "2006", "in "},
		{"2006-01", "2006年1月", "January 2006", "in "},
		{time.DateOnly, "2006年1月2日", "2 January 2006", "on "},
		{time.RFC3339Nano, "2006年1月2日15:04", "2 January 2006, 15:04", "on "},
	} {
		t, err := time.Parse(form.layout, v)
		if err != nil {
			continue
		}
		exact := form.layout == time.RFC3339Nano
		if exact {
			t = t.In(p.zone)
		}
		out := t.Format(form.zh)
		if p.locale == "en" {
			if out = t.Format(form.en); sentence {
				out = form.prep + strings.Replace(out, ", ", " at ", 1)
			}
		}
		if exact {
			return p.inZone(out, t)
		}
		return out
	}
	return ""
}

func (p *pen) inZone(text string, t time.Time) string {
	name := p.w.Zones[p.zone.String()][p.locale]
	if name == "" {
		name = t.Format("UTC-07:00")
	}
	if p.locale == "en" {
		return fmt.Sprintf("%s (%s)", text, name)
	}
	return fmt.Sprintf("%s（%s）", text, name)
}
