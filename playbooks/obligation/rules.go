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
	Zone        string                `yaml:"zone"` // of the authorities in this file
	Instruments map[string]instrument `yaml:"instruments"`
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
	Regions []string `yaml:"regions"`
	Sectors []string `yaml:"sectors"`
	Country words    `yaml:"country"`
	Sector  words    `yaml:"sector"`
}

// instrument is a law, measure or standard that rules cite.
type instrument struct {
	At    place
	Title string `yaml:"title"`
	Gloss string `yaml:"gloss"`
	URL   string `yaml:"url"`
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
	uses   []int
	yes    filled
	no     filled
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
	Off        string          `yaml:"off"` // why it is off; absent: on
	Title      words           `yaml:"title"`
	When       []*clauseDef    `yaml:"when"`
	To         []*addresseeDef `yaml:"to"`
	Kind       string          `yaml:"kind"`
	Urgency    string          `yaml:"urgency"`
	Anchor     located         `yaml:"anchor"`
	Deadline   *periodDef      `yaml:"deadline"`
	LegalLimit *periodDef      `yaml:"legal_limit"`
	Items      []located       `yaml:"items"`
	Channels   []string        `yaml:"channels"`
	Exemption  *exemptionDef   `yaml:"exemption"`
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
	At       place
	Name     string    `yaml:"name"` // may hold {province}
	If       located   `yaml:"if"`
	Kind     string    `yaml:"kind"`
	Anchor   located   `yaml:"anchor"`
	Items    []located `yaml:"items"`
	Promise  string    `yaml:"promise"` // notice or report: items and channels of the operator's commitments
	Channels []string  `yaml:"channels"`
	MetBy    []string  `yaml:"met_by"`
	test     node
	items    []requirement
}

// requirement is a resolved content item of a row.
type requirement struct {
	templates.Requirement
	listed   string // the item of the law, in content_items
	optional bool
	test     node
}

// periodDef is a length of time and how it is counted.
type periodDef struct {
	At    place
	N     int    `yaml:"n"`
	Count string `yaml:"count"`
}

// exemptionDef is named when it could apply; applying it is a person's decision.
type exemptionDef struct {
	At     place
	ID     string    `yaml:"id"`
	If     located   `yaml:"if"`
	Never  located   `yaml:"never"` // when this holds it is not even proposed
	Text   words     `yaml:"text"`
	Source sourceDef `yaml:"source"`
	test   node
	never  node
	source Source
}

type validDef struct {
	At    place
	From  string `yaml:"from"`
	Until string `yaml:"until"`
	from  time.Time
	until time.Time // zero: open; the first instant it no longer holds
}

// commitments is what one operator has promised in its own statement.
type commitments struct {
	At        place
	ID        located     `yaml:"id"`
	Operator  words       `yaml:"operator"`
	Statement statement   `yaml:"statement"`
	Trigger   string      `yaml:"trigger"` // in the statement's words
	Covers    string      `yaml:"covers"`  // personal_data | user_information
	Does      words       `yaml:"does"`
	Notice    *promiseDef `yaml:"notice"`
	Report    *promiseDef `yaml:"report"`
	Contacts  []string    `yaml:"contacts"`
	Answers   string      `yaml:"answers"` // time it promises for answers to people's questions
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
	Terms    string    `yaml:"terms"` // in the statement's words
	Items    []located `yaml:"items"`
	Channels []string  `yaml:"channels"`
	Also     []string  `yaml:"also"` // channels it names that are not ids of ours; the list is open
	items    []requirement
}

// law is the compiled set.
type law struct {
	files       map[string][]byte
	vocabulary  *vocabulary
	regions     regions
	coverage    coverage
	instruments map[string]instrument
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
	return Source{Title: i.Title, Article: d.Article, URL: i.URL}
}
