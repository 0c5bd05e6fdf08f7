package obligation

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page about the law is written from the law: `tocsin law docs > docs/law.md`.
func TestThePageAboutTheLawIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/law.md")
	require.NoError(t, err)
	require.True(t, string(page) == engine(t).Docs(), "docs/law.md is out of date: tocsin law docs > docs/law.md")
}

func TestThePageNamesEveryRuleAndWhyItIsOff(t *testing.T) {
	e := engine(t)
	page := e.Docs()
	for _, r := range e.List() {
		require.Contains(t, page, "| `"+r.ID+"` |")
		require.NotEmpty(t, r.Deadline, r.ID)
		require.NotEmpty(t, r.Addressees, r.ID)
		if r.Off != nil {
			require.Contains(t, page, cell(strings.TrimSpace(r.Off["en"])))
		}
	}
	require.Contains(t, page, "| `CN` | mainland China | 2026-12-31 |")
}

// A calendar that ends before a period could is told while there is time, and is no fault.
func TestLintWarnsOfACalendarThatEndsSoon(t *testing.T) {
	warned := func(day string) bool {
		at, _ := parseMoment(day)
		now, _ := at.in(someday.Location())
		for _, f := range Lint(Builtin(), now) {
			require.True(t, f.Warning, f.Error())
			if strings.Contains(f.Message, "calendar CN is covered until 2026-12-31") {
				require.Equal(t, "law/calendars/cn.yaml", f.File)
				return true
			}
		}
		return false
	}
	require.False(t, warned("2026-06-01"))
	require.True(t, warned("2026-12-01"))
	require.True(t, warned("2027-02-01"), "it has ended")
}
