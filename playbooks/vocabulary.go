package playbooks

import (
	"path"
	"slices"
	"strings"

	"tocsin/incident"
	"tocsin/templates"
)

// vocabulary is what a playbook may refer to outside its file.
type vocabulary struct {
	rules    []string // ids
	fact     func(path string) bool
	template func(name string) (templates.Template, bool)
}

func (v vocabulary) rule(id string) bool { return slices.Contains(v.rules, id) }

// rulesLike lists the rules whose id fits a pattern, in which * stands for anything.
func (v vocabulary) rulesLike(pattern string) (ids []string) {
	for _, id := range v.rules {
		if fits(pattern, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// isFact reports whether the vocabulary has a path, or an object in which it lies.
func isFact(name string) bool {
	for _, e := range incident.Vocabulary() {
		if covers(strings.Split(e.Path, "."), strings.Split(name, "."), e.Type == incident.Object) {
			return true
		}
	}
	return false
}

func covers(entry, parts []string, object bool) bool {
	if len(parts) < len(entry) || len(parts) > len(entry) && !object {
		return false
	}
	for i, part := range entry {
		if part != "*" && part != parts[i] {
			return false
		}
	}
	return true
}
