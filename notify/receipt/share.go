package receipt

import (
	"sync"
	"time"

	"tocsin/internal/clock"
	"tocsin/notify"
)

// suspect is the class, within this package, of a message refused for what it says.
const suspect notify.Class = "CONTENT"

// When refusals for what a message says stop its provider: more than 2 % of the reports within 5 minutes
// (channels.md section 2.4), and enough of them that a share means something.
const (
	shareStep  = 30 * time.Second
	shareSteps = 10
	shareMost  = 0.02
	shareAfter = 100
)

// Decoder reads callbacks, and knows from those before what a refusal for content means: one alone is that
// person's bad luck, many are a reason to stop. It is safe for concurrent use.
type Decoder struct {
	clock clock.Clock

	mu     sync.Mutex
	shares map[string]*share // by provider
}

// NewDecoder makes a decoder that has read nothing yet.
func NewDecoder(c clock.Clock) *Decoder { return &Decoder{clock: c, shares: map[string]*share{}} }

// Decode reads a callback. ack is what the provider wants to hear once the receipts are stored. One that is sound
// but holds nothing of use gives no receipts and is acknowledged too.
func (d *Decoder) Decode(name, contentType string, body []byte) (receipts []notify.Receipt, ack []byte, ackType string, err error) {
	now := d.clock.Now()
	if receipts, ack, ackType, err = read(now, name, contentType, body); err != nil {
		return nil, nil, "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shares[name]
	if s == nil {
		s = &share{}
		d.shares[name] = s
	}
	for i := range receipts {
		r := &receipts[i]
		s.count(now, r.Class == suspect)
		if r.Class == suspect {
			r.Class = s.class()
		}
	}
	return receipts, ack, ackType, nil
}

// share counts reports and refusals for content in steps of a window.
type share struct {
	newest          int64 // step of the newest count
	all, suspects   [shareSteps]int
	total, refusals int
}

func (s *share) count(now time.Time, suspicious bool) {
	step := now.UnixNano() / int64(shareStep)
	for ; s.newest < step; s.newest++ { // steps that have passed begin anew
		if step-s.newest > shareSteps {
			s.newest = step - shareSteps
		}
		i := (s.newest + 1) % shareSteps
		s.total, s.refusals = s.total-s.all[i], s.refusals-s.suspects[i]
		s.all[i], s.suspects[i] = 0, 0
	}
	i := s.newest % shareSteps
	s.all[i]++
	s.total++
	if suspicious {
		s.suspects[i]++
		s.refusals++
	}
}

func (s *share) class() notify.Class {
	if s.total >= shareAfter && float64(s.refusals) > shareMost*float64(s.total) {
		return notify.ClassStop
	}
	return notify.ClassRcptSoft
}
