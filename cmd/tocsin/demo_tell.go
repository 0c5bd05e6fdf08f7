package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// tell prints what happened, in the order a person asks.
func (s *script) tell(ctx context.Context) error {
	out := s.io.out
	fmt.Fprintf(out, "incident   %s  %s\n", s.id, s.incident.Title)
	for _, g := range s.incident.Grades {
		fmt.Fprintf(out, "grade      %s under %s", g.Grade, g.Scheme)
		if len(g.Because) > 0 {
			fmt.Fprintf(out, ", because %s", strings.Join(g.Because, ", "))
		}
		if g.Ceiling != g.Grade {
			fmt.Fprintf(out, " (up to %s while facts are unknown)", g.Ceiling)
		}
		fmt.Fprintln(out)
	}
	if len(s.incident.Obligations) == 0 {
		s.tellNoDuty()
		return nil
	}
	for _, d := range s.incident.Obligations {
		fmt.Fprintf(out, "duty       %-28s %-10s %s → %s\n", d.Rule, d.State, d.when(), d.Addressee)
	}
	for _, q := range s.incident.OpenQuestions {
		fmt.Fprintf(out, "open       %s (%s)\n", q.Text["en"], q.Fact)
	}
	if err := s.tellPapers(ctx); err != nil {
		return err
	}
	return s.tellDispatches(ctx)
}

// when says a duty's clock in a few words.
func (d duty) when() string {
	switch {
	case d.Deadline != nil:
		return "by " + d.Deadline.In(shanghai()).Format("2006-01-02 15:04 -07:00")
	case d.State == "waiting":
		return "starts with " + d.Anchor
	}
	return d.Urgency + ", without a number"
}

func (s *script) tellNoDuty() {
	reasons := map[string][]string{}
	var order []string
	for _, n := range s.incident.NotApplied {
		if len(reasons[n.Because]) == 0 {
			order = append(order, n.Because)
		}
		reasons[n.Because] = append(reasons[n.Because], n.ID)
	}
	fmt.Fprintln(s.io.out, "no duty, because")
	for _, because := range order {
		fmt.Fprintf(s.io.out, "  %s (%s)\n", because, strings.Join(reasons[because], ", "))
	}
	for _, q := range s.incident.OpenQuestions {
		fmt.Fprintf(s.io.out, "open       %s (%s)\n", q.Text["en"], q.Fact)
	}
}

func (s *script) tellPapers(ctx context.Context) error {
	for _, kind := range []string{"report", "notice"} {
		var list struct{ Documents []paper }
		if err := s.people.responder.api.call(ctx, http.MethodGet, "/incidents/"+s.id+"/"+kind+"s", nil, &list); err != nil {
			return err
		}
		for _, d := range list.Documents {
			fmt.Fprintf(s.io.out, "%-10s %s  %s\n", kind, d.State, d.Title["en"])
		}
	}
	return nil
}

func (s *script) tellDispatches(ctx context.Context) error {
	var list struct{ Dispatches []dispatchState }
	if err := s.people.responder.api.call(ctx, http.MethodGet, "/incidents/"+s.id+"/dispatches", nil, &list); err != nil {
		return err
	}
	for _, d := range list.Dispatches {
		fmt.Fprintf(s.io.out, "sent       %s\n", d.line())
		for _, ch := range d.Channels {
			var parts []string
			for state, n := range d.ByChannel[ch] {
				parts = append(parts, fmt.Sprintf("%d %s", n, state))
			}
			if len(parts) > 0 {
				fmt.Fprintf(s.io.out, "           over %s: %s\n", ch, strings.Join(parts, ", "))
			} else if ch == "announcement" {
				fmt.Fprintln(s.io.out, "           announcement: live on the portal")
			}
		}
		sum := int64(0)
		for state, n := range d.People {
			if state != "total" {
				sum += n
			}
		}
		if sum != d.People["total"] {
			return fmt.Errorf("%s: its states add up to %d, not to %d", d.ID, sum, d.People["total"])
		}
		fmt.Fprintf(s.io.out, "           the states add up: %d of %d, %d possible duplicates\n", sum, d.People["total"], d.Duplicates)
	}
	return nil
}

func shanghai() *time.Location {
	l, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return time.FixedZone("", 8*60*60)
	}
	return l
}
