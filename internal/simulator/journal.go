package simulator

import (
	"hash/maphash"
	"mime"
	"slices"
	"sync"
	"time"
)

// Journal counts every accepted message and keeps the last ones whole. Counts are kept by hash, a few dozen
// bytes a recipient, so that a run of a million fits.
type Journal struct {
	mu         sync.Mutex
	seed       maphash.Seed
	keep       int
	byID       map[uint64]uint32 // channel, recipient, our id
	byPerson   map[uint64]uint32 // channel, recipient
	channels   map[string]*ChannelSummary
	violations map[string]int64
	recent     []Entry // ring
	total      int64
}

// Entry is one accepted message kept whole.
type Entry struct {
	No        int64     `json:"no"`
	At        time.Time `json:"at"`
	Channel   string    `json:"channel"`
	Recipient string    `json:"recipient"`
	ID        string    `json:"id"` // our id as it came: VERP token, OutId, JobKey
	Title     string    `json:"title"`
	Body      string    `json:"body"` // mail: the message as received
}

// ChannelSummary adds up one channel. A key is a recipient with one id of ours: one delivery.
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
	Violations map[string]int64          `json:"violations"` // rules that arrivals broke; such are refused
}

func newJournal(keep int) *Journal {
	j := &Journal{seed: maphash.MakeSeed(), keep: keep}
	j.Reset()
	return j
}

// Reset forgets everything.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.byID, j.byPerson = map[uint64]uint32{}, map[uint64]uint32{}
	j.channels, j.violations = map[string]*ChannelSummary{}, map[string]int64{}
	j.recent, j.total = nil, 0
}

func (j *Journal) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(j.seed)
	for _, p := range parts {
		h.WriteString(p)
		h.WriteByte(0)
	}
	return h.Sum64()
}

func (j *Journal) channel(name string) *ChannelSummary {
	c := j.channels[name]
	if c == nil {
		c = &ChannelSummary{}
		j.channels[name] = c
	}
	return c
}

// sample picks the messages that are inspected in depth: the first and then every fiftieth.
func (j *Journal) sample() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total%50 == 0
}

// accept counts a message and keeps it for a while. body is called only when it is kept.
func (j *Journal) accept(e Entry, body func() string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.channel(e.Channel)
	c.Accepted++
	id, person := j.hash(e.Channel, e.Recipient, e.ID), j.hash(e.Channel, e.Recipient)
	j.byID[id]++
	if n := int64(j.byID[id]); n == 1 {
		c.Deliveries++
	} else {
		c.Repeated++
		c.Most = max(c.Most, n)
	}
	c.Most = max(c.Most, 1)
	j.byPerson[person]++
	if j.byPerson[person] == 1 {
		c.Recipients++
	}
	j.total++
	e.No, e.Body = j.total, body()
	if len(j.recent) < j.keep {
		j.recent = append(j.recent, e)
	} else {
		j.recent[(j.total-1)%int64(j.keep)] = e
	}
}

func (j *Journal) refuse(channel, violation string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.channel(channel).Refused++
	if violation != "" {
		j.violations[violation]++
	}
}

func (j *Journal) drop(channel string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.channel(channel).Dropped++
}

// Count is how many messages a recipient got on a channel under one id of ours; id "" counts all.
func (j *Journal) Count(channel, recipient, id string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if id == "" {
		return int(j.byPerson[j.hash(channel, recipient)])
	}
	return int(j.byID[j.hash(channel, recipient, id)])
}

// Summary adds up.
func (j *Journal) Summary() Summary {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Summary{Channels: map[string]ChannelSummary{}, Violations: map[string]int64{}}
	for name, c := range j.channels {
		s.Channels[name] = *c
	}
	for rule, n := range j.violations {
		s.Violations[rule] = n
	}
	return s
}

// Recent lists the messages kept, newest first; channel and recipient "" take all.
func (j *Journal) Recent(channel, recipient string) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
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
