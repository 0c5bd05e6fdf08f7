package incident

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Type is the type of a fact's value.
type Type string

// The types of the vocabulary. A date may be imprecise (YYYY, YYYY-MM, YYYY-MM-DD) and stays as precise as it came.
const (
	Date    Type = "date"
	Count   Type = "count"   // int64, zero or more
	Number  Type = "number"  // zero or more
	Amount  Type = "amount"  // a number, or a text
	Bool    Type = "bool"    // true or false
	Word    Type = "word"    // one of Words; without Words, a code that matches Pattern
	Words   Type = "words"   // some of Words; without Words, codes that match Pattern
	Text    Type = "text"    // a string, or one per locale
	Texts   Type = "texts"   // a list of texts
	Object  Type = "object"  // of Fields, a whole value
	Objects Type = "objects" // a list of such objects, a whole value
)

// Entry is one kind of fact: where it stands, what it may hold, what it means.
type Entry struct {
	Path    string   `json:"path"` // dotted; a last part "*" stands for one key that matches Pattern
	Type    Type     `json:"type"`
	Words   []string `json:"words,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Fields  []Entry  `json:"fields,omitempty"`
	// Key says that the key itself is knowledge: jurisdictions.CN null is "people in CN, number unknown".
	Key bool `json:"key,omitempty"`
	// PersonOnly facts are decisions: what a tool says about them is left out with a warning.
	PersonOnly bool   `json:"person_only,omitempty"`
	Means      string `json:"means"`
}

const (
	homePattern     = `^([A-Z]{2}(-[A-Z0-9]{1,3})?|EEA)$` // a country, a part of one, or EU, EEA
	regionPattern   = `^[A-Z]{2}(-[A-Z0-9]{1,3})?$`
	anchorPattern   = `^[a-z][a-z0-9_-]{0,63}(:[A-Za-z0-9:_-]{1,100})?$`
	customerPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`
	assessPattern   = `^[a-z][a-z0-9_]{0,63}$`
	localePattern   = `^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`
	longestText     = 20_000
	longestTitle    = 300
	longestList     = 10_000
	earliestYear    = 1950
	mostProblems    = 100
	longestKeyPart  = 64
)

var (
	threats   = []string{"none", "some", "fairly_serious", "serious", "extreme"}
	owners    = []string{"party_gov", "enterprise_inst", "key_news"}
	levels    = []string{"county", "prefecture", "province", "central"}
	mainEvent = []string{"leaked", "stolen", "tampered", "counterfeited", "lost", "none"}
	spread    = []string{"none", "jiaoda", "daliang", "hailiang"}
	findings  = []string{"none", "jiaoda", "da", "teda"}
	dataKinds = []string{"name", "phone", "email", "address", "id_number", "ssn", "passport", "driving_licence", "birth_date",
		"account", "credentials", "biometric", "health", "location", "bank", "payment_card", "minor_data", "communications",
		"other", "personal", "trade_secret", "source_code", "internal", "classified", "unknown"}
)

// vocabulary is every fact there is: those of design section 6, then what single laws ask for.
var vocabulary = slices.Concat(vocabularyCore, vocabularyCN, vocabularySector, vocabularyEU)

