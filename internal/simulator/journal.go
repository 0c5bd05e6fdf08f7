package simulator

import (
	"maps"
	"mime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const maxRepeats = 100_000 // deliveries that came more than once and are kept by name

// Journal counts every accepted message and keeps the last ones whole. Counts are kept by hash, some twenty
// bytes a delivery, so that a run of ten million fits.
type Journal struct {
	keep, sample int
	counts       tally
	total        atomic.Int64
	sums         [4]sums

	mu         sync.Mutex
	violations map[string]int64
	providers  map[string]*atomic.Int64
	repeats    []Repeat
	repeated   map[Key]int
	recent     []Entry // ring
	kept       int64
}

// channels are those of sums, in order; the last stands for any other.
var channels = [...]string{"email", "sms", "push", "other"}

type sums struct{ accepted, deliveries, recipients, repeated, most, refused, dropped atomic.Int64 }

func (j *Journal) channel(name string) *sums {
	if i := slices.Index(channels[:], name); i >= 0 {
		return &j.sums[i]
	}
	return &j.sums[len(channels)-1]
}

// Entry is one accepted message kept whole.
type Entry struct {
	No        int64     `json:"no"`
	At        time.Time `json:"at"`
	Channel   string    `json:"channel"`
	Provider  string    `json:"provider"`
	Recipient string    `json:"recipient"`
	ID        string    `json:"id"` // our id as it came: VERP token, OutId, JobKey
	Title     string    `json:"title"`
	Body      string    `json:"body"` // mail: the message as received
}

// Repeat is a delivery that arrived more than once.
type Repeat struct {
	Channel   string `json:"channel"`
	Recipient string `json:"recipient"`
	ID        string `json:"id"`
	Times     int64  `json:"times"`
}

// ChannelSummary adds up one channel. A delivery is a recipient with one id of ours.
type ChannelSummary struct {
	Accepted   int64 `json:"accepted"`
	Deliveries int64 `json:"deliveries"` // different (recipient, id)
	Recipients int64 `json:"recipients"`
	Repeated   int64 `json:"repeated"` // messages beyond the first of a delivery
	Most       int64 `json:"most"`     // messages of the delivery that got most
	Refused    int64 `json:"refused"`
	Dropped    int64 `json:"dropped"` // taken and silently not delivered
}

// Summary is the journal added up.
type Summary struct {
	Channels   map[string]ChannelSummary `json:"channels"`
	Providers  map[string]int64          `json:"providers"`  // accepted by each
	Violations map[string]int64          `json:"violations"` // rules that arrivals broke; such are refused
}

func newJournal(keep, sample int) *Journal {
	j := &Journal{keep: keep, sample: max(1, sample), providers: map[string]*atomic.Int64{}}
	for _, name := range []string{relay, aliyunSMS, aliyunIntl, aliyunPush, tencentSMS} {
		j.providers[name] = new(atomic.Int64)
	}
	j.Reset()
	return j
}

// Reset forgets everything.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts.reset()
	for i := range j.sums {
		s := &j.sums[i]
		for _, n := range []*atomic.Int64{&s.accepted, &s.deliveries, &s.recipients, &s.repeated, &s.most, &s.refused, &s.dropped} {
			n.Store(0)
		}
	}
	for _, n := range j.providers {
		n.Store(0)
	}
	j.violations, j.repeated, j.repeats = map[string]int64{}, map[Key]int{}, nil
	j.recent, j.kept = nil, 0
	j.total.Store(0)
}

// due says how closely the next message is looked at: not at all, on the wire, or into its parts.
func (j *Journal) due() (look, deep bool) {
	n := j.total.Load()
	return n%int64(j.sample) == 0, n%int64(max(50, j.sample)) == 0
}

