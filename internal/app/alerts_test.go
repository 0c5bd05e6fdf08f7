package app

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// What the alert rules ask for is what we tell.
func TestAlertsNameOurMetrics(t *testing.T) {
	rules, err := os.ReadFile("../../docs/alerts.yml")
	require.NoError(t, err)
	told := make(chan *prometheus.Desc, 20)
	state{}.Describe(told)
	close(told)
	known := ""
	for d := range told {
		known += d.String() + "\n"
	}
	names := regexp.MustCompile(`tocsin_\w+`).FindAllString(string(rules), -1)
	require.Greater(t, len(names), 6)
	for _, name := range names {
		require.Contains(t, known, `fqName: "`+name+`"`)
	}
}
