package obligation

import "strings"

// Choice is something that an operator's profile can say, beside what every profile has.
type Choice struct {
	Name  string            `json:"name"`
	Is    string            `json:"is"`              // flag, text or word
	Words []string          `json:"words,omitempty"` // of a word
	Ask   map[string]string `json:"ask"`             // per locale
}

// Choices are the registrations and settings that some rule reads, and the ids of known statements.
func (e *Engine) Choices() (registrations, settings []Choice, statements map[string]map[string]string) {
	for _, f := range e.law.vocabulary.order {
		c := Choice{Is: f.Is, Words: f.Words, Ask: f.Ask}
		var ok bool
		if c.Name, ok = strings.CutPrefix(f.Path, "profile.registrations."); ok {
			registrations = append(registrations, c)
		}
		if c.Name, ok = strings.CutPrefix(f.Path, "setting."); ok {
			settings = append(settings, c)
		}
	}
	statements = map[string]map[string]string{}
	for id, c := range e.law.commitments {
		statements[id] = c.Operator
	}
	return registrations, settings, statements
}
