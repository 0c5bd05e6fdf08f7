package obligation

import (
	"slices"

	"tocsin/templates"
)

// content is what a document must have. Rows share it: nobody writes to it.
type content struct {
	listed []string
	asked  []templates.Requirement
}

// contentOf takes the items whose conditions hold. While its condition is open an item is listed, and not
// asked for.
func contentOf(items []requirement, s *scope) *content {
	c := &content{listed: make([]string, 0, len(items)), asked: make([]templates.Requirement, 0, len(items))}
	for i := range items {
		item, required := &items[i], holds
		if item.test != nil {
			required = item.test(s)
		}
		if required.isFalse() {
			continue
		}
		if !slices.Contains(c.listed, item.listed) {
			c.listed = append(c.listed, item.listed)
		}
		if required.known && !item.optional {
			c.asked = append(c.asked, item.Requirement)
		}
	}
	c.listed, c.asked = slices.Clip(c.listed), slices.Clip(c.asked)
	return c
}

// fixed is the content of items that have no conditions, the same for every incident; nil when some have.
func fixed(items []requirement) *content {
	if slices.ContainsFunc(items, func(i requirement) bool { return i.test != nil }) {
		return nil
	}
	return contentOf(items, nil)
}
