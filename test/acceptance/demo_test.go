package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDemoDoesTheMainJob(t *testing.T) {
	began := time.Now()
	out, errOut, code := tocsin(t, nil, "", "demo", "--auto")
	require.Zero(t, code, "%s\n%s", out, errOut)
	t.Logf("%v\n%s", time.Since(began), out)
	for _, want := range []string{
		"grade      larger under cn-cac-2025, because RM-N5",
		`duty       cn-cac-incident-initial .* by \d{4}-`,
		"duty       cn-pipl-57-individuals ",
		"report     filed", "notice     dispatched",
		"over email:", "over sms:", "over push:", "announcement: live",
		"the states add up: 2000 of 2000", "verified: incident inc_",
	} {
		require.Regexp(t, regexp.MustCompile(want), out)
	}
	pack := regexp.MustCompile(`evidence   (\S+)`).FindStringSubmatch(out)[1]
	t.Cleanup(func() { os.Remove(pack) })
	changed(t, pack)
}

// changed flips one byte of a pack's ledger and has the command name the entry.
func changed(t *testing.T, pack string) {
	out, _, code := tocsin(t, nil, "", "evidence", "verify", pack)
	require.Zero(t, code, out)
	raw, err := os.ReadFile(pack)
	require.NoError(t, err)
	at := regexp.MustCompile(`"kind":"document.approved"`).FindIndex(raw)
	require.NotNil(t, at)
	raw[at[1]-2] ^= 1
	bad := filepath.Join(t.TempDir(), "bad.zip")
	require.NoError(t, os.WriteFile(bad, raw, 0o600))
	out, _, code = tocsin(t, nil, "", "evidence", "verify", bad)
	require.Equal(t, 1, code)
	require.Regexp(t, `WRONG  ledger entry \d+ \(document\.approve`, out)
}

// TestDemoEndsWellForAnyRecord runs the whole way for breach records of every sort: with duties, without, and
// with facts that nobody knows. The repository's own samples are fictitious; the real ones are read where they are.
func TestDemoEndsWellForAnyRecord(t *testing.T) {
	files, err := filepath.Glob("../../incident/intake/testdata/samples/veris-*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	real, err := filepath.Glob("../../../shared/samples/vcdb/records/*.json")
	require.NoError(t, err)
	step := 25
	if os.Getenv("SOAK") != "" {
		step = 1
	}
	for i := 0; i < len(real); i += step {
		files = append(files, real[i])
	}
	flaw := filepath.Join(t.TempDir(), "flaw.json") // every incident is owed to somebody, a flaw in what we only use is not
	require.NoError(t, os.WriteFile(flaw, []byte(`{"title": "A flaw in a library", "facts": {"kind": "vulnerability", "data_event": "none", "assessments": {"cn_own_product": false}}}`), 0o600))
	files = append(files, flaw)
	duties, none := 0, 0
	for _, f := range files {
		format := "veris"
		if f == flaw {
			format = "native"
		}
		out, errOut, code := tocsin(t, nil, "", "demo", "--auto", "--input", f, "--format", format, "--recipients", "50")
		require.Zero(t, code, "%s\n%s\n%s", f, out, errOut)
		require.Contains(t, out, "verified: incident inc_", f)
		if regexp.MustCompile(`no duty, because\n  \S+`).MatchString(out) {
			none++
		} else {
			require.Regexp(t, `duty       (cn|eu|hk|mo|tw)-`, out, f)
			duties++
		}
		os.Remove(regexp.MustCompile(`evidence   (\S+)`).FindStringSubmatch(out)[1])
	}
	t.Logf("%d records with a duty, %d without", duties, none)
	require.NotZero(t, duties)
	require.NotZero(t, none)
}
