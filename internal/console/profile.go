package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// profileModel is the operator as the law sees it, and as its notices name it.
type profileModel struct {
	page
	forms
	Hash                     string
	Profile                  obligation.Profile
	Roles, Sectors, Channels []pick
	Registrations, Settings  []profileOption
	Statements               []pick
	Establishments           string
	Authorities, Targets     string
	Standing                 []standingRow
	Teams                    []pick
	May                      bool // the viewer may save
}

// pick is a choice that was made or not.
type pick struct {
	Value, Text string
	Chosen      bool
}

// profileOption is a registration or setting with its answers.
type profileOption struct {
	Name, Ask, Value string
	Words            []pick // none: a text
}

// standingRow is an authorisation given beforehand, as a form takes it.
type standingRow struct {
	No                     int
	Rules, Team, Note, Day string
	First, Second          string // who signed
	Over                   bool   // its time is past: it goes unless it is renewed
	Known                  bool
}

func (r *request) profilePage() error { return r.showProfile(http.StatusOK, nil) }

func (r *request) showProfile(status int, bad forms) error {
	p, hash, err := r.Playbooks.Profile(r.ctx(), r.scope)
	if err != nil && !incident.IsFault(err, incident.NotFound) {
		return err
	}
	c := r.Playbooks.Choices()
	m := &profileModel{page: r.page("profile.title"), forms: bad, Hash: hash, Profile: p, May: r.Can("manage"),
		Roles: r.picks("profile-role", c.Roles, p.Roles), Sectors: r.picks("sector", c.Sectors, p.Sectors), Channels: r.picks("channel", ordered(p.Channels, c.Channels), p.Channels),
		Establishments: strings.Join(p.Establishments, ", "), Authorities: lines(p.Authorities), Targets: lines(p.Targets)}
	m.Nav = "profile"
	for _, q := range c.Registrations {
		m.Registrations = append(m.Registrations, r.profileOption(q, p.Registrations[q.Name]))
	}
	for _, q := range c.Settings {
		m.Settings = append(m.Settings, r.profileOption(q, p.Settings[q.Name]))
	}
	for _, id := range sorted(c.Statements) {
		m.Statements = append(m.Statements, pick{Value: id, Text: r.local(c.Statements[id]), Chosen: p.Commitments == id})
	}
	m.Standing, m.Teams = r.standingRows(p.Standing), r.picks("team", teams, nil)
	r.show(status, "profile", m)
	return nil
}

// standingRows are those that stand, and a free one.
func (r *request) standingRows(all []obligation.Standing) (out []standingRow) {
	for i, s := range all {
		row := standingRow{No: i, Rules: strings.Join(s.Rules, "\n"), Team: s.Team, Note: s.Note, Day: s.Until.In(r.zone).Format(time.DateOnly),
			Over: !s.Until.After(r.now), Known: true}
		if len(s.SignedBy) == 2 {
			row.First, row.Second = s.SignedBy[0], s.SignedBy[1]
		}
		out = append(out, row)
	}
	return append(out, standingRow{No: len(all)})
}

// readStanding takes the rows that are to stand; an authorisation ends with its last day.
// at says in which row of the form each of them stands.
func (r *request) readStanding() (out []obligation.Standing, at []int) {
	for i := range mostStanding {
		text := func(name string) string {
			return strings.TrimSpace(r.PostForm("standing." + strconv.Itoa(i) + "." + name))
		}
		if text("remove") != "" || text("rules")+text("team")+text("first")+text("second")+text("until")+text("note") == "" {
			continue
		}
		s := obligation.Standing{Rules: given(strings.FieldsFunc(text("rules"), func(c rune) bool { return strings.ContainsRune(" ,;，、\r\n", c) })), Team: text("team"),
			Note: text("note"), SignedBy: given([]string{text("first"), text("second")})}
		if day, err := time.ParseInLocation(time.DateOnly, text("until"), r.zone); err == nil {
			s.Until = day.AddDate(0, 0, 1).Add(-time.Second).UTC()
		}
		out, at = append(out, s), append(at, i)
	}
	return out, at
}

