package obligation

import "tocsin/templates"

// commitments is what one operator has promised in its own statement.
type commitments struct {
	At        place
	ID        located      `yaml:"id"`
	Operator  words        `yaml:"operator"`
	Statement statement    `yaml:"statement"`
	Trigger   string       `yaml:"trigger"` // in the statement's words
	Covers    string       `yaml:"covers"`  // personal_data | user_information
	Does      words        `yaml:"does"`
	Plan      bool         `yaml:"plan"` // it says that it reports under the National Cybersecurity Incident Emergency Plan
	Notice    *promiseDef  `yaml:"notice"`
	Report    *promiseDef  `yaml:"report"`
	Contacts  []string     `yaml:"contacts"`
	Answers   []*answerDef `yaml:"answers"` // the time it promises for answers to people
	People    []*peopleDef `yaml:"people"`  // who else is concerned than the user with an account, and what it says of them
	Terms     []words      `yaml:"terms"`   // what else in it bears on an incident
	version   string
}

// statement identifies the text that promises. Its hash is set once the operator supplies the text.
type statement struct {
	Title   string `yaml:"title"`
	Version string `yaml:"version"`
	Date    string `yaml:"date"`
	SHA256  string `yaml:"sha256"`
}

type promiseDef struct {
	At       place
	Trigger  string    `yaml:"trigger"` // in the statement's words, where it is not the statement's
	Covers   string    `yaml:"covers"`  // network: any incident of the network; absent: as the statement
	Terms    string    `yaml:"terms"`   // in the statement's words
	Items    []located `yaml:"items"`
	Channels []string  `yaml:"channels"`
	Also     []string  `yaml:"also"` // channels it names that are not ids of ours; the list is open
	items    []requirement
}

// answerDef is the time within which one kind of request is answered, beginning once the person is known.
type answerDef struct {
	At       place
	Of       string     `yaml:"of"` // requests (rights), enquiries, all
	Within   *periodDef `yaml:"within"`
	AtMost   *periodDef `yaml:"at_most"`
	Verified bool       `yaml:"verified"` // counted from when the person's identity is verified
}

// peopleDef is a relation to people that a statement names.
type peopleDef struct {
	At          place
	Who         string `yaml:"who"`
	Under       int    `yaml:"under"`       // of minors: the age
	Guardian    bool   `yaml:"guardian"`    // a guardian is involved or asked
	Instruction bool   `yaml:"instruction"` // answered only on the customer's instruction
	Unreached   bool   `yaml:"unreached"`   // has no app or account, so a push alone does not reach them
	Says        words  `yaml:"says"`
}

// What a statement may promise, and of whom.
var (
	coverages = []string{"personal_data", "user_information"}
	wider     = []string{"network"}
	askedFor  = []string{"requests", "enquiries", "all"}
	relations = []string{"minors", "guardians", "relatives", "former-customers", "customers", "visitors", "applicants", "partners", "mailbox-owners"}
)

// check reports what is missing or misspelt.
func (c *commitments) check(at place) []Fault {
	faults := oneOf(at, "covers", c.Covers, coverages)
	for _, p := range []*promiseDef{c.Notice, c.Report} {
		if p != nil && p.Covers != "" {
			faults = append(faults, oneOf(p.At, "covers", p.Covers, wider)...)
		}
	}
	for _, a := range c.Answers {
		faults = append(faults, oneOf(a.At, "of", a.Of, askedFor)...)
		if a.Within == nil {
			faults = append(faults, a.At.fault("the answer has no time (within)"))
		}
		for _, p := range []*periodDef{a.Within, a.AtMost} {
			if p != nil && (p.N <= 0 || countingRules[p.Count].add == nil) {
				faults = append(faults, p.At.fault("a period needs n above 0 and a counting rule"))
			}
		}
	}
	for _, p := range c.People {
		faults = append(faults, oneOf(p.At, "who", p.Who, relations)...)
		faults = append(faults, p.Says.check(p.At, "what the statement says of "+p.Who)...)
	}
	for _, w := range c.Terms {
		faults = append(faults, w.check(at, "a term of the statement")...)
	}
	return faults
}

