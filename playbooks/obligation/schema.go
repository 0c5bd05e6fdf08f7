package obligation

import (
	"encoding/json"
	"slices"
	"strings"

	"tocsin/incident"
)

// object is a JSON object under construction.
type object = map[string]any

// Schema is the JSON Schema (2020-12) of the derive input, made from the vocabulary that checks it.
func (e *Engine) Schema() []byte {
	facts := object{"type": "object", "additionalProperties": false, "properties": object{}}
	for _, f := range e.law.vocabulary.order {
		if f.ofProfile() {
			continue
		}
		at := facts
		steps := strings.Split(f.Path, ".")
		for _, step := range steps[:len(steps)-1] {
			properties := at["properties"].(object)
			if properties[step] == nil {
				properties[step] = object{"type": []string{"object", "null"}, "additionalProperties": false, "properties": object{}}
			}
			at = properties[step].(object)
		}
		schema := schemaOf(f.Path, fieldDef{Is: f.Is, Words: f.Words}, f.Fields)
		if q := named(f.Ask, "each country")["en"]; q != "" {
			schema["description"] = q
		}
		at["properties"].(object)[steps[len(steps)-1]] = schema
	}
	root := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Input of tocsin obligations derive",
		"type": "object", "additionalProperties": false, "required": []string{"as_of"},
		"properties": object{"as_of": object{"type": "string", "format": "date-time"}, "facts": facts, "profile": profileSchema(e.law)},
	}
	out, _ := json.MarshalIndent(root, "", "  ") // maps of plain values always marshal
	return out
}

const timePattern = `^\d{4}(-\d{2}(-\d{2}(T.*)?)?)?$`

func schemaOf(path string, def fieldDef, fields map[string]fieldDef) object {
	switch def.Is {
	case "flag":
		return object{"type": []string{"boolean", "null"}}
	case "number":
		return object{"type": []string{"number", "null"}, "minimum": 0}
	case "text":
		return object{"type": []string{"string", "null"}}
	case "word", "level":
		values := []any{nil}
		for _, w := range def.Words {
			values = append(values, w)
		}
		if sayable(path) {
			values = append(values, unknownWord)
		}
		return object{"enum": values}
	case "texts":
		return object{"type": []string{"array", "null"}, "items": object{"type": "string"}}
	case "words":
		return object{"type": []string{"array", "null"}, "items": object{"enum": def.Words}}
	case "time":
		return object{"type": []string{"string", "null"}, "pattern": timePattern}
	case "counts", "times":
		kind := "number"
		if def.Is == "times" {
			kind = "time"
		}
		return object{"type": []string{"object", "null"}, "additionalProperties": schemaOf(path, fieldDef{Is: kind}, nil)}
	case "records":
		properties := object{}
		for name, f := range fields {
			properties[name] = schemaOf(path+"."+name, f, nil)
		}
		return object{"type": []string{"array", "null"}, "items": object{"type": "object", "additionalProperties": false, "properties": properties}}
	}
	return object{}
}

// sayable says whether an incident's record takes the word "unknown" for a fact; null always says so.
func sayable(path string) bool {
	takes := func(e incident.Entry) bool { return slices.Contains(e.Words, unknownWord) }
	return slices.ContainsFunc(incident.Vocabulary(), func(e incident.Entry) bool {
		return e.Path == path && takes(e) || slices.ContainsFunc(e.Fields, func(f incident.Entry) bool { return e.Path+"."+f.Path == path && takes(f) })
	})
}

func profileSchema(l *law) object {
	texts := object{"type": []string{"array", "null"}, "items": object{"type": "string"}}
	entries := object{"type": []string{"object", "null"}, "additionalProperties": object{"type": "string"}}
	registrations, settings := object{}, object{}
	for _, f := range l.vocabulary.order {
		if name, ok := strings.CutPrefix(f.Path, "profile.registrations."); ok {
			registrations[name] = schemaOf(f.Path, fieldDef{Is: f.Is}, nil)
			if f.Is == "text" { // false: not registered
				registrations[name] = object{"anyOf": []any{registrations[name], object{"const": false}}}
			}
		}
		if name, ok := strings.CutPrefix(f.Path, "setting."); ok {
			settings[name] = object{"enum": f.Words}
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": object{
		"operator": object{"type": "string"}, "roles": texts, "sectors": texts, "establishments": texts,
		"registrations": object{"type": []string{"object", "null"}, "additionalProperties": false, "properties": registrations},
		"commitments":   object{"enum": append([]string{""}, sortedKeys(l.commitments)...)},
		"targets":       entries, "authorities": entries, "org": object{"type": "object"}, "channels": texts,
		"standing": object{"type": []string{"array", "null"}, "items": object{"type": "object", "additionalProperties": false, "properties": object{
			"rules": texts, "team": object{"type": "string"}, "note": object{"type": "string"}, "signed_by": texts,
			"until": object{"type": "string", "format": "date-time"}}}},
		"settings": object{"type": "object", "additionalProperties": false, "properties": settings},
	}}
}
