package obligation

import (
	"time"

	"cel.dev/cel-go/cel"

	"tocsin/templates"
)

// lawFile is one file of law/: any mixture of the sections below. See law/README.md for the language.
type lawFile struct {
	Facts       []factDef             `yaml:"facts"`
	Regions     *regions              `yaml:"regions"`
	Coverage    *coverage             `yaml:"coverage"`
	Covers      *covered              `yaml:"covers"` // what this file researched
	Calendars   []*calendarDef        `yaml:"calendars"`
	Zone        string                `yaml:"zone"` // of the authorities in this file
	Instruments map[string]instrument `yaml:"instruments"`
	Addressees  map[string]*authority `yaml:"addressees"`
	Items       map[string]*itemDef   `yaml:"items"`
	Conditions  map[string]*clauseDef `yaml:"conditions"`
	Schemes     []*schemeDef          `yaml:"schemes"`
	Rules       []*ruleDef            `yaml:"rules"`
	At          place
	name        string
}

// coverage says for which countries and sectors rules have been researched and encoded. Others become
// an open question, never silence.
type coverage struct {
	Country words `yaml:"country"`
	Sector  words `yaml:"sector"`
}

// covered are the regions a file's rules were researched for, and in them the sectors.
type covered struct {
	At      place
	Regions []string `yaml:"regions"`
	Sectors []string `yaml:"sectors"`
}

// instrument is a law, measure or standard that rules cite.
type instrument struct {
	At    place
	Title string `yaml:"title"`
	Gloss string `yaml:"gloss"`
	URL   string `yaml:"url"`
}

// authority is whom a duty is owed to, by the part of its addressee before the colon, and how to reach it.
type authority struct {
	At       place
	Name     words         `yaml:"name"`
	Contacts []*contactDef `yaml:"contacts"`
}

// contactDef is a published way to reach an authority, for a province or sector where it names one.
type contactDef struct {
	At         place
	By         string `yaml:"by"` // phone, site, app, mail, fax, post
	Value      string `yaml:"value"`
	Region     string `yaml:"region"`
	Sector     string `yaml:"sector"`
	Note       words  `yaml:"note"`
	Source     string `yaml:"source"`
	Confidence string `yaml:"confidence"`
}

// itemDef is one thing that a law wants a document to say.
type itemDef struct {
	At      place
	Term    string   `yaml:"term"`
	Gloss   string   `yaml:"gloss"`
	Law     string   `yaml:"law"`
	Article string   `yaml:"article"`
	Notice  []string `yaml:"notice"`   // blocks of a notice that answer it
	Report  []string `yaml:"report"`   // blocks of a report; the item's own id when absent
	Open    bool     `yaml:"open"`     // the law allows "not yet known"
	PartOf  string   `yaml:"part_of"`  // the item of the law it is a part of
	Other   bool     `yaml:"optional"` // listed, but nothing has to be said
	If      located  `yaml:"if"`       // required only then
	test    node
}

// clauseDef is a condition with its reason in words, for when it holds and when it does not.
type clauseDef struct {
	At     place
	If     located `yaml:"if"`
	Yes    words   `yaml:"yes"`
	No     words   `yaml:"no"`
	Assess bool    `yaml:"assess"` // while unknown the duty is assessment_open: the clock is shown, a person must decide
	eval   node
	refs   refs
	yes    filled
	no     filled
	named  int // one more than the index of the named condition that it is, 0 for none
}

// schemeDef grades an incident: any condition that holds gives its grade, the highest counts.
type schemeDef struct {
	At         place
	ID         string       `yaml:"id"`
	Title      words        `yaml:"title"`
	Source     sourceDef    `yaml:"source"`
	When       []*clauseDef `yaml:"when"`
	Grades     []string     `yaml:"grades"` // from low to high
	Conditions []*gradeDef  `yaml:"conditions"`
	Confidence string       `yaml:"confidence"`
	Note       words        `yaml:"note"`
	Off        words        `yaml:"off"`
	// Names of grades that are not the four of the State's scheme (general, larger, major, extreme).
	Names map[string]words `yaml:"names"`
	open  *val             // what a condition is that waits for its grade
}

type gradeDef struct {
	At    place
	ID    string  `yaml:"id"`
	Grade string  `yaml:"grade"`
	If    located `yaml:"if"`
	Yes   words   `yaml:"yes"`
	Flag  located `yaml:"flag"` // when it also holds, a person should look: the text is read broadly
	rank  int
	eval  node
	refs  refs
	flag  node
	words filled
}

type sourceDef struct {
	At         place
	Instrument string `yaml:"instrument"`
	Article    string `yaml:"article"`
}

// ruleDef is one duty of one law.
type ruleDef struct {
	At         place
	ID         located         `yaml:"id"`
	Off        words           `yaml:"off"`        // why it is off; absent: on
	Voluntary  bool            `yaml:"voluntary"`  // a reminder that never alarms
	Phrase     string          `yaml:"phrase"`     // the law's own words for the time allowed
	Note       words           `yaml:"note"`       // what a reader must know: a reading of the text, a status not checked
	Substitute bool            `yaml:"substitute"` // the note says how whom the notice does not reach is told
	Title      words           `yaml:"title"`
	When       []*clauseDef    `yaml:"when"`
	To         []*addresseeDef `yaml:"to"`
	Kind       string          `yaml:"kind"`
	Urgency    string          `yaml:"urgency"`
	Anchor     anchors         `yaml:"anchor"`
	Until      located         `yaml:"until"`   // the anchor that ends it: once known, no longer owed
	Repeats    bool            `yaml:"repeats"` // owed again each time its anchor moves on
	Deadline   *periodDef      `yaml:"deadline"`
	LegalLimit *periodDef      `yaml:"legal_limit"`
	Items      []located       `yaml:"items"`
	Channels   []string        `yaml:"channels"`
	Also       []string        `yaml:"also"` // channels the law names that are not ids of ours: phone, letter
	Exemptions []*exemptionDef `yaml:"exemptions"`
	Schemes    []located       `yaml:"schemes"` // the gradings its documents name; absent: those its conditions rest on
	Hold       *holdDef        `yaml:"hold"`    // the law lets an authority delay it; absent: no clock stops
	MetBy      []string        `yaml:"met_by"`
	Source     sourceDef       `yaml:"source"`
	Confidence string          `yaml:"confidence"`
	Valid      *validDef       `yaml:"valid"`
	zone       *time.Location
	version    string
	source     Source
}

