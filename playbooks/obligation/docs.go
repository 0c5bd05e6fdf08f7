package obligation

import (
	"fmt"
	"strings"
)

// RuleInfo is a rule as lists show it.
type RuleInfo struct {
	ID           string            `json:"id"`
	Jurisdiction string            `json:"jurisdiction"` // CN, EU …
	Title        map[string]string `json:"title"`
	Addressees   []string          `json:"addressees"`
	Deadline     string            `json:"deadline"`
	Anchor       string            `json:"anchor"`
	Source       Source            `json:"source"`
	Confidence   string            `json:"confidence"`
	Voluntary    bool              `json:"voluntary,omitempty"`
	Off          map[string]string `json:"off,omitempty"` // why it is off; absent: on
	Note         map[string]string `json:"note,omitempty"`
}

// List is every rule in the order of the law files, versions over time one by one.
func (e *Engine) List() []RuleInfo {
	out := make([]RuleInfo, 0, len(e.law.rules))
	for _, r := range e.law.rules {
		info := RuleInfo{ID: r.ID.text, Jurisdiction: r.jurisdiction(), Title: r.Title, Deadline: r.allowed(), Source: r.source,
			Confidence: r.Confidence, Voluntary: r.Voluntary, Off: r.Off, Note: r.Note}
		for _, to := range r.To {
			info.Addressees = union(info.Addressees, []string{to.Name})
			for _, a := range to.Anchor {
				if !strings.Contains(info.Anchor, a.text) {
					info.Anchor = strings.TrimPrefix(info.Anchor+", "+a.text, ", ")
				}
			}
		}
		out = append(out, info)
	}
	return out
}

func (r *ruleDef) jurisdiction() string {
	code, _, _ := strings.Cut(r.ID.text, "-")
	return strings.ToUpper(code)
}

// allowed is the time that the law gives, in words.
func (r *ruleDef) allowed() string {
	text := r.Deadline.allowed()
	if text == "" {
		text = r.Urgency
	}
	if limit := r.LegalLimit.allowed(); limit != "" {
		text += "; by law " + limit
	}
	for _, to := range r.To {
		if own := to.Deadline.allowed(); to.Deadline != r.Deadline {
			text += "; " + to.base + ": " + own
		}
	}
	return text
}

func (p *periodDef) allowed() string {
	switch {
	case p == nil:
		return ""
	case p.With != "":
		return "not later than " + p.With
	case p.Before != "":
		return "before " + p.Before
	case p.AtTime.text != "":
		return "at " + p.AtTime.text
	}
	text := fmt.Sprintf("%d %s", p.N, p.Count)
	if p.Cap != nil {
		text += ", at most " + p.Cap.allowed()
		if p.Cap.Anchor.text != "" {
			text += " from " + p.Cap.Anchor.text
		}
	}
	if p.If.text != "" {
		text += " (for some)"
	}
	return text
}

// Docs is the law as a page for readers: every duty, scheme and calendar, and what is off and why.
func (e *Engine) Docs() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# The law as data\n")
	line("Written by `tocsin law docs` from the rule files; do not edit. Not legal advice: counsel decides.\n")
	line("Confidence: V2 and V1 the article was read in two places or one, V the official text was read, S secondary sources only,")
	line("K and M known but not read again. A rule that is off never starts a clock.\n")
	line("Time: hours run through nights, weekends and holidays; `cal-days` and `cal-months` never move. `eu-days`, `eu-months` and `jp-days`")
	line("that end on a day off move to the next working day, `dora` and `dora-months` to its noon, `eu-hours` to the next full hour;")
	line("`-wd` and `-bd` are working days. \"By law\" is a later limit: the alarm is on the first.\n")
	rules := e.List()
	for _, jurisdiction := range e.Jurisdictions() {
		line("## %s\n", jurisdiction)
		line("| duty | | to | time | from | law | confidence | on |\n|---|---|---|---|---|---|---|---|")
		for _, r := range rules {
			if r.Jurisdiction == jurisdiction {
				line("| `%s` | %s%s | %s | %s | %s | %s, %s | %s | %s |", r.ID, cell(words(r.Title).in("en")), noted(r.Note), codes(r.Addressees), cell(r.Deadline), codes(strings.Split(r.Anchor, ", ")),
					cell(r.Source.Title), cell(r.Source.Article), r.Confidence, status(r))
			}
		}
		line("")
	}
	e.schemeDocs(line)
	e.promiseDocs(line)
	e.coverDocs(line)
	e.calendarDocs(line)
	return b.String()
}

