package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestCatalogIsWhole(t *testing.T) {
	c := catalog(t)
	var names []string
	for _, tm := range c.Templates() {
		names = append(names, tm.Name)
		sum := sha256.Sum256(c.Source(tm.Name))
		require.Equal(t, tm.Version, hex.EncodeToString(sum[:]))
	}
	require.Equal(t, []string{"any/notice", "any/report", "cn/announcement", "cn/cac-initial", "cn/pipl-57-authority", "cn/pipl-57-individuals", "eu/dora"}, names)
	_, ok := c.Template("cn/none")
	require.False(t, ok)
	require.Nil(t, c.Source("cn/none"))
	require.Equal(t, "受影响人数", c.FactName("people.count", "zh-Hans"))
	require.Equal(t, "no.such_fact", c.FactName("no.such_fact", "en"))
}

func TestFaultsNameLineAndColumn(t *testing.T) {
	good := `name: cn/x
kind: notice
locales: [zh-Hans, en]
channels: [email]
subject: {zh-Hans: 题, en: Subject}
items:
  - block: cause
    label: {zh-Hans: 原因, en: Cause}
    facts: [cause]
    draft:
      - - say: {zh-Hans: "{cause|cause}", en: "{cause|cause}"}
`
	require.Empty(t, Lint("catalog/cn/x.yaml", []byte(good)))
	for name, tc := range map[string]struct{ old, new, want string }{
		"unknown key":         {"kind: notice", "kinds: notice", `catalog/cn/x.yaml:2:1: unknown field "kinds"`},
		"not YAML":            {"kind: notice", "kind: [notice", "catalog/cn/x.yaml:3:1: "},
		"bad kind":            {"kind: notice", "kind: letter", "catalog/cn/x.yaml:2:7: kind must be notice or report"},
		"name is not path":    {"name: cn/x", "name: cn/y", "catalog/cn/x.yaml:1:7: name must be"},
		"unknown channel":     {"[email]", "[fax]", "catalog/cn/x.yaml:4:12: unknown channel"},
		"no channel":          {"channels: [email]\n", "", "x.yaml:1:1: a notice needs channels"},
		"locale without text": {", en: Cause}", "}", "catalog/cn/x.yaml:8:12: no text in en"},
		"unknown locale":      {"[zh-Hans, en]", "[zh-Hans, en, tlh]", "catalog/cn/x.yaml:3:24: no words in this locale"},
		"unknown fact":        {`en: "{cause|cause}"`, `en: "{because|cause}"`, "no such fact: because"},
		"unknown printer":     {`en: "{cause|cause}"`, `en: "{cause|shout}"`, "catalog/cn/x.yaml:11:47: no such printer: shout"},
		"open brace":          {`en: "{cause|cause}"`, `en: "{cause|cause"`, "catalog/cn/x.yaml:11:47: { must be closed"},
		"languages differ":    {`en: "{cause|cause}"`, `en: "Nothing"`, "catalog/cn/x.yaml:11:47: prints other facts than zh-Hans"},
		"boilerplate":         {"    facts: [cause]\n", "", "boilerplate never counts"},
		"bound, not printed":  {"facts: [cause]", "facts: [cause, data]", "no sentence prints the bound fact data"},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.Replace(good, tc.old, tc.new, 1)
			require.NotEqual(t, good, src)
			require.Contains(t, strings.Join(Lint("catalog/cn/x.yaml", []byte(src)), "\n"), tc.want)
		})
	}
	both := strings.Replace(strings.Replace(good, "kind: notice", "kind: letter", 1), "[email]", "[fax]", 1)
	require.GreaterOrEqual(t, len(Lint("catalog/cn/x.yaml", []byte(both))), 2, "every fault at once")
}

