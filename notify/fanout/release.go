package fanout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"tocsin/internal/seal"
	"tocsin/notify"
	"tocsin/templates"
)

const (
	maxReleases = 64   // dispatches kept ready in memory
	maxMemo     = 4096 // locale choices remembered for each
	fastPart    = time.Second
	slowPart    = 5 * time.Second
)

// release is a dispatch ready to be worked off: its checked messages and the key of its people.
type release struct {
	notify.Dispatch
	key    *seal.Key
	ref    string
	usable []string // channels of the plan that are configured here and have a message
	routes map[string]*route
}

// release returns a dispatch ready to send. What is frozen is checked against the approved digest the
// first time this process works on it.
func (f *Fanout) release(ctx context.Context, no int64) (*release, error) {
	f.mu.Lock()
	rel := f.releases[no]
	f.mu.Unlock()
	if rel != nil {
		return rel, nil
	}
	rel = &release{routes: map[string]*route{}}
	var messages []notify.FrozenMessage
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		if rel.Dispatch, err = tx.DispatchByNo(ctx, no); err != nil {
			return err
		}
		if messages, err = notify.ApprovedMessages(ctx, tx, rel.Dispatch); err != nil {
			return err
		}
		rel.key, err = tx.Key(ctx, rel.Incident)
		return err
	})
	if err != nil {
		return rel, fmt.Errorf("ready dispatch: %w", err)
	}
	rel.ref = rel.Reference()
	for _, c := range rel.Channels {
		if r := newRoute(c, messages); r != nil && len(f.providers[c]) > 0 {
			r.providers, r.pace = f.providers[c], newPacer(rel.Course.Rates[c])
			rel.routes[c] = r
			rel.usable = append(rel.usable, c)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.releases[no]; known != nil { // another worker was faster: its limits count for all
		return known, nil
	}
	for _, r := range rel.routes {
		r.pace.share(f.o.Clock.Now(), f.processes)
	}
	if len(f.releases) >= maxReleases {
		clear(f.releases)
	}
	f.releases[no] = rel
	return rel, nil
}

// leaves says that whoever would have to wait is left to a lane, so that nobody else has to.
func (rel *release) leaves(r notify.Range) bool {
	return len(rel.usable) > 1 && !r.Again && r.Channel == ""
}

// part is how many deliveries of a range are recorded together: n, or some seconds' worth where they go slowly and
// are waited for.
func (rel *release) part(of notify.Range, now time.Time, n int) int {
	if rel.leaves(of) {
		return n
	}
	for channel, r := range rel.routes {
		if of.Channel != "" && of.Channel != channel {
			continue
		}
		limits := []*rate.Limiter{r.pace.now(now)}
		for _, p := range r.providers {
			limits = append(limits, p.pace.now(now))
		}
		for _, l := range limits {
			if l != nil {
				n = min(n, max(1, int(float64(l.Limit())*slowPart.Seconds())))
			}
		}
	}
	return n
}

// route is the messages of one channel by locale, and the ways they can go.
type route struct {
	messages  []notify.FrozenMessage
	tags      []language.Tag
	matcher   language.Matcher
	providers []*provider
	pace      *pacer // of this dispatch on the channel

	mu   sync.Mutex
	memo map[[2]string]int
}

func newRoute(channel string, all []notify.FrozenMessage) *route {
	r := &route{memo: map[[2]string]int{}}
	for _, m := range all {
		if m.Channel == channel && channel != templates.Announcement {
			r.messages = append(r.messages, m)
			r.tags = append(r.tags, language.Make(m.Locale))
		}
	}
	if len(r.messages) == 0 {
		return nil
	}
	r.matcher = language.NewMatcher(r.tags)
	return r
}

// message is the one a person reads best: in the person's locale or one close to it, else in that of
// where the person lives, else English for who asked for another language and Chinese for who did not say.
func (r *route) message(p *notify.Recipient) int {
	ask := [2]string{p.Locale, p.Jurisdiction}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, known := r.memo[ask]
	if !known {
		if i = r.choose(p); len(r.memo) < maxMemo {
			r.memo[ask] = i
		}
	}
	return i
}

func (r *route) choose(p *notify.Recipient) int {
	fallback := "zh-Hans"
	if p.Locale != "" {
		fallback = "en"
	}
	wants := []string{p.Locale}
	if p.Locale == "" && len(p.Jurisdiction) == 2 {
		wants = []string{"und-" + p.Jurisdiction}
	}
	for _, want := range wants {
		tag, err := language.Parse(want)
		if want == "" || err != nil {
			continue
		}
		if _, i, sure := r.matcher.Match(tag); sure > language.No {
			return i
		}
	}
	return max(0, slices.IndexFunc(r.messages, func(m notify.FrozenMessage) bool { return m.Locale == fallback }))
}
