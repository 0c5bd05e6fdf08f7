package simulator

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
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
	Channel   string    `json:"channel,omitempty"`   // email, sms, push, query; "" any
	Provider  string    `json:"provider,omitempty"`  // relay, aliyun, aliyun-intl, aliyun-push, tencent; "" any
	Recipient string    `json:"recipient,omitempty"` // "" any
	Times     int       `json:"times,omitempty"`     // how often; 0 without end
	Rate      float64   `json:"rate,omitempty"`      // how likely, 0 always
	Until     time.Time `json:"until,omitzero"`      // of the simulated time: a storm that ends

	Accept bool          `json:"accept,omitempty"` // the message is taken all the same, then this happens
	Delay  time.Duration `json:"delay,omitempty"`  // nanoseconds before an answer that is otherwise right
	Hang   time.Duration `json:"hang,omitempty"`   // nanoseconds; a call hangs up to this long
	Drop   bool          `json:"drop,omitempty"`   // the connection is cut instead of an answer
	Drip   bool          `json:"drip,omitempty"`   // HTTP: the right answer, letter by letter

	At   string `json:"at,omitempty"`   // SMTP: where; "" is AtFinal
	Code int    `json:"code,omitempty"` // SMTP reply code or HTTP status
	Text string `json:"text,omitempty"` // SMTP text, may begin with an enhanced code; HTTP body

	Error string `json:"error,omitempty"` // RPC: the provider's code, with Code as HTTP status (0: 200); with Later: of the receipt
	Later string `json:"later,omitempty"` // what comes back later: failed, delayed, nothing … as the table of kinds has it
}

// refuses reports whether the fault replaces the answer.
func (f *Fault) refuses() bool {
	return f.Code != 0 || f.Drop || f.Hang > 0 || f.Text != "" || f.Error != "" && f.Later == ""
}

// faults holds the scripted ones and the shares of all recipients that meet a kind.
type faults struct {
	seed uint64
	any  atomic.Bool // something is scripted

	mu     sync.Mutex
	rand   *rand.Rand
	list   []Fault
	shares map[string]float64
	met    map[uint64]struct{} // recipients that met a kind that strikes once

	profile atomic.Pointer[profile]
	timed   map[*Kind]*Kind // kinds that last as long as the options say
}

func newFaults(o Options) *faults {
	f := &faults{seed: o.Seed, rand: rand.New(rand.NewPCG(o.Seed, 1)), met: map[uint64]struct{}{}, timed: map[*Kind]*Kind{}}
	for i := range kinds {
		k, own := &kinds[i], kinds[i]
		if k.Fault.Hang > 0 && o.Hang > 0 {
			own.Fault.Hang = o.Hang
			f.timed[k] = &own
		}
		if (k.Fault.Delay > 0 || k.Fault.Drip) && o.Slow > 0 {
			own.Fault.Delay = o.Slow
			f.timed[k] = &own
		}
	}
	return f
}

func (f *faults) add(x Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.Times == 0 {
		x.Times = -1
	}
	f.list = append(f.list, x)
	f.any.Store(true)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.shares = nil, nil
	clear(f.met)
	f.any.Store(false)
	f.profile.Store(nil)
}

// strike finds the scripted fault that happens now, and counts it.
func (f *faults) strike(channel, provider, at, recipient string, now time.Time) (Fault, bool) {
	if !f.any.Load() {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		x := &f.list[i]
		where := x.At
		if where == "" && channel == "email" {
			where = AtFinal
		}
		if x.Times == 0 || x.Channel != "" && x.Channel != channel || x.Provider != "" && x.Provider != provider ||
			channel == "email" && where != at || x.Recipient != "" && x.Recipient != recipient || !x.Until.IsZero() && now.After(x.Until) {
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

// profile divides recipients among kinds: each has one or none, always the same for a seed.
type profile struct{ email, sms, push band }

type band struct {
	upTo  []uint64 // thresholds of a spread hash, rising
	kinds []*Kind
}

func (b *band) of(hash uint64) *Kind {
	if n := len(b.upTo); n == 0 || hash >= b.upTo[n-1] {
		return nil
	}
	for i, t := range b.upTo {
		if hash < t {
			return b.kinds[i]
		}
	}
	return nil
}

var errShares = errors.New("shares of faults must be between 0 and 1, and together at most 1 on each channel")

// share sets which share of all recipients meets which kind. "*" is every kind that is not about the account.
func (f *faults) share(shares map[string]float64) error {
	all, known := shares["*"]
	var bands [3]band
	for c, channel := range channels[:3] {
		sum := 0.0
		for i := range kinds {
			k := &kinds[i]
			part, named := shares[k.Name]
			if !named && known && !k.Stops {
				part = all
			}
			if part < 0 || part > 1 || math.IsNaN(part) {
				return errShares
			}
			if part == 0 || !k.On(channel) {
				continue
			}
			if sum += part; sum > 1 {
				return errShares
			}
			bands[c].upTo = append(bands[c].upTo, threshold(sum))
			bands[c].kinds = append(bands[c].kinds, k)
		}
	}
	for name := range shares {
		if name != "*" && kindNamed(name) == nil {
			return fmt.Errorf("no fault is called %q", name)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shares = maps.Clone(shares)
	clear(f.met)
	f.profile.Store(&profile{bands[0], bands[1], bands[2]})
	return nil
}

// threshold is the hash below which a share of all hashes lies.
func threshold(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(math.Ldexp(share, 64))
}

func kindNamed(name string) *Kind {
	for i := range kinds {
		if kinds[i].Name == name {
			return &kinds[i]
		}
	}
	return nil
}

// kind is what a recipient meets by its form or by the profile, or nil.
func (f *faults) kind(channel string, recipient []byte) *Kind {
	k, h := magicKind(channel, recipient), uint64(0)
	if k == nil {
		p := f.profile.Load()
		if p == nil {
			return nil
		}
		h = mix(fnv1a(fnv1a(uint64(fnvOffset), channel), recipient) ^ f.seed)
		switch channel {
		case "email":
			k = p.email.of(h)
		case "sms":
			k = p.sms.of(h)
		case "push":
			k = p.push.of(h)
		}
	}
	if k == nil || !k.Once {
		return k
	}
	if own := f.timed[k]; own != nil {
		k = own
	}
	h = fnv1a(fnv1a(fnv1a(uint64(fnvOffset), channel), recipient), k.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, met := f.met[h]; met {
		return nil
	}
	f.met[h] = struct{}{}
	return k
}

// known lists what is scripted and shared now.
func (f *faults) known() ([]Fault, map[string]float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.list...), maps.Clone(f.shares)
}
