package templates

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The documents as people read them. A change of words shows in the diff of these files.
func TestDocumentsAsTheyRead(t *testing.T) {
	c := catalog(t)
	for _, tm := range c.Templates() {
		if strings.HasPrefix(tm.Name, anyDuty) { // as they read depends on the duty
			continue
		}
		content := draft(t, c, tm.Name, leak)
		mark(content, "cac-3")
		write(content, "zh-Hans", "cac-6", "继续核查同类接口。\n\n请求支援：\n- 协助分析攻击来源")
		content.Version = "VERSION" // the true one changes with every word of the catalog
		for _, l := range tm.Locales {
			for _, ch := range tm.Channels {
				m, err := c.Compile(content, organisation(), ch, l)
				require.NoError(t, err)
				b, err := json.MarshalIndent(m, "", "  ")
				require.NoError(t, err)
				golden(t, tm.Name+"/"+ch+"."+l+".json", append(b, '\n'))
				golden(t, tm.Name+"/"+ch+"."+l+".preview.html", Preview(m))
				if m.Text != "" {
					golden(t, tm.Name+"/"+ch+"."+l+".txt", []byte(m.Text))
				}
			}
			if tm.Kind == Report {
				for _, format := range []string{"html", "json"} {
					b, _, err := c.Export(content, organisation(), requirements(t, c, tm.Name), l, format, preparedAt)
					require.NoError(t, err)
					golden(t, tm.Name+"/report."+l+"."+format, b)
				}
			}
		}
	}
}
