package playbooks

import (
	"strings"

	"tocsin/incident"
	"tocsin/templates"
)

// vocabulary is what a playbook may refer to outside its file.
type vocabulary struct {
	rule     func(id string) bool
	fact     func(path string) bool
	template func(name string) (templates.Template, bool)
}

// isFact reports whether the vocabulary has a path, or an object in which it lies.
func isFact(path string) bool {
	for _, e := range incident.Vocabulary() {
		if covers(strings.Split(e.Path, "."), strings.Split(path, "."), e.Type == incident.Object) {
			return true
		}
	}
	return false
}

func covers(entry, path []string, object bool) bool {
	if len(path) < len(entry) || len(path) > len(entry) && !object {
		return false
	}
	for i, part := range entry {
		if part != "*" && part != path[i] {
			return false
		}
	}
	return true
}