// vocabularyCore is every fact of design section 6, in the order people read them.
var vocabularyCore = []Entry{
	{Path: "first_signal_at", Type: Date, Means: "when tools first noticed; set on receipt unless the input names an earlier detection"},
	{Path: "occurred_at", Type: Date, Means: "when it happened or began"},
	{Path: "aware_at", Type: Date, PersonOnly: true, Means: "when the organisation knew: a named person's decision"},
	{Path: "closed_at", Type: Date, PersonOnly: true, Means: "when handling ended: a named person's decision"},
	{Path: "kind", Type: Word, Words: []string{"incident", "threat", "vulnerability"}, Means: "what sort of thing this is"},
	{Path: "confirmed", Type: Bool, Means: "whether it is established; false: it may have happened"},
	{Path: "role", Type: Word, Words: []string{"pi_processor", "entrusted"}, Means: "the operator's role towards the data"},
	{Path: "jurisdictions.*", Type: Count, Pattern: homePattern, Key: true, Means: "people concerned by country (ISO 3166) or group (EU, EEA); null: some, number unknown"},
	{Path: "processed_in", Type: Words, Pattern: regionPattern, Means: "regions where the data was processed (ISO 3166-2)"},
	{Path: "people.count", Type: Count, Means: "people concerned; records are not people"},
	{Path: "people.certainty", Type: Word, Words: []string{"exact", "at_least", "estimate", "unknown"}, Means: "how sure people.count is"},
	{Path: "people.under_14", Type: Count, Means: "of these, under 14"},
	{Path: "people.under_18", Type: Count, Means: "of these, under 18"},
	{Path: "people.sensitive", Type: Count, Means: "of these, with sensitive data concerned"},
	{Path: "records", Type: Count, Means: "records concerned; not people"},
	{Path: "data", Type: Words, Words: dataKinds, Means: "kinds of data concerned"},
	{Path: "user_information", Type: Bool, Means: "data of users is concerned, personal or not"},
	{Path: "data_event", Type: Word, Words: []string{"leaked", "tampered", "lost", "stolen", "counterfeited", "encrypted", "none", "unknown"}, Means: "what happened to the data"},
	{Path: "encrypted_safe", Type: Bool, Means: "the data was encrypted and its keys are safe"},
	{Path: "harm_prevented", Type: Bool, Means: "measures effectively avoid harm"},
	{Path: "harm", Type: Word, Words: []string{"none", "possible", "actual", "unknown"}, Means: "harm to people"},
	{Path: "harm_severity", Type: Word, Words: []string{"none", "ordinary", "serious", "unknown"}, Means: "how bad the harm is"},
	{Path: "risk", Type: Word, Words: []string{"unlikely", "risk", "high", "unknown"}, Means: "risk to the rights of people"},
	{Path: "systems", Type: Objects, Means: "systems concerned", Fields: []Entry{
		{Path: "name", Type: Text}, {Path: "cii", Type: Bool}, {Path: "mlps_level", Type: Count}, {Path: "province", Type: Word, Pattern: regionPattern},
		{Path: "down_since", Type: Date}, {Path: "down_minutes", Type: Number}}},
	{Path: "crime_suspected", Type: Bool, Means: "there are leads of a crime"},
	{Path: "ransom.asked", Type: Bool, Means: "a ransom was asked for"},
	{Path: "ransom.amount", Type: Amount, Means: "how much; text when it names a currency"},
	{Path: "ransom.method", Type: Text, Means: "how it is to be paid"},
	{Path: "ransom.at", Type: Date, Means: "when it was asked for"},
	{Path: "loss_cny", Type: Number, Means: "direct economic loss in CNY"},
	{Path: "public_attention", Type: Text, Means: "what notice the public and the press have taken"},
	{Path: "plan_activated_at", Type: Date, Means: "when the emergency plan was started"},
	{Path: "plan.name", Type: Text, Means: "which emergency plan was started"},
	{Path: "plan.version", Type: Text, Means: "its version"},
	{Path: "plan.level", Type: Text, Means: "the level at which it was started"},
	{Path: "plan.by", Type: Text, Means: "who decided to start it"},
	{Path: "relief.protection", Type: Text, Means: "the reasonable and necessary protection that was in place before"},
	{Path: "relief.handled", Type: Text, Means: "how handling followed the emergency plan"},
	{Path: "relief.reduced", Type: Text, Means: "how effect and harm were effectively reduced"},
	{Path: "customers", Type: Objects, Means: "customers for whom the operator processes the data (they are its controllers)", Fields: []Entry{
		{Path: "id", Type: Word, Pattern: customerPattern}, {Path: "told_at", Type: Date}, {Path: "residents", Type: Words, Pattern: regionPattern},
		{Path: "people", Type: Count}}},
	{Path: "anchors.*", Type: Date, Pattern: anchorPattern, Means: "other instants that clocks start from"},
	{Path: "assessments.*", Type: Bool, Pattern: assessPattern, Means: "what a person has assessed under one law"},
	{Path: "grading.sysloss", Type: Word, Words: []string{"none", "larger", "serious", "extreme"}, Means: "loss of important systems (G1)"},
	{Path: "grading.other_threat", Type: Word, Words: threats, Means: "other threat to state or society (G3, N8)"},
	{Path: "grading.portal", Type: Objects, Means: "portals that were unreachable (N1)", Fields: []Entry{
		{Path: "owner", Type: Word, Words: owners}, {Path: "level", Type: Word, Words: levels}, {Path: "down_min", Type: Number},
		{Path: "cause", Type: Word, Words: []string{"attack", "fault", "other"}}}},
	{Path: "grading.cii.involved", Type: Bool, Means: "critical information infrastructure is involved (N2)"},
	{Path: "grading.cii.whole_down_min", Type: Number, Means: "minutes the whole was down"},
	{Path: "grading.cii.main_down_min", Type: Number, Means: "minutes a main function was down"},
	{Path: "grading.people.province_pct_max", Type: Number, Means: "largest share of a province's people concerned, in per cent (N3)"},
	{Path: "grading.people.prefecture_pct_max", Type: Number, Means: "largest share of a prefecture's people concerned, in per cent"},
	{Path: "grading.people.affected_persons", Type: Count, Means: "people whose work and life are disturbed"},
	{Path: "grading.data.core.event", Type: Word, Words: mainEvent, Means: "what happened to core data (N4)"},
	{Path: "grading.data.important.event", Type: Word, Words: mainEvent, Means: "what happened to important data (N4)"},
	{Path: "grading.data.threat", Type: Word, Words: threats, Means: "threat to national security and social stability, judged by a person"},
	{Path: "grading.pi.leaked_persons", Type: Count, Means: "persons whose personal information leaked (N5)"},
	{Path: "grading.pi.other_event", Type: Word, Words: []string{"lost", "stolen", "tampered", "counterfeited", "none"}, Means: "what else happened to personal information"},
	{Path: "grading.pi.mass_word", Type: Word, Words: spread, Means: "the grading guide's word for the amount, judged by a person"},
	{Path: "grading.deface", Type: Objects, Means: "pages that were defaced (N6)", Fields: []Entry{
		{Path: "owner", Type: Word, Words: append(slices.Clone(owners), "platform")}, {Path: "level", Type: Word, Words: levels},
		{Path: "platform", Type: Word, Words: []string{"ordinary", "large", "super"}}, {Path: "harmful_info", Type: Bool},
		{Path: "home_min", Type: Number}, {Path: "other_min", Type: Number}, {Path: "shares", Type: Count}, {Path: "views", Type: Count},
		{Path: "finding", Type: Word, Words: findings}}},
	{Path: "grading.loss_cny", Type: Number, Means: "direct loss for grading (N7)"},
	{Path: "measures", Type: Objects, Means: "what has been done, and to what effect", Fields: []Entry{
		{Path: "text", Type: Text}, {Path: "taken_at", Type: Date}, {Path: "effect", Type: Text}}},
	{Path: "advice", Type: Texts, Means: "what people can do for themselves"},
	{Path: "remedies", Type: Texts, Means: "what the operator offers to people"},
	{Path: "cause", Type: Object, Means: "why it happened, as far as known", Fields: []Entry{
		{Path: "text", Type: Text}, {Path: "certainty", Type: Word, Words: []string{"suspected", "confirmed", "unknown"}}}},
}