// accept counts a message; whole is called only when it is kept.
func (j *Journal) accept(channel, provider string, recipient, id []byte, whole func() Entry) {
	c, k := j.channel(channel), keyOf(channel, recipient, id)
	c.accepted.Add(1)
	if n := j.providers[provider]; n != nil {
		n.Add(1)
	}
	times, newPerson := j.counts.add(k)
	if newPerson {
		c.recipients.Add(1)
	}
	if times == 1 {
		c.deliveries.Add(1)
		c.most.CompareAndSwap(0, 1)
	} else {
		c.repeated.Add(1)
		j.repeat(c, k, Repeat{Channel: channel, Recipient: string(recipient), ID: string(id), Times: int64(times)})
	}
	if (j.total.Add(1)-1)%int64(j.sample) == 0 {
		e := whole()
		e.Channel, e.Provider, e.Recipient, e.ID = channel, provider, string(recipient), string(id)
		j.keepWhole(e)
	}
}

func (j *Journal) repeat(c *sums, k Key, r Repeat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.most.Store(max(c.most.Load(), r.Times))
	if i, known := j.repeated[k]; known {
		j.repeats[i].Times = max(j.repeats[i].Times, r.Times)
	} else if len(j.repeats) < maxRepeats {
		j.repeated[k] = len(j.repeats)
		j.repeats = append(j.repeats, r)
	}
}

func (j *Journal) keepWhole(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept++
	e.No = j.kept
	if len(j.recent) < j.keep {
		j.recent = append(j.recent, e)
	} else {
		j.recent[(j.kept-1)%int64(j.keep)] = e
	}
}

func (j *Journal) refuse(channel, violation string) {
	j.channel(channel).refused.Add(1)
	if violation != "" {
		j.violate(violation)
	}
}

// violate counts a broken rule.
func (j *Journal) violate(rule string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.violations[rule]++
}

func (j *Journal) drop(channel string) { j.channel(channel).dropped.Add(1) }

// Count is how many messages a recipient got on a channel under one id of ours; id "" counts all.
func (j *Journal) Count(channel, recipient, id string) int {
	return j.counts.count(KeyOf(channel, recipient, id), id == "")
}

// Each gives every delivery's key and how many messages arrived for it, in no order.
func (j *Journal) Each(yield func(Key, uint32) bool) { j.counts.each(yield) }

// Repeats lists deliveries that arrived more than once, in the order of their first repetition.
func (j *Journal) Repeats(after, limit int) []Repeat {
	j.mu.Lock()
	defer j.mu.Unlock()
	after = min(max(after, 0), len(j.repeats))
	return slices.Clone(j.repeats[after:min(after+limit, len(j.repeats))])
}

// Summary adds up.
func (j *Journal) Summary() Summary {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Summary{Channels: map[string]ChannelSummary{}, Providers: map[string]int64{}, Violations: maps.Clone(j.violations)}
	for i, name := range channels {
		c := &j.sums[i]
		if sum := (ChannelSummary{
			Accepted: c.accepted.Load(), Deliveries: c.deliveries.Load(), Recipients: c.recipients.Load(), Repeated: c.repeated.Load(),
			Most: c.most.Load(), Refused: c.refused.Load(), Dropped: c.dropped.Load(),
		}); sum != (ChannelSummary{}) {
			s.Channels[name] = sum
		}
	}
	for name, n := range j.providers {
		if n.Load() > 0 {
			s.Providers[name] = n.Load()
		}
	}
	return s
}

// Recent lists the messages kept, newest first; channel and recipient "" take all.
func (j *Journal) Recent(channel, recipient string) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	if channel == "sms" && recipient != "" {
		recipient = bare(recipient)
	}
	var out []Entry
	for _, e := range j.recent {
		if (channel == "" || e.Channel == channel) && (recipient == "" || e.Recipient == recipient) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return int(b.No - a.No) })
	return out
}

// at finds a kept message by number.
func (j *Journal) at(no int64) (Entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.recent {
		if e.No == no {
			return e, true
		}
	}
	return Entry{}, false
}

// Heading is the title as a reader sees it.
func (e Entry) Heading() string {
	if s, err := new(mime.WordDecoder).DecodeHeader(e.Title); err == nil {
		return s
	}
	return e.Title
}
