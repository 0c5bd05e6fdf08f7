package templates

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed catalog
var embedded embed.FS

// shared files hold what every template prints from; they are part of each template's source.
const shared = "catalog/shared/"

// Catalog is the set of built-in templates, compiled. It is safe for concurrent use.
type Catalog struct {
	words  *words
	byName map[string]*compiled
	names  []string
}

type compiled struct {
	Template
	subject  map[string]string
	fallback []string      // for any duty: the blocks when none are required
	drafts   [][]paragraph // per item; nil: a person writes it
	own      file
	source   []byte
}

// Load compiles the embedded catalog, once, and returns every fault of it with file and line.
func Load() (*Catalog, error) {
	c, err := builtin()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// builtin is the embedded catalog, as far as it is free of faults.
var builtin = sync.OnceValues(func() (*Catalog, error) { return load(embedded) })

func load(files fs.FS) (*Catalog, error) {
	common, err := sharedFiles(files)
	w, faults := loadWords(common)
	faults = append(faults, err)
	c := &Catalog{words: w, byName: map[string]*compiled{}}
	err = fs.WalkDir(files, "catalog", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" || strings.HasPrefix(name, shared) {
			return err
		}
		src, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read template: %w", err)
		}
		t, bad := compileTemplate(name, src, w)
		if faults = append(faults, bad...); len(bad) == 0 {
			c.byName[t.Name] = t
		}
		return nil
	})
	c.names = slices.Sorted(maps.Keys(c.byName))
	for _, t := range c.byName {
		c.seal(t, common)
	}
	return c, errors.Join(append(faults, err)...)
}

// seal completes a template with what it is made of and fixes its version.
func (c *Catalog) seal(t *compiled, common []file) {
	parts := append(slices.Clone(common), t.own)
	if t.generic() {
		t.add(c.blocks(t.Kind))
		for _, name := range c.names {
			if part := c.byName[name]; part.Kind == t.Kind && part != t {
				parts = append(parts, part.own)
			}
		}
	}
	t.source = bundle(parts)
	sum := sha256.Sum256(t.source)
	t.Version = hex.EncodeToString(sum[:])
}

// Lint compiles one file of a catalog beside the built-in ones and returns the faults, "file:line:col: message".
func Lint(name string, src []byte) []string {
	var faults []error
	if isShared(name) {
		faults = lintShared(file{name, src})
	} else {
		_, faults = compileTemplate(name, src, builtinWords())
	}
	var out []string
	for _, f := range faults {
		out = append(out, f.Error())
	}
	return out
}

// lintShared reads a shared file in the place of the built-in one of its name.
func lintShared(f file) []error {
	files, err := sharedFiles(embedded)
	if err != nil {
		return []error{err}
	}
	files = slices.DeleteFunc(files, func(have file) bool { return path.Base(have.name) == path.Base(f.name) })
	_, faults := loadWords(append(files, f))
	return faults
}

type file struct {
	name string
	body []byte
}

// bundle joins files so that no two sets of files give the same bytes.
func bundle(files []file) []byte {
	var b []byte
	for _, f := range files {
		b = fmt.Appendf(b, "%s %d\n%s", f.name, len(f.body), f.body)
	}
	return b
}

// Template finds a template by name.
func (c *Catalog) Template(name string) (Template, bool) {
	t, ok := c.byName[name]
	if !ok {
		return Template{}, false
	}
	return t.Template, true
}

// Templates lists the catalog in order of name.
func (c *Catalog) Templates() []Template {
	out := make([]Template, len(c.names))
	for i, n := range c.names {
		out[i] = c.byName[n].Template
	}
	return out
}

// Source is the frozen form of a template: canonical bytes whose hash is its version.
func (c *Catalog) Source(name string) []byte {
	if t, ok := c.byName[name]; ok {
		return slices.Clone(t.source)
	}
	return nil
}

// FactName is a fact's name in words, for gaps and questions; the path itself when there is none.
func (c *Catalog) FactName(factPath, locale string) string {
	if name := c.words.Facts[factPath][locale]; name != "" {
		return name
	}
	return factPath
}
