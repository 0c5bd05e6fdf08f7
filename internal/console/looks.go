package console

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"tocsin/templates"
)

//go:embed pages
var pageFiles embed.FS

const pagesDir = "pages"

// looks are the pages, per locale. Each is compiled when it is first shown: together they would take as much
// memory as the rest of the service.
type looks struct {
	words words
	pages map[string]map[string]pageMaker // locale → page
}

type pageMaker func() (*template.Template, error)

func loadLooks(a assets) (*looks, error) {
	w, err := loadWords()
	if err != nil {
		return nil, err
	}
	l := &looks{words: w, pages: map[string]map[string]pageMaker{}}
	for _, locale := range locales {
		if l.pages[locale], err = readPages(funcs(w, locale, a)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// readPages parses the shared parts once, and each page on a copy of them.
func readPages(f template.FuncMap) (map[string]pageMaker, error) {
	shared, err := template.New("").Funcs(f).Option("missingkey=error").ParseFS(pageFiles, pagesDir+"/shared/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(pageFiles, pagesDir+"/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]pageMaker{}
	for _, name := range names {
		pages[strings.TrimSuffix(path.Base(name), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := shared.Clone()
			if err == nil {
				t, err = t.ParseFS(pageFiles, name)
			}
			if err != nil {
				return nil, fmt.Errorf("parse %s: %w", name, err)
			}
			return t, nil
		})
	}
	return pages, nil
}

func (l *looks) render(w io.Writer, locale, page string, model any) error {
	return l.part(w, locale, page, "page", model)
}

// part renders a part of a page by itself.
func (l *looks) part(w io.Writer, locale, page, name string, model any) error {
	t, err := l.pages[locale][page]()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, name, model)
}

// funcs are what templates may call. t says a fixed key; word says one of an enumeration.
func funcs(w words, locale string, a assets) template.FuncMap {
	return template.FuncMap{
		"t":     func(key string, pairs ...any) (string, error) { return w.say(locale, key, pairs...) },
		"word":  func(list, value any) string { return w.word(locale, fmt.Sprint(list), fmt.Sprint(value)) },
		"asset": func(name string) string { return a.names[name] },
		"num":   func(n any) string { return thousands(fmt.Sprint(n)) },
		"part":  part,
		"inc":   func(n int) int { return n + 1 },
		"art":   func(article string) string { return templates.Article(article, locale) },
	}
}

// part passes several named values to a shared part of a page.
func part(pairs ...any) (map[string]any, error) {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("part: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
