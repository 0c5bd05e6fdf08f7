package playbooks

import (
	"encoding/json"
	"fmt"
	"strconv"

	"tocsin/incident"
)

// Customers are the controllers that an incident's facts name, in their order.
func Customers(s incident.Snapshot) []Customer {
	var out []Customer
	for _, row := range customersOf(s) {
		c := Customer{ID: fmt.Sprint(row["id"]), ToldAt: factTime(row, "told_at")}
		places, _ := row["residents"].([]any)
		for _, p := range places {
			c.Residents = append(c.Residents, fmt.Sprint(p))
		}
		if n, ok := wholeNumber(row["people"]); ok {
			c.People = &n
		}
		out = append(out, c)
	}
	return out
}

// wholeNumber reads a number as facts hold it: as decoded, or as stored.
func wholeNumber(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case json.Number:
		count, err := strconv.ParseInt(n.String(), 10, 64)
		return count, err == nil
	}
	return 0, false
}
