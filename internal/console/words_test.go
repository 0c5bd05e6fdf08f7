package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

func TestBothLanguagesSayTheSame(t *testing.T) {
	w, err := loadWords()
	require.NoError(t, err)
	require.Equal(t, sorted(w["zh-Hans"]), sorted(w["en"]))
	slot := regexp.MustCompile(`\{\w+\}`)
	for key, text := range w["en"] {
		require.NotEmpty(t, text, key)
		en, zh := slot.FindAllString(text, -1), slot.FindAllString(w["zh-Hans"][key], -1)
		slices.Sort(en)
		slices.Sort(zh)
		require.Equal(t, en, zh, key)
	}
}

// Keys that templates and code say are fixed, so that this test can hold that they exist.
func TestEverythingSaidHasWords(t *testing.T) {
	w, err := loadWords()
	require.NoError(t, err)
	said := regexp.MustCompile(`\bt "([^"]+)"`)
	require.NoError(t, fs.WalkDir(pageFiles, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := fs.ReadFile(pageFiles, name)
		for _, m := range said.FindAllStringSubmatch(string(src), -1) {
			require.Contains(t, w["en"], m[1], name)
		}
		return err
	}))
	for _, key := range keysInCode(t) {
		require.Contains(t, w["en"], key)
	}
}

// keysInCode are the literal arguments of tr, page and done.
func keysInCode(t *testing.T) (keys []string) {
	files, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // one package, no build tags
	require.NoError(t, err)
	ast.Inspect(files["console"], func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		prefix, arg := "", call.Args[0]
		switch selector.Sel.Name {
		case "tr", "page":
		case "done":
			prefix, arg = "done.", call.Args[len(call.Args)-1]
		default:
			return true
		}
		if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if key, err := strconv.Unquote(lit.Value); err == nil && key != "" {
				keys = append(keys, prefix+key)
			}
		}
		return true
	})
	require.Greater(t, len(keys), 40)
	return keys
}

// Nothing that the vocabulary or the law's data can say is shown as an id.
func TestFactsAndLawHaveWords(t *testing.T) {
	w, err := loadWords()
	require.NoError(t, err)
	law, err := obligation.New()
	require.NoError(t, err)
	rules := func() map[string]obligation.RuleInfo {
		byID := map[string]obligation.RuleInfo{}
		for _, rule := range law.List() {
			byID[rule.ID] = rule
		}
		return byID
	}
	for _, locale := range locales {
		v := &viewer{Locale: locale, words: w}
		var named func(e incident.Entry)
		named = func(e incident.Entry) {
			for _, word := range e.Words {
				require.False(t, v.valueWord(e.Path, word) == word && locale != "en", "%s: %s", e.Path, word)
				require.NotContains(t, v.valueWord(e.Path, word), "_", e.Path)
			}
			for _, field := range e.Fields {
				require.Contains(t, w[locale], "field."+field.Path, e.Path)
				named(field)
			}
		}
		for _, e := range incident.Vocabulary() {
			if !strings.HasSuffix(e.Path, "*") {
				require.True(t, w[locale]["fact."+e.Path] != "" || locale == "en" || templates.FactName(e.Path, locale) != e.Path, "%s has no words", e.Path)
			}
			named(e)
		}
		for _, rule := range law.List() {
			require.Contains(t, w[locale], "confidence."+rule.Confidence, rule.ID)
			for anchor := range strings.SplitSeq(rule.Anchor, ", ") {
				family, about, _ := strings.Cut(anchor, ":")
				if family != "submitted" && about != "" {
					require.Contains(t, w[locale], "anchor-of."+family, rule.ID)
				} else if about == "" {
					require.Contains(t, w[locale], "anchor."+anchor, rule.ID)
				}
			}
			if locale != "en" {
				r := &request{viewer: v, console: &console{Options: Options{Law: law}, rules: rules}}
				require.NotRegexp(t, "[a-z]{5}", r.allowed(rule.Deadline), rule.ID)
			}
		}
	}
}

func TestThousands(t *testing.T) {
	for in, want := range map[string]string{"0": "0", "999": "999", "1000": "1,000", "1200000": "1,200,000", "-1234": "-1,234", "1234.5": "1,234.5"} {
		require.Equal(t, want, thousands(in))
	}
}

func TestALawIsNamedInTheReadersLanguage(t *testing.T) {
	for text, want := range map[string][2]string{
		"中华人民共和国网络安全法 (Cybersecurity Law) 44": {"中华人民共和国网络安全法 第四十四条", "Cybersecurity Law art. 44 (中华人民共和国网络安全法)"},
		"中华人民共和国网络安全法 44":                     {"中华人民共和国网络安全法 第四十四条", "中华人民共和国网络安全法 art. 44"},
		"the board decided so":                {"the board decided so", "the board decided so"},
	} {
		for i, locale := range locales {
			r := request{viewer: &viewer{Locale: locale}}
			require.Equal(t, want[i], r.article(text))
		}
	}
}