// Jurisdictions that have rules, in the order of the law files.
func (e *Engine) Jurisdictions() []string {
	var out []string
	for _, r := range e.law.rules {
		out = union(out, []string{r.jurisdiction()})
	}
	return out
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ") }

func noted(note words) string {
	if note == nil {
		return ""
	}
	return ". *" + cell(strings.TrimSpace(note.in("en"))) + "*"
}

func codes(names []string) string {
	return "`" + strings.Join(names, "` `") + "`"
}

func status(r RuleInfo) string {
	switch {
	case r.Off != nil:
		return "**off**: " + cell(r.Off["en"])
	case r.Voluntary:
		return "voluntary"
	}
	return "on"
}

func (e *Engine) schemeDocs(line func(string, ...any)) {
	line("## Grading schemes\n\n| scheme | | grades, low to high | conditions | law | confidence |\n|---|---|---|---|---|---|")
	for _, s := range e.law.schemes {
		grades := make([]string, len(s.Grades))
		for i := range s.Grades {
			grades[i] = s.Grades[i] + " " + s.names(i).in("zh-Hans")
		}
		title := cell(s.Title.in("en")) + noted(s.Note)
		if s.Off != nil {
			title += " **off**: " + cell(s.Off.in("en"))
		}
		src := e.law.sourceOf(s.Source)
		line("| `%s` | %s | %s | %d | %s, %s | %s |", s.ID, title, cell(strings.Join(grades, ", ")), len(s.Conditions), cell(src.Title), cell(src.Article), s.Confidence)
	}
	line("")
}

// promiseDocs lists what operators have promised in their own statements.
func (e *Engine) promiseDocs(line func(string, ...any)) {
	line("## Statements of operators\n\nA promise binds only the operator who made it, on top of the law.\n")
	line("| statement | trigger | told | reported | answers | people | besides |\n|---|---|---|---|---|---|---|")
	for _, c := range e.Commitments() {
		does := ""
		if c.Plan {
			does = " Names the national plan."
		}
		var answers, people, terms []string
		for _, a := range c.Answers {
			answers = append(answers, a.String())
		}
		for _, p := range c.People {
			people = append(people, p.Who+": "+words(p.Says).in("en"))
		}
		for _, w := range c.Terms {
			terms = append(terms, words(w).in("en"))
		}
		line("| `%s` %s, %s | %s | %s | %s%s | %s | %s | %s |", c.ID, cell(words(c.Operator).in("en")), cell(strings.TrimSpace(c.Title+" "+c.Version+" "+c.Date)), cell(c.Trigger),
			c.Notice, c.Report, does, cell(strings.Join(answers, "; ")), cell(strings.Join(people, "; ")), cell(strings.Join(terms, "; ")))
	}
	line("")
}

// String is a promise on one line.
func (p *Promise) String() string {
	if p == nil {
		return "–"
	}
	text := cell(p.Terms) + " (" + codes(p.Items) + ")"
	if p.Network {
		text = cell(p.Trigger) + ", whatever happened to data: " + text
	}
	if len(p.Channels) > 0 {
		text += " by " + strings.Join(p.Channels, ", ")
	}
	return text
}

// String is a promised time on one line.
func (a Answer) String() string {
	period := func(c Count) string { return fmt.Sprintf("%d %s", c.N, countWords[c.Rule].in("en")) }
	text := a.Of + " in " + period(a.Within)
	if a.AtMost != nil {
		text += ", at most " + period(*a.AtMost)
	}
	if a.Verified {
		text += " after identity is verified"
	}
	return text
}

func (e *Engine) calendarDocs(line func(string, ...any)) {
	line("## Calendars\n\nA period that would end after the last covered day gets no date until the calendar is extended.\n")
	line("| calendar | | last covered day |\n|---|---|---|")
	for _, id := range sortedKeys(e.law.calendars) {
		c := e.law.calendars[id]
		line("| `%s` | %s | %s |", id, cell(c.name.in("en")), c.end())
	}
}

func (e *Engine) coverDocs(line func(string, ...any)) {
	line("## Researched\n\nA country or sector that is not here becomes an open question, never silence.\n\n| region | sectors |\n|---|---|")
	sectors := map[string][]string{}
	for _, c := range e.law.covers {
		for _, region := range c.Regions {
			sectors[region] = union(sectors[region], c.Sectors)
		}
	}
	for _, region := range sortedKeys(sectors) {
		line("| %s | %s |", region, strings.Join(sectors[region], ", "))
	}
	line("")
}
