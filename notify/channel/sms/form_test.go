package sms

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/templates"
)

// A value that the provider would refuse changes the template for that person, or the channel when there is none
// without variables; what we forgot is our fault.
func TestTemplateFitsThePerson(t *testing.T) {
	m := notify.FrozenMessage{Message: templates.Message{Sign: "示例", Params: map[string]string{"brand": "[[brand]]", "code": "[[code]]"}}}
	long := notify.Outgoing{Code: "C1", Brand: strings.Repeat("x", 36)}
	for name, row := range map[string]struct {
		bare, template string
		to             notify.Outgoing
		values         []string
		class          notify.Class
	}{
		"fits":           {"B", "T", notify.Outgoing{Code: "C1", Brand: "Example"}, []string{"Example", "C1"}, ""},
		"too long":       {"B", "B", long, nil, ""},
		"too long alone": {"", "", long, nil, notify.ClassRcptSoft},
		"no code":        {"B", "", notify.Outgoing{Brand: "Example"}, nil, notify.ClassBug},
	} {
		f, err := newForm(m, templates.SMSForm{Template: "T", Bare: row.bare})
		require.NoError(t, err, name)
		template, values, refused := f.choose(&row.to)
		require.Equal(t, row.template, template, name)
		require.Equal(t, row.values, values, name)
		require.Equal(t, row.class, refused.Class, name)
	}
}
