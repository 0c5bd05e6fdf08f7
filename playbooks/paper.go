package playbooks

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"

	"tocsin/templates"
)

//go:embed paper/*.html
var papers embed.FS

// paperFuncs are what the pages say and show; locale and zone are set for each page.
func paperFuncs(locale string, zone *time.Location) template.FuncMap {
	zh := strings.HasPrefix(locale, "zh")
	words := func(m map[string]string) string {
		for _, l := range []string{locale, "zh-Hans", "en"} {
			if text := m[l]; text != "" && (zh || l != "zh-Hans") {
				return text
			}
		}
		return m["en"]
	}
	return template.FuncMap{
		"say": func(chinese, english string) string {
			if zh {
				return chinese
			}
			return english
		},
		"words":  words,
		"reason": func(text string) string { return Say(text, locale) },
		"fact": func(path string) string {
			if zh {
				return templates.FactName(path, "zh-Hans")
			}
			return templates.FactName(path, "en")
		},
		"when": func(at any) string {
			switch t := at.(type) {
			case time.Time:
				return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
			case *time.Time:
				if t != nil {
					return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
				}
			}
			return "–"
		},
		"value": func(v any) string {
			if s, ok := v.(string); ok {
				return s
			}
			b, _ := json.Marshal(v) // a fact's value came from JSON
			return string(b)
		},
		"has":    func(b *bool) bool { return b != nil },
		"truth":  func(b *bool) bool { return b != nil && *b },
		"locale": func() string { return locale },
	}
}

var zhPaper, enPaper = parsePaper("zh-Hans"), parsePaper("en")

func parsePaper(locale string) *template.Template {
	return template.Must(template.New("").Funcs(paperFuncs(locale, time.UTC)).ParseFS(papers, "paper/*.html"))
}

// printPaper renders a page in a locale, times in a zone.
func printPaper(name, locale, zone string, data any) ([]byte, error) {
	where, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		where = time.UTC
	}
	page, spoken := enPaper, "en"
	if strings.HasPrefix(locale, "zh") {
		page, spoken = zhPaper, "zh-Hans"
	}
	own, err := page.Clone()
	if err != nil {
		return nil, fmt.Errorf("print %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := own.Funcs(paperFuncs(spoken, where)).ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("print %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// HTML is the file as a page to read and print, in a locale.
func (d Defence) HTML(locale string) ([]byte, error) {
	zone := ""
	if d.Duty != nil {
		zone = d.Duty.Obligation.Zone
	}
	return printPaper("defence.html", locale, zone, d)
}

// HTML is the export as a page to read and print, in a locale. The measures are China's, and so is its time.
func (r Relief) HTML(locale string) ([]byte, error) {
	return printPaper("relief.html", locale, "Asia/Shanghai", r)
}
