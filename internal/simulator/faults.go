package simulator

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Where a fault strikes an SMTP transaction.
const (
	AtMail  = "mail"
	AtRcpt  = "rcpt"
	AtData  = "data"  // before the message is read
	AtFinal = "final" // after the final dot
)

// Fault is something to go wrong, for one recipient or all. The first that fits strikes.
type Fault struct {
	Channel   string  `json:"channel"`             // email, sms, push, query; "" any
	Recipient string  `json:"recipient,omitempty"` // "" any
	Times     int     `json:"times,omitempty"`     // how often; 0 without end
	Rate      float64 `json:"rate,omitempty"`      // how likely, 0 always

	Accept bool          `json:"accept,omitempty"` // the message is taken all the same, then this happens
	Hang   time.Duration `json:"hang,omitempty"`   // nanoseconds; an HTTP call hangs up to this long
	Drop   bool          `json:"drop,omitempty"`   // the connection is cut instead of an answer

	At   string `json:"at,omitempty"`   // SMTP: where; "" is AtFinal
	Code int    `json:"code,omitempty"` // SMTP reply code or HTTP status
	Text string `json:"text,omitempty"` // SMTP text, may begin with an enhanced code; HTTP body

	Error string `json:"error,omitempty"` // RPC: the provider's code, with Code as HTTP status (0: 200)
}

// faults holds the scripted ones.
type faults struct {
	mu   sync.Mutex
	rand *rand.Rand
	list []Fault
}

func newFaults(seed uint64) *faults { return &faults{rand: rand.New(rand.NewPCG(seed, 1))} }

func (f *faults) add(x Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.Times == 0 {
		x.Times = -1
	}
	f.list = append(f.list, x)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// strike finds the fault that happens now, and counts it.
func (f *faults) strike(channel, at, recipient string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		x := &f.list[i]
		where := x.At
		if where == "" && channel == "email" {
			where = AtFinal
		}
		if x.Times == 0 || x.Channel != "" && x.Channel != channel || where != at ||
			x.Recipient != "" && x.Recipient != recipient {
			continue
		}
		if x.Rate > 0 && f.rand.Float64() >= x.Rate {
			continue
		}
		if x.Times > 0 {
			x.Times--
		}
		return *x, true
	}
	return Fault{}, false
}

// Magic recipients, so that people can try failures without scripting them.
//
// Email, by local part (alone or followed by + - . or digits):
//
//	bounce     taken, then a report that the mailbox does not exist (5.1.1)
//	delay      taken, then a report of delay, and one of delivery if asked for
//	complain   taken, then a complaint as a feedback report
//	vanish     taken, never heard of again
//	autoreply  taken, then an automatic answer that is no bounce
//	nouser     refused at RCPT, 5.1.1
//	full       refused at RCPT, 5.2.2
//	greylist   refused once, 4.2.0, then taken
//	blocked    refused after the message, 5.7.1 content
//
// Phones, by their last six digits:
//
//	990001  receipt MK:0001, no such number      990005  refused, isv.MOBILE_NUMBER_ILLEGAL
//	990002  receipt UNDELIV, switched off        990006  refused, isv.BUSINESS_LIMIT_CONTROL
//	990003  receipt ten minutes late             990007  receipt twice, then a late failure
//	990004  no receipt ever                      990008  receipt MBBLACK, blacklisted
//
// Devices: an id that begins with "gone" is taken and dropped without a word.
var magicLocal = []string{"bounce", "delay", "complain", "vanish", "autoreply", "nouser", "full", "greylist", "blocked"}

// magicMail is the magic word of an address, or "".
func magicMail(address string) string {
	local, _, _ := strings.Cut(address, "@")
	for _, word := range magicLocal {
		if rest, ok := strings.CutPrefix(strings.ToLower(local), word); ok && strings.Trim(rest, "0123456789+-.") == "" {
			return word
		}
	}
	return ""
}

// magicPhone is the last digits of a magic number, or "".
func magicPhone(phone string) string {
	if len(phone) != 11 || !strings.HasPrefix(phone[5:], "9900") {
		return ""
	}
	return phone[5:]
}
