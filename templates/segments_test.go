package templates_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/templates"
)

func TestSegmentsOfAShortMessage(t *testing.T) {
	for _, c := range []struct {
		name            string
		text            string
		mainland, world int
	}{
		{"nothing", "", 1, 1},
		{"seventy Chinese characters", strings.Repeat("安", 70), 1, 1},
		{"seventy-one", strings.Repeat("安", 71), 2, 2},
		{"two full parts", strings.Repeat("安", 134), 2, 2},
		{"one more", strings.Repeat("安", 135), 3, 3},
		{"Latin letters", strings.Repeat("a", 160), 3, 1},
		{"one letter more", strings.Repeat("a", 161), 3, 2},
		{"two full parts of letters", strings.Repeat("a", 306), 5, 2},
		{"letters of the extension count twice", strings.Repeat("€", 80), 2, 1},
		{"one such letter more", strings.Repeat("€", 81), 2, 2},
		{"one foreign character changes them all", strings.Repeat("a", 70) + "ā", 2, 2},
		{"the longest values of slots", strings.Repeat("安", 45) + "[[code]][[ref]]", 1, 1},
		{"and one character more", strings.Repeat("安", 46) + "[[code]][[ref]]", 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := templates.Message{SMSText: c.text}
			require.Equal(t, []int{c.mainland, c.world}, []int{m.Segments(true), m.Segments(false)})
		})
	}
}
