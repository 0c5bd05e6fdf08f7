package acceptance

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	tableBegins = "<!-- soak: made by make soak -->\n"
	tableEnds   = "<!-- soak: end -->\n"
)

var recording sync.Mutex

// record puts a row into the table of the page that SOAK_DOC names; a row of the same run is replaced.
func record(t *testing.T, run, with, result string, took time.Duration) {
	t.Helper()
	file := os.Getenv("SOAK_DOC")
	if file == "" || t.Failed() {
		return
	}
	recording.Lock()
	defer recording.Unlock()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), tableBegins)
	require.True(t, found)
	table, after, found := strings.Cut(rest, tableEnds)
	require.True(t, found)
	row := fmt.Sprintf("| %s | %s | %s | %v | %s |\n", run, with, result, took.Round(time.Second), time.Now().UTC().Format(time.DateOnly))
	var lines []string
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| "+run+" |") {
			line, row = row, ""
		}
		lines = append(lines, line)
	}
	page := before + tableBegins + strings.Join(lines, "") + row + tableEnds + after
	require.NoError(t, os.WriteFile(file, []byte(page), 0o644)) //nolint:gosec // a page that everybody reads
}
