package notify

import (
	"slices"

	"tocsin/templates"
)

// NoChannel is the channel of the delivery of a person whom no channel of the plan reaches.
const NoChannel = "none"

// Ladder is the order in which channels are tried for a person: the person's own order first, then the
// rest of the plan; only those with an address that is not burnt.
func Ladder(r Recipient, plan []string) []string {
	var out []string
	for _, c := range slices.Concat(r.Channels, plan) {
		if slices.Contains(plan, c) && !slices.Contains(out, c) && !slices.Contains(r.Burnt, c) && Address(r, c) != "" {
			out = append(out, c)
		}
	}
	return out
}

// Address is where a channel reaches a person, "" when it does not.
func Address(r Recipient, channel string) string {
	switch channel {
	case templates.Email:
		return first(r.Emails)
	case templates.SMS:
		return first(r.Phones)
	case templates.Push:
		for _, p := range r.Push {
			if p.Provider == "aliyun" && (p.Target == "" || p.Target == "DEVICE") {
				return p.ID
			}
		}
	}
	return ""
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// stretch is how many rows between two wanted ones are read along rather than asked for apart.
const stretch = 64

// windows joins sorted sequences into half-open stretches, so that people who stand close together
// are read with one query.
func windows(seqs []int64) [][2]int64 {
	var out [][2]int64
	for _, s := range seqs {
		if n := len(out); n > 0 && s < out[n-1][1]+stretch {
			out[n-1][1] = s + 1
			continue
		}
		out = append(out, [2]int64{s, s + 1})
	}
	return out
}
