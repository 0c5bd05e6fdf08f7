package playbooks

import (
	"encoding/json"
	"fmt"

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
		if n, ok := row["people"].(json.Number); ok {
			if count, err := n.Int64(); err == nil {
				c.People = &count
			}
		}
		out = append(out, c)
	}
	return out
}