// Vocabulary is every fact there is, in reading order.
func Vocabulary() []Entry { return slices.Clone(vocabulary) }

// Own paths: the incident's own words are kept as facts too, so that the same rules say who wins. They
// are no part of the facts object.
const (
	TitlePath    = "title"
	SummaryPath  = "summary"
	SeverityPath = "severity"
	TagsPath     = "tags"
)

// part is one node of the vocabulary as a tree; a leaf has an entry.
type part struct {
	entry *Entry
	parts map[string]*part
	wild  *part
}

var tree = sync.OnceValue(func() *part {
	root := &part{}
	for i := range vocabulary {
		n := root
		for name := range strings.SplitSeq(vocabulary[i].Path, ".") {
			n = n.child(name)
		}
		n.entry = &vocabulary[i]
	}
	return root
})

func (p *part) child(name string) *part {
	if name == "*" {
		p.wild = &part{}
		return p.wild
	}
	if p.parts == nil {
		p.parts = map[string]*part{}
	}
	if p.parts[name] == nil {
		p.parts[name] = &part{}
	}
	return p.parts[name]
}

// entryOf finds the entry of a flat path; nil for a path the vocabulary does not have.
func entryOf(path string) *Entry {
	n := tree()
	for name := range strings.SplitSeq(path, ".") {
		switch {
		case n.parts[name] != nil:
			n = n.parts[name]
		case n.wild != nil && matches(n.wild.entry.Pattern, name):
			n = n.wild
		default:
			return nil
		}
	}
	return n.entry
}

var patterns sync.Map // of *regexp.Regexp by source

func matches(pattern, s string) bool {
	re, ok := patterns.Load(pattern)
	if !ok {
		re, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return re.(*regexp.Regexp).MatchString(s)
}
