package fanout_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/notify/fanout"
	"tocsin/templates"
)

// TestWhoCannotBeServedIsNoBounce: many people abroad are no sign of a bad list.
func TestWhoCannotBeServedIsNoBounce(t *testing.T) {
	people := mailboxes(150)
	for i := range people {
		people[i].Jurisdiction, people[i].Channels = "US", []string{templates.SMS, templates.Email}
	}
	h := newHouse(t, people)
	o := h.options(t.TempDir())
	o.Providers[1].Regions = []string{"CN"}
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, []any{notify.DispDone, ""}, []any{p.State, p.Reason})
	require.EqualValues(t, 150, p.People.Accepted)
	require.EqualValues(t, 150, p.ByChannel["sms"]["failed"])
	require.NotContains(t, p.ByChannel["sms"], "untried")
}
