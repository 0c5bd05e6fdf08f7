package portal

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every line a look or the code names exists, and every line that exists is named.
func TestWordsAndLooksAgree(t *testing.T) {
	w, err := loadWords()
	require.NoError(t, err)
	named := map[string]bool{}
	say := regexp.MustCompile(`\.?\bSay "([a-z.]+)"`)
	pages, err := fs.Glob(look, "look/*.html")
	require.NoError(t, err)
	for _, name := range pages {
		b, err := look.ReadFile(name)
		require.NoError(t, err)
		for _, m := range say.FindAllStringSubmatch(string(b), -1) {
			named[m[1]] = true
		}
	}
	for _, name := range []string{"pages.go", "portal.go"} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`"([a-z]+(?:\.[a-z]+)+)"`).FindAllStringSubmatch(string(b), -1) {
			named[m[1]] = !strings.HasPrefix(m[1], "portal.") && !strings.HasSuffix(m[1], ".html")
		}
	}
	for id, is := range named {
		if is {
			require.Contains(t, w, id)
		}
	}
	for id := range w {
		if !named[id] && !strings.HasPrefix(id, "lang.") && !strings.HasPrefix(id, "zone.") && !strings.HasPrefix(id, "way.") {
			t.Errorf("nobody says %s", id)
		}
	}
}
