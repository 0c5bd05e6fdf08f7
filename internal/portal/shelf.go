package portal

import (
	"context"
	"strings"
	"sync"
	"time"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// freshFor bounds how long a page may lag behind the store, and how often visitors make it be read: a
// million people may come at once.
const freshFor = 2 * time.Second

// stock is everything public at one time.
type stock struct {
	notices []notify.Announcement // newest first, each with a page
	org     templates.Organisation
}

// shelf keeps the last stock. It outlives the store: while that cannot be read, the announcements stay up.
type shelf struct {
	mu     sync.Mutex
	stock  stock
	full   bool
	looked time.Time
}

func (p *portal) stock(ctx context.Context) (stock, error) {
	s := &p.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	now := p.Clock.Now()
	if s.full && now.Sub(s.looked) < freshFor {
		return s.stock, nil
	}
	// The answer serves everybody who waits, so it does not end with the visitor who asked first.
	got, err := p.read(context.WithoutCancel(ctx))
	if err != nil {
		if !s.full {
			return stock{}, err
		}
		p.Log.WarnContext(ctx, "announcements are shown from memory", "error", err)
		got = s.stock
	}
	s.stock, s.full, s.looked = got, true, now
	return s.stock, nil
}

func (p *portal) read(ctx context.Context) (stock, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	org, err := p.Organisation(ctx)
	if err != nil && !incident.IsFault(err, incident.NotFound) { // no profile yet: nothing was ever sent
		return stock{}, err
	}
	all, err := p.Notify.Announcements(ctx, p.Operator)
	if err != nil {
		return stock{}, err
	}
	s := stock{org: org}
	for _, a := range all {
		if len(a.Messages) > 0 {
			s.notices = append(s.notices, a)
		}
	}
	return s, nil
}

// find reads a notice number as people type it: any case, with or without the hyphen.
func (s stock) find(no string) *notify.Announcement {
	want := plainNumber(no)
	if want == "" {
		return nil
	}
	for i := range s.notices {
		if plainNumber(s.notices[i].No) == want {
			return &s.notices[i]
		}
	}
	return nil
}

var typed = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")

func plainNumber(no string) string {
	if len(no) > 64 {
		return ""
	}
	return typed.Replace(strings.ToUpper(no))
}
