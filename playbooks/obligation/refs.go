package obligation

// refs are what a condition rests on: named conditions, and what its facts are compared with.
type refs struct {
	defs     []int
	literals []literal
	schemes  []string
	loose    bool // it also compares what is not literal
}

// literal is a value that a fact is compared with.
type literal struct {
	of     string
	text   string
	number float64
	region bool
}

// schemes are the gradings that conditions rest on, through the conditions that they name.
func (l *law) schemesOf(list ...refs) (out []string) {
	for _, r := range list {
		out = union(out, r.schemes)
		for _, i := range r.defs {
			out = union(out, l.schemesOf(l.defs[i].refs))
		}
	}
	return out
}

// compared notes what a fact is compared with.
func (c *compiler) compared(a, b sort) {
	if a.lit {
		a, b = b, a
	}
	if a.of == "" || !b.lit {
		c.refs.loose = c.refs.loose || a.is != "flag"
		return
	}
	c.refs.literals = append(c.refs.literals, literal{of: a.of, text: b.text, number: b.number})
}