// addresseeDef is one addressee of a rule: one row. It may differ from the rule in the fields it names.
type addresseeDef struct {
	At         place
	Name       string     `yaml:"name"` // may hold {province}, {place} or {customer}
	Each       *eachDef   `yaml:"each"` // one row for each of these
	If         located    `yaml:"if"`
	Kind       string     `yaml:"kind"`
	Anchor     anchors    `yaml:"anchor"`
	Until      located    `yaml:"until"`
	Repeats    bool       `yaml:"repeats"`
	Deadline   *periodDef `yaml:"deadline"`
	LegalLimit *periodDef `yaml:"legal_limit"`
	Items      []located  `yaml:"items"`
	Promise    string     `yaml:"promise"` // notice or report: items and channels of the operator's commitments
	Channels   []string   `yaml:"channels"`
	MetBy      []string   `yaml:"met_by"`
	test       node
	refs       refs
	items      []requirement
	fixed      *content        // of items without conditions
	exemptions []*exemptionDef // of the rule, those for this addressee
	schemes    []string
	base       string // the name before its colon
	before     string // the name cut at its placeholder
	after      string
	hole       string
	region     string // of {province}: CN, or as in {province:US}
}

// anchors start a clock: of several, the latest that is known.
type anchors []located

// eachDef makes one row for each place or customer; exactly one of its fields is set.
type eachDef struct {
	At             place
	Residents      string `yaml:"residents"`      // region: countries in it where affected people live
	Establishments string `yaml:"establishments"` // region: its countries where the operator is established
	Customers      bool   `yaml:"customers"`      // the controllers for whom the operator processes (fact customers)
}

// holdDef is the delay that a law allows an authority to ask for.
type holdDef struct {
	At     place
	Text   words     `yaml:"text"`
	Source sourceDef `yaml:"source"`
	source Source
}

// requirement is a resolved content item of a row.
type requirement struct {
	templates.Requirement
	listed   string // the item of the law, in content_items
	optional bool
	test     node
}

// periodDef is a length of time and how it is counted.
// Instead of n and count it may take the deadline of another duty (with, before), or an instant that an
// authority has set (at).
type periodDef struct {
	At     place
	N      int        `yaml:"n"`
	Count  string     `yaml:"count"`
	If     located    `yaml:"if"`     // counts, or is taken, only when this holds
	Anchor located    `yaml:"anchor"` // of a cap: what it runs from
	Cap    *periodDef `yaml:"cap"`    // not later than this, unless the clock starts only after it
	With   string     `yaml:"with"`   // not later than the duty of this rule
	Before string     `yaml:"before"` // earlier than the duty of this rule
	AtTime located    `yaml:"at"`     // the instant of this anchor: due:<authority>
	test   node
}

// exemptionDef is named when it could apply; applying it is a person's decision.
type exemptionDef struct {
	At     place
	ID     string    `yaml:"id"`
	If     located   `yaml:"if"`
	Never  located   `yaml:"never"` // when this holds it is not even proposed
	For    []string  `yaml:"for"`   // only towards these addressees, by the part before the colon
	Text   words     `yaml:"text"`
	Lifts  words     `yaml:"lifts"` // what it lifts
	Keeps  words     `yaml:"keeps"` // what it never lifts
	Source sourceDef `yaml:"source"`
	// Substitute says that a public communication takes the place of what it lifts.
	Substitute bool `yaml:"substitute"`
	test       node
	never      node
	source     Source
}

type validDef struct {
	At    place
	From  string `yaml:"from"`
	Until string `yaml:"until"`
	from  time.Time
	until time.Time // zero: open; the first instant it no longer holds
}

// law is the compiled set.
type law struct {
	files       map[string][]byte
	vocabulary  *vocabulary
	regions     regions
	coverage    coverage
	covers      []*covered
	instruments map[string]instrument
	addressees  map[string]*authority
	calendars   map[string]*calendar
	items       map[string]*itemDef
	defs        []*clauseDef
	defNames    []string
	defIndex    map[string]int
	schemes     []*schemeDef
	rules       []*ruleDef
	commitments map[string]*commitments
	env         *cel.Env
	version     string
	bundle      []byte
}

func (l *law) hasGrade(scheme, grade string) bool {
	for _, s := range l.schemes {
		if s.ID == scheme {
			return s.rank(grade) >= 0
		}
	}
	return false
}

func (s *schemeDef) rank(grade string) int {
	for i, g := range s.Grades {
		if g == grade {
			return i
		}
	}
	return -1
}

func (l *law) sourceOf(d sourceDef) Source {
	i := l.instruments[d.Instrument]
	s := Source{Title: i.Title, Article: d.Article, URL: i.URL}
	if i.Gloss != i.Title {
		s.Gloss = i.Gloss
	}
	return s
}
