package obligation

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones of authorities must not depend on the machine
)

//go:embed law commitments
var embedded embed.FS

// Lint compiles a tree with law/**.yaml and commitments/*.yaml, such as an operator's own, and lists
// every fault in it. A tree without a vocabulary (facts) is checked on top of the built-in rules. At now
// it also warns of calendars that end before a period that starts then could.
func Lint(fsys fs.FS, now time.Time) []Fault {
	l, faults := load(fsys)
	return sortFaults(append(faults, l.ending(now)...))
}

// Builtin is the tree of the built-in law.
func Builtin() fs.FS { return embedded }

// load reads, checks and compiles a tree. With faults the law must not be used.
func load(fsys fs.FS) (*law, []Fault) {
	l := &law{files: map[string][]byte{}, instruments: map[string]instrument{}, items: map[string]*itemDef{}, addressees: map[string]*authority{},
		defIndex: map[string]int{}, commitments: map[string]*commitments{}}
	var files []*lawFile
	var promises []*commitments
	faults := readTree(fsys, l.files)
	for _, name := range sortedKeys(l.files) {
		if strings.Contains("/"+name, "/commitments/") {
			c := &commitments{}
			faults = append(faults, decodeYAML(name, l.files[name], c)...)
			c.version = shortHash(l.files[name])
			promises = append(promises, c)
			continue
		}
		f := &lawFile{name: name}
		faults = append(faults, decodeYAML(name, l.files[name], f)...)
		files = append(files, f)
	}
	if !slices.ContainsFunc(files, func(f *lawFile) bool { return len(f.Facts) > 0 }) {
		if base, broken := builtinFiles(fsys); len(broken) == 0 {
			for name, body := range base {
				if _, own := l.files[name]; own {
					continue
				}
				l.files[name] = body
				if strings.HasPrefix(name, "commitments/") {
					c := &commitments{version: shortHash(body)}
					decodeYAML(name, body, c)
					promises = append(promises, c)
					continue
				}
				f := &lawFile{name: name}
				decodeYAML(name, body, f)
				files = append(files, f)
			}
		}
	}
	slices.SortFunc(files, func(a, b *lawFile) int { return strings.Compare(a.name, b.name) })
	faults = append(faults, l.build(files, promises)...)
	l.freeze()
	return l, sortFaults(faults)
}

// builtinFiles is the embedded tree, unless it is the one being read.
func builtinFiles(fsys fs.FS) (map[string][]byte, []Fault) {
	files := map[string][]byte{}
	if fsys == fs.FS(embedded) {
		return files, nil
	}
	return files, readTree(embedded, files)
}

func readTree(fsys fs.FS, into map[string][]byte) []Fault {
	var faults []Fault
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		into[name] = body
		return err
	})
	if err != nil {
		faults = append(faults, place{".", 1, 1}.fault("cannot read the tree: %v", err))
	}
	return faults
}

// freeze fixes what identifies this law: the hash over all its files.
func (l *law) freeze() {
	texts := make(map[string]string, len(l.files))
	for name, body := range l.files {
		texts[name] = string(body)
	}
	l.bundle, _ = json.Marshal(texts) // a map of strings always marshals; keys come sorted
	sum := sha256.Sum256(l.bundle)
	l.version = hex.EncodeToString(sum[:])
}

func shortHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// build joins the files and compiles everything, collecting faults.
func (l *law) build(files []*lawFile, promises []*commitments) []Fault {
	var faults []Fault
	var facts []factDef
	for _, f := range files {
		facts = append(facts, f.Facts...)
		if f.Regions != nil {
			l.regions = *f.Regions
		}
		if f.Coverage != nil {
			l.coverage = *f.Coverage
		}
		if f.Covers != nil {
			l.covers = append(l.covers, f.Covers)
		}
		faults = append(faults, l.join(f)...)
	}
	vocabulary, broken := newVocabulary(facts)
	l.vocabulary = vocabulary
	faults = append(faults, broken...)
	env, err := celEnv(l)
	if err != nil {
		return append(faults, place{"law", 1, 1}.fault("the vocabulary does not make a CEL environment: %v", err))
	}
	l.env = env
	faults = append(faults, l.compileNamed(files)...)
	faults = append(faults, l.compileRules(files)...)
	for _, c := range promises {
		faults = append(faults, l.promise(c)...)
	}
	faults = append(faults, l.versions()...)
	faults = append(faults, l.references()...)
	faults = append(faults, l.taken()...)
	if !slices.ContainsFunc(faults, func(f Fault) bool { return !f.Warning }) {
		faults = append(faults, l.unreachable()...)
	}
	return faults
}

