package playbooks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/playbooks/obligation"
)

// A document names the grade of the scheme of its own duties, never the highest of all.
func TestDocumentsNameTheirOwnGrade(t *testing.T) {
	grades := []obligation.Grade{{Scheme: cac, Grade: "larger", GradeName: map[string]string{"en": "larger"}},
		{Scheme: "x-bank", Grade: "extreme", GradeName: map[string]string{"en": "grade I"}}}
	r := &runner{in: &situation{derived: Derivation{Result: obligation.Result{Grades: grades}}}}
	of := func(schemes ...string) group {
		return group{duties: []*Duty{{State: obligation.Running, Obligation: obligation.Obligation{Schemes: schemes}}}}
	}
	grade, words := r.gradeOf(of(cac))
	require.Equal(t, "larger", grade)
	require.Nil(t, words, "the catalog has its words")
	grade, words = r.gradeOf(of("x-bank"))
	require.Equal(t, "extreme", grade)
	require.Equal(t, "grade I", words["en"])
	grade, _ = r.gradeOf(of())
	require.Empty(t, grade)
	grade, _ = r.gradeOf(of("x-not-graded"))
	require.Empty(t, grade)
	require.Equal(t, "extreme", highest(append(grades, obligation.Grade{Grade: "medium"}, obligation.Grade{Grade: "none"})))
}
