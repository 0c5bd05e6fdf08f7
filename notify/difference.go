package notify

import (
	"strconv"
	"strings"
)

// Difference is one thing that does not agree when a dispatch is counted again.
type Difference struct {
	Kind           string // an enum
	Batch          string
	Channel, State string
	Kept, Found    int64 // by the counters, and in the deliveries
}

// The kinds of difference, as the API says them.
var differences = map[string]string{
	"batch-not-kept":  "batch {batch} is in the ledger and not kept",
	"batch-damaged":   "batch {batch} is damaged",
	"batch-root":      "batch {batch} does not give its root",
	"batch-no-entry":  "batch {batch} is kept and not in the ledger",
	"batch-elsewhere": "batch {batch} has another root in the ledger",
	"people":          "people, {state}: the counters say {kept}, the deliveries {found}",
	"deliveries":      "{channel}, {state}: the counters say {kept}, the deliveries {found}",
	"doubt":           "possible duplicates: the counters say {kept}, the deliveries {found}",
}

// String says it in English.
func (d Difference) String() string {
	return strings.NewReplacer(
		"{batch}", d.Batch, "{channel}", d.Channel, "{state}", d.State,
		"{kept}", strconv.FormatInt(d.Kept, 10), "{found}", strconv.FormatInt(d.Found, 10),
	).Replace(differences[d.Kind])
}

// MarshalText has the API say it.
func (d Difference) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// by names the states of counts.
func (c Counts) by() map[DeliveryState]int64 {
	return map[DeliveryState]int64{
		Pending: c.Pending, InDoubt: c.InDoubt, Accepted: c.Accepted, Failed: c.Failed,
		Delivered: c.Delivered, Read: c.Read, Stopped: c.Stopped,
	}
}

// compared adds where the people of the counters and of the deliveries differ.
func (c *recounting) compared(kept, found Counts) {
	was, is := kept.by(), found.by()
	for s := Pending; s <= Stopped; s++ {
		if was[s] != is[s] {
			c.differ(Difference{Kind: "people", State: s.String(), Kept: was[s], Found: is[s]})
		}
	}
}