// compileNamed compiles what rules refer to by name.
func (l *law) compileNamed(files []*lawFile) []Fault {
	var faults []Fault
	for i, d := range l.defs {
		faults = append(faults, l.clause(d, true)...)
		if l.circular(i, map[int]bool{}) {
			faults = append(faults, d.At.fault("condition %q rests on itself", l.defNames[i]))
		}
	}
	for _, id := range sortedKeys(l.items) {
		faults = append(faults, l.item(id, l.items[id])...)
	}
	for _, s := range l.schemes {
		faults = append(faults, l.scheme(s)...)
	}
	faults = append(faults, l.readZones()...)
	faults = append(faults, l.takeCalendars(files)...)
	for _, name := range sortedKeys(l.addressees) {
		faults = append(faults, l.authority(name, l.addressees[name])...)
	}
	for _, c := range l.covers {
		for _, region := range c.Regions {
			if !l.regions.known(region) {
				faults = append(faults, c.At.fault("unknown region %q", region))
			}
		}
	}
	return faults
}

// compileRules compiles the rules of all files, each in the time zone of its file.
func (l *law) compileRules(files []*lawFile) []Fault {
	var faults []Fault
	for _, f := range files {
		zone, err := time.LoadLocation(f.Zone)
		if err != nil {
			faults = append(faults, place{f.name, 1, 1}.fault("unknown time zone %q", f.Zone))
			zone = time.UTC
		}
		for _, r := range f.Rules {
			r.zone, r.version = zone, shortHash(l.files[f.name])
			l.rules = append(l.rules, r)
		}
	}
	for _, r := range l.rules {
		faults = append(faults, l.rule(r)...)
	}
	return faults
}

var conditionName = regexp.MustCompile(`^[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*$`)

// join takes over a file's named things, which share one namespace over all files.
func (l *law) join(f *lawFile) []Fault {
	var faults []Fault
	for _, id := range sortedKeys(f.Instruments) {
		i := f.Instruments[id]
		if _, twice := l.instruments[id]; twice {
			faults = append(faults, i.At.fault("instrument %q is defined twice", id))
		}
		if i.Title == "" {
			faults = append(faults, i.At.fault("instrument %q has no title", id))
		}
		l.instruments[id] = i
	}
	for _, id := range sortedKeys(f.Addressees) {
		if _, twice := l.addressees[id]; twice {
			faults = append(faults, f.Addressees[id].At.fault("addressee %q is defined twice", id))
		}
		l.addressees[id] = f.Addressees[id]
	}
	for _, id := range sortedKeys(f.Items) {
		if _, twice := l.items[id]; twice {
			faults = append(faults, f.Items[id].At.fault("content item %q is defined twice", id))
		}
		l.items[id] = f.Items[id]
	}
	for _, name := range sortedKeys(f.Conditions) {
		if !conditionName.MatchString(name) {
			faults = append(faults, f.Conditions[name].At.fault("the name of condition %q is not words of letters, digits and _ with dots between (a - would be a minus, a leading digit a number)", name))
		}
		if _, twice := l.defIndex[name]; twice {
			faults = append(faults, f.Conditions[name].At.fault("condition %q is defined twice", name))
			continue
		}
		l.defIndex[name] = len(l.defs)
		l.defs, l.defNames = append(l.defs, f.Conditions[name]), append(l.defNames, name)
	}
	for _, s := range f.Schemes {
		if l.hasScheme(s.ID) {
			faults = append(faults, s.At.fault("scheme %q is defined twice", s.ID))
		}
		l.schemes = append(l.schemes, s)
	}
	return faults
}

func (l *law) hasScheme(id string) bool {
	return slices.ContainsFunc(l.schemes, func(s *schemeDef) bool { return s.ID == id })
}

func (l *law) circular(i int, on map[int]bool) bool {
	if on[i] {
		return true
	}
	on[i] = true
	defer delete(on, i)
	return slices.ContainsFunc(l.defs[i].refs.defs, func(u int) bool { return l.circular(u, on) })
}

// New compiles the embedded rules and commitments; the error lists every fault with file, line and column.
func New() (*Engine, error) { return Open(embedded) }

// Open compiles the rules and commitments of a tree, on top of the built-in vocabulary if it has none.
func Open(fsys fs.FS) (*Engine, error) {
	l, faults := load(fsys)
	var errs []error
	for _, f := range faults {
		if !f.Warning {
			errs = append(errs, f)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Engine{law: l}, nil
}

// Version identifies the rule set by hash.
func (e *Engine) Version() string { return e.law.version }

// Bundle is the frozen form of the rule set, whose hash is Version.
func (e *Engine) Bundle() []byte { return slices.Clone(e.law.bundle) }