// promise checks a statement and resolves its items.
func (l *law) promise(c *commitments) []Fault {
	var faults []Fault
	at := c.ID.at
	if at.line == 0 {
		at = c.At
	}
	if c.ID.text == "" || l.commitments[c.ID.text] != nil {
		faults = append(faults, at.fault("the commitments need an id of their own"))
	}
	l.commitments[c.ID.text] = c
	faults = append(faults, c.check(at)...)
	faults = append(faults, c.Operator.check(at, "the operator")...)
	if c.Statement.Title == "" || c.Trigger == "" {
		faults = append(faults, at.fault("missing source: statement title and trigger"))
	}
	for kind, p := range map[string]*promiseDef{string(templates.Notice): c.Notice, string(templates.Report): c.Report} {
		if p == nil {
			continue
		}
		for _, ch := range p.Channels {
			faults = append(faults, oneOf(p.At, "channel", ch, channelIDs)...)
		}
		var broken []Fault
		p.items, broken = l.resolve(p.Items, kind, "cn-privacy-promise")
		for i := range p.items {
			p.items[i].Law = c.Statement.Title
			p.items[i].Article = p.Terms
		}
		faults = append(faults, broken...)
	}
	return faults
}

// Commitments is an operator's own statement as a reader sees it.
type Commitments struct {
	ID       string              `json:"id"`
	Operator map[string]string   `json:"operator"`
	Title    string              `json:"title"`
	Version  string              `json:"version,omitempty"`
	Date     string              `json:"date,omitempty"`
	Trigger  string              `json:"trigger"`
	Does     map[string]string   `json:"does,omitempty"`
	Plan     bool                `json:"plan,omitempty"` // reports under the national plan
	Notice   *Promise            `json:"notice,omitempty"`
	Report   *Promise            `json:"report,omitempty"`
	Contacts []string            `json:"contacts,omitempty"`
	Answers  []Answer            `json:"answers,omitempty"`
	People   []Relation          `json:"people,omitempty"`
	Terms    []map[string]string `json:"terms,omitempty"`
}

// Promise is what a statement says of notices or of reports.
type Promise struct {
	Trigger  string   `json:"trigger"`
	Network  bool     `json:"network,omitempty"` // for any incident of the network, whatever happened to data
	Terms    string   `json:"terms"`
	Items    []string `json:"items"`
	Channels []string `json:"channels,omitempty"`
}

// Answer is a promised time for answers, in days; AtMost is the outer limit where there is one.
type Answer struct {
	Of       string `json:"of"` // requests, enquiries, all
	Within   Count  `json:"within"`
	AtMost   *Count `json:"at_most,omitempty"`
	Verified bool   `json:"verified,omitempty"` // counted once identity is verified
}

// Relation is somebody whom a statement names beside its user.
type Relation struct {
	Who         string            `json:"who"`
	Under       int               `json:"under,omitempty"`
	Guardian    bool              `json:"guardian,omitempty"`
	Instruction bool              `json:"instruction,omitempty"`
	Unreached   bool              `json:"unreached,omitempty"`
	Says        map[string]string `json:"says"`
}

// Commitments are the known statements in order of id.
func (e *Engine) Commitments() []Commitments {
	var out []Commitments
	for _, id := range sortedKeys(e.law.commitments) {
		out = append(out, e.law.commitments[id].shown())
	}
	return out
}

func (c *commitments) shown() Commitments {
	out := Commitments{ID: c.ID.text, Operator: c.Operator, Title: c.Statement.Title, Version: c.Statement.Version, Date: c.Statement.Date,
		Trigger: c.Trigger, Does: c.Does, Plan: c.Plan, Notice: c.Notice.shown(c.Trigger), Report: c.Report.shown(c.Trigger), Contacts: c.Contacts}
	for _, a := range c.Answers {
		one := Answer{Of: a.Of, Within: Count{N: a.Within.N, Rule: a.Within.Count}, Verified: a.Verified}
		if a.AtMost != nil {
			one.AtMost = &Count{N: a.AtMost.N, Rule: a.AtMost.Count}
		}
		out.Answers = append(out.Answers, one)
	}
	for _, p := range c.People {
		out.People = append(out.People, Relation{Who: p.Who, Under: p.Under, Guardian: p.Guardian, Instruction: p.Instruction, Unreached: p.Unreached, Says: p.Says})
	}
	for _, w := range c.Terms {
		out.Terms = append(out.Terms, w)
	}
	return out
}

func (p *promiseDef) shown(trigger string) *Promise {
	if p == nil {
		return nil
	}
	out := &Promise{Trigger: trigger, Network: p.Covers == "network", Terms: p.Terms, Channels: p.Channels, Items: []string{}}
	if p.Trigger != "" {
		out.Trigger = p.Trigger
	}
	for _, i := range p.Items {
		out.Items = append(out.Items, i.text)
	}
	return out
}