func TestFaultsOfSharedFiles(t *testing.T) {
	for name, tc := range map[string]struct{ file, src, want string }{
		"a block of its own":      {"blocks-x.yaml", "- {block: x-1, label: {zh-Hans: 甲, en: A}}\n", ""},
		"a block used":            {"blocks-x.yaml", "- {block: x-1, use: cause, label: {zh-Hans: 甲, en: A}}\n", ""},
		"a block for notices":     {"notices-x.yaml", "- {block: x-1, use: cause}\n", ""},
		"unknown use":             {"blocks-x.yaml", "- {block: x-1, use: nothing}\n", "blocks-x.yaml:1:21: no such block in the library: nothing"},
		"use and draft":           {"blocks-x.yaml", "- {block: x-1, use: cause, facts: [cause]}\n", "takes over its facts and draft"},
		"a block of another file": {"blocks-x.yaml", "- {block: cause, label: {zh-Hans: 因, en: Cause}}\n", "blocks-x.yaml:1:11: block is missing or stands twice"},
		"no label":                {"blocks-x.yaml", "- block: x-1\n", "no text in zh-Hans"},
		"unknown key":             {"blocks-x.yaml", "- {block: x-1, lable: {}}\n", "unknown field"},
		"unknown fact":            {"blocks-x.yaml", "- {block: x-1, label: {zh-Hans: 甲, en: A}, facts: [nowhere]}\n", "no such fact: nowhere"},
		"new words":               {"words-x.yaml", "facts:\n  x.y: {zh-Hans: 甲, en: A}\nvalues:\n  x: {a: {zh-Hans: 甲, en: A}}\n", ""},
		"words twice":             {"words-x.yaml", "facts:\n  people.count: {zh-Hans: 人数, en: count}\n", "words-x.yaml:2:17: people.count stands in another file already"},
		"values twice":            {"words-x.yaml", "values:\n  may:\n    lost: {zh-Hans: 丢, en: lost}\n", "words-x.yaml:3:11: lost stands in another file already"},
		"one language":            {"words-x.yaml", "regions:\n  XX: {en: X}\n", "words-x.yaml:2:7: no text in zh-Hans"},
		"unknown kind of data":    {"advice.yaml", "impact:\n  - {kinds: [hat], events: [lost], say: {zh-Hans: 甲, en: A}}\n", "advice.yaml:2:13: no such kind of data: hat"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(Lint("catalog/shared/"+tc.file, []byte(tc.src)), "\n")
			if tc.want == "" {
				require.Empty(t, got)
			}
			require.Contains(t, got, tc.want)
		})
	}
	files := fstest.MapFS{"catalog/shared/wrods.yaml": {Data: []byte("facts: {}")}}
	_, err := load(files)
	require.ErrorContains(t, err, "catalog/shared/wrods.yaml:1:1: no kind of shared file has this name")
}

func TestFaultsOfUse(t *testing.T) {
	head := "name: any/x\nkind: report\nlocales: [zh-Hans, en]\nsubject: {zh-Hans: 题, en: Subject}\n"
	for src, want := range map[string]string{
		head + "default: [cause]\n":           "",
		head + "default: [nothing]\n":         "catalog/any/x.yaml:5:11: no such block in the library: nothing",
		head:                                  "needs blocks for a duty that requires none",
		head + "items: [{use: cause}]\n":      "takes its items from the library",
		strings.Replace(head, "any", "cn", 1): "a template needs items",
		strings.Replace(head, "any", "cn", 1) + "items: [{use: kinds-of-data}]\n":           "no such block in the library: kinds-of-data",
		strings.Replace(head, "any", "cn", 1) + "items: [{use: cause}]\ndefault: [cause]\n": "only a template for any duty",
	} {
		name := "catalog/any/x.yaml"
		if strings.HasPrefix(src, "name: cn") {
			name = "catalog/cn/x.yaml"
		}
		got := strings.Join(Lint(name, []byte(src)), "\n")
		require.Contains(t, got, want)
		require.Equal(t, want == "", got == "", got)
	}
}

func FuzzLint(f *testing.F) {
	src, err := embedded.ReadFile("catalog/cn/pipl-57-authority.yaml")
	require.NoError(f, err)
	f.Add(src)
	f.Add([]byte("items: [{draft: [[{say: {en: \"{a+b|c}\"}}]]}]"))
	f.Fuzz(func(_ *testing.T, src []byte) { Lint("catalog/cn/x.yaml", src) })
}

func TestWarningsGiveReasons(t *testing.T) {
	c := catalog(t)
	content := draft(t, c, individuals, leak)
	require.Empty(t, c.Warnings(content), "our own words pass")
	write(content, "zh-Hans", "impact", "仅涉及部分用户，请放心。")
	write(content, "en", "impact", "Out of an abundance of caution we tell some users. Shipping PII.")
	var got []string
	for _, w := range c.Warnings(content) {
		require.NotEmpty(t, w.Reason["zh-Hans"])
		require.NotEmpty(t, w.Reason["en"])
		got = append(got, w.Locale+" "+w.Kind+" "+w.Words)
	}
	require.Equal(t, []string{"zh-Hans vague 部分用户", "zh-Hans minimising 请放心", "zh-Hans minimising 仅涉及",
		"en vague some users", "en minimising out of an abundance of caution", "en jargon PII"}, got)
	require.False(t, stands("hippiippi", "pii"))
	require.True(t, stands("xpii pii", "pii"))
}
