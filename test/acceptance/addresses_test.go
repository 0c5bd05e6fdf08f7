package acceptance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheNextAddressOfAPerson has people with several addresses, of which the simulator refuses some at once and
// lets others bounce later: each is told at the next one, and over the next channel only when all are dead.
func TestTheNextAddressOfAPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.report(leak("addresses"))
	people := []struct {
		emails, phones []string
		want           string
	}{
		{[]string{"nouser.0@people.example", "user0@people.example"}, []string{"+8613900000000"}, "email/2 accepted"},
		{[]string{"bounce.1@people.example", "user1@people.example"}, []string{"+8613900000001"}, "email/2 accepted"},
		{[]string{"nouser.2@people.example", "bounce.2@people.example"}, []string{"+8613900000002"}, "email/2 failed, sms delivered"},
		{nil, []string{"+8613900990001", "+8613900000003"}, "sms/2 delivered"},
		{[]string{"bounce.4@people.example", "nouser.4@people.example"}, []string{"+8613900990002"}, "email/2 failed, sms failed"},
		{[]string{"user5@people.example", "user5@example.com"}, []string{"+8613900000005"}, "email accepted"},
	}
	h.audience(id, len(people), func(i int, p map[string]any) {
		p["emails"], p["phones"], p["channels"] = people[i].emails, people[i].phones, []string{"email", "sms"}
	})
	notice := h.approvedNotice(id)
	var d progress
	h.must(h.worker, http.MethodPost, "/notices/"+notice.ID+"/dispatch", nil, &d)
	stands := make([]string, len(people))
	defer func() { t.Logf("%v %q", d, stands) }()
	h.until("everybody's last address", 30*time.Second, func() bool {
		h.must(h.worker, http.MethodGet, "/dispatches/"+d.ID, nil, &d)
		for i := range people {
			if stands[i] = h.stands(d, i); stands[i] != people[i].want {
				return false
			}
		}
		return d.State == "done"
	})
	for _, p := range people {
		for _, address := range p.emails {
			sent := map[bool]int64{true: 1}[!strings.HasPrefix(address, "nouser") && address != "user5@example.com"]
			require.Equal(t, sent, h.arrivedAt("email", address), address)
		}
	}
	for _, untouched := range []string{"13900000000", "13900000001", "13900000005"} {
		require.Zero(t, h.arrivedAt("sms", untouched), untouched)
	}
	h.agrees(d)
}

// stands is what a search says of a person's deliveries.
func (h *house) stands(d progress, person int) string {
	h.t.Helper()
	var found struct {
		Deliveries []struct {
			Channel, State string
			Address        int
		}
	}
	h.must(h.worker, http.MethodPost, "/dispatches/"+d.ID+"/deliveries/search", map[string]string{"person_key": fmt.Sprintf("u-%06d", person)}, &found)
	var all []string
	for _, f := range found.Deliveries {
		if f.Address > 0 {
			f.Channel += fmt.Sprintf("/%d", f.Address)
		}
		all = append(all, f.Channel+" "+f.State)
	}
	return strings.Join(all, ", ")
}

// arrivedAt is how many messages an address got from the simulator.
func (h *house) arrivedAt(channel, address string) int64 {
	h.t.Helper()
	var one struct{ Count int64 }
	h.fetch("http://"+h.simulator+"/_admin/journal?channel="+channel+"&recipient="+url.QueryEscape(address), &one)
	return one.Count
}
