package playbooks

// cac is the grading whose words the catalog of templates has itself; others bring theirs.
const cac = "cn-cac-2025"

// gradeOf is the grade that a group's documents name: that of the scheme which its duties rest on, with the
// scheme's own words. Where they rest on none it is empty, for a person to state.
func (r *runner) gradeOf(g group) (grade string, words map[string]string) {
	for _, d := range g.live() {
		for _, scheme := range d.Obligation.Schemes {
			for _, x := range r.in.derived.Result.Grades {
				switch {
				case x.Scheme != scheme:
				case scheme == cac:
					return x.Grade, nil
				default:
					return x.Grade, x.GradeName
				}
			}
		}
	}
	return "", nil
}