const mostStanding = 50

// teams that the playbooks of this program name.
var teams = []string{"incident-lead", "dpo-team", "legal", "comms"}

// ordered puts the chosen first, in their order.
func ordered(chosen, all []string) []string {
	out := slices.Clone(chosen)
	for _, v := range all {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (r *request) picks(list string, all, chosen []string) (out []pick) {
	for _, v := range all {
		out = append(out, pick{Value: v, Text: r.word(list, v), Chosen: slices.Contains(chosen, v)})
	}
	return out
}

func (r *request) profileOption(c obligation.Choice, value any) profileOption {
	o := profileOption{Name: c.Name, Ask: cmp.Or(r.local(c.Ask), r.word("setting", c.Name))}
	switch v := value.(type) {
	case string:
		o.Value = v
	case bool:
		o.Value = map[bool]string{true: "true", false: "false"}[v]
	}
	words := c.Words
	if c.Is == "flag" {
		words = []string{"true", "false"}
	}
	for _, w := range words {
		o.Words = append(o.Words, pick{Value: w, Text: r.word("registration", w), Chosen: w == o.Value})
	}
	return o
}

// lines writes a map one entry a line.
func lines(m map[string]string) string {
	var b strings.Builder
	for _, k := range sorted(m) {
		b.WriteString(k + " = " + m[k] + "\n")
	}
	return b.String()
}

// readLines reads what lines has written; a line without = counts as a key without a value.
func readLines(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r", ""), "\n") {
		if key, value, _ := strings.Cut(line, "="); strings.TrimSpace(key) != "" {
			out[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return out
}

// saveProfile stores a new version of the profile; open incidents are derived again.
func (r *request) saveProfile() error {
	form := r.Request.PostForm
	p, _, err := r.Playbooks.Profile(r.ctx(), r.scope)
	if err != nil && !incident.IsFault(err, incident.NotFound) {
		return err
	}
	p.Operator, p.Roles, p.Sectors, p.Channels = r.Operator, given(form["roles"]), given(form["sectors"]), given(form["channels"])
	p.Establishments = given(strings.FieldsFunc(strings.ToUpper(r.PostForm("establishments")), func(c rune) bool { return strings.ContainsRune(", ;，、\n", c) }))
	p.Commitments, p.Authorities, p.Targets = r.PostForm("commitments"), readLines(r.PostForm("authorities")), readLines(r.PostForm("targets"))
	p.Registrations, p.Settings = map[string]any{}, map[string]string{}
	c := r.Playbooks.Choices()
	for _, q := range c.Registrations {
		switch value := strings.TrimSpace(r.PostForm("reg." + q.Name)); value {
		case "":
		case "true", "false":
			p.Registrations[q.Name] = value == "true"
		default:
			p.Registrations[q.Name] = value
		}
	}
	for _, q := range c.Settings {
		if value := r.PostForm("set." + q.Name); value != "" {
			p.Settings[q.Name] = value
		}
	}
	var at []int
	p.Standing, at = r.readStanding()
	p.Org = r.readOrganisation()
	if _, err := r.Playbooks.PutProfile(r.ctx(), r.scope, r.PostForm("hash"), p); err != nil {
		bad := r.rejected("profile", err)
		if bad == nil {
			return err
		}
		bad["profile"].moved("/standing/", at)
		return r.showProfile(bad["profile"].Status, bad)
	}
	return r.done("/profile", "profile")
}

func given(values []string) []string {
	out := []string{}
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (r *request) readOrganisation() templates.Organisation {
	text := func(name string) string { return strings.TrimSpace(r.PostForm("org." + name)) }
	both := func(name string) map[string]string {
		out := map[string]string{}
		for _, l := range append(slices.Clone(locales), "zh-Hant") {
			if t := text(name + "." + l); t != "" {
				out[l] = t
			}
		}
		return out
	}
	return templates.Organisation{Name: both("name"), Contact: both("contact"), Site: text("site"), Sender: text("sender"), SMSSign: text("sms_sign"),
		SMSTemplate: text("sms_template"), Zone: text("zone"), Reporter: text("reporter")}
}
