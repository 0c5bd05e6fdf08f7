package playbooks

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"tocsin/incident"
)

// target is an instant relative to a fact: "aware_at + 2h30m", "closed_at + 20d". It is the operator's own
// aim and never statutory.
type target struct {
	anchor string
	after  time.Duration
}

var targetForm = regexp.MustCompile(`^([a-z][a-z0-9_.]*) *\+ *(?:(\d{1,4})d)?((?:\d{1,4}[hm])*)$`)

func parseTarget(s string) (*target, error) {
	m := targetForm.FindStringSubmatch(s)
	if m == nil || m[2]+m[3] == "" {
		return nil, fmt.Errorf(`want a target such as "aware_at + 2h30m" or "closed_at + 20d"`)
	}
	t := &target{anchor: m[1]}
	if m[2] != "" {
		days, _ := strconv.Atoi(m[2])
		t.after = time.Duration(days) * 24 * time.Hour
	}
	if m[3] != "" {
		d, err := time.ParseDuration(m[3])
		if err != nil {
			return nil, fmt.Errorf("read target: %w", err)
		}
		t.after += d
	}
	return t, nil
}

// due is the target's instant, nil while its anchor is unknown. Until somebody has decided when we became
// aware, the clock runs from the first signal.
func (t *target) due(facts map[string]any) *time.Time {
	if t == nil {
		return nil
	}
	at := factTime(facts, t.anchor)
	if at == nil && t.anchor == "aware_at" {
		at = factTime(facts, "first_signal_at")
	}
	if at == nil {
		return nil
	}
	due := at.Add(t.after)
	return &due
}

// factTime reads a fact that is a time; an imprecise one means its earliest instant.
func factTime(facts map[string]any, path string) *time.Time {
	v, _ := lookUp(facts, path)
	text, _ := v.(string)
	m, ok := incident.ParseMoment(text)
	if !ok {
		return nil
	}
	at := m.Earliest.UTC()
	return &at
}

// earliest is the first of several instants that may be unknown.
func earliest(times ...*time.Time) (first *time.Time) {
	for _, t := range times {
		if t != nil && (first == nil || t.Before(*first)) {
			first = t
		}
	}
	return first
}
