package obligation

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// An operator's directory stands on top of the built-in rules, and its calendar goes on where ours ends.
func TestOwnDirectoryExtendsTheLaw(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "law"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "law", "next.yaml"), []byte(`calendars:
  - id: CN
    name: {en: mainland China, zh-Hans: 中国内地}
    from: 2027-01-01
    until: 2027-12-31
    holidays: [{name: {en: New Year, zh-Hans: 元旦}, days: [2027-01-01]}]
    source: example
`), 0o600))
	own, err := Open(os.DirFS(dir))
	require.NoError(t, err)
	bank := func(e *Engine) Obligation {
		r := derive1(t, e, `{"data_event": "leaked", "data": ["name"], "people": {"count": 9, "certainty": "exact"}, "jurisdictions": {"CN": 9},
			"occurred_at": "2026-12-28T10:00:00+08:00", "closed_at": "2026-12-29T10:00:00+08:00"}`, `{"sectors": ["banking"]}`, "2026-12-30T10:00:00+08:00")
		for _, o := range r.Obligations {
			if o.ID == "cn-nfra-final" {
				return o
			}
		}
		t.Fatal("the duty is not there")
		return Obligation{}
	}
	require.Nil(t, bank(engine(t)).Deadline, "beyond the built-in days")
	require.Equal(t, "2027-01-06T15:59:59Z", bank(own).Deadline.Format("2006-01-02T15:04:05Z07:00"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "law", "bad.yaml"), []byte("rules: [{id: x}]\n"), 0o600))
	_, err = Open(os.DirFS(dir))
	require.ErrorContains(t, err, "bad.yaml:1:10")
}
