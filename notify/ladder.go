package notify

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/templates"
)

// NoChannel is the channel of the delivery of a person whom no channel of the plan reaches.
const NoChannel = "none"

// Ladder is the order in which channels of a plan are tried for a person: the person's own order first,
// then the rest of the plan; of somebody at risk only the own ones. A channel is in it when the person
// has an address there and it is not burnt. Where others can read all of a channel's addresses, it is in
// it only if no channel of the plan leads to the person alone.
func Ladder(r *Recipient, plan []string) []string {
	return AppendLadder(make([]string, 0, len(plan)), r, plan)
}

// AppendLadder appends a person's ladder to those of others.
func AppendLadder(out []string, r *Recipient, plan []string) []string {
	private := privately(r, plan)
	from := len(out)
	for _, order := range [...][]string{r.Channels, plan} {
		for _, c := range order {
			if slices.Contains(plan, c) && !slices.Contains(out[from:], c) && usable(r, c) && best(r, c, private) != "" {
				out = append(out, c)
			}
		}
	}
	return out
}

// privately says that a channel of a plan leads to the person alone, so that no address that others read is used.
func privately(r *Recipient, plan []string) bool {
	return len(r.Shared) == 0 || slices.ContainsFunc(plan, func(c string) bool {
		return usable(r, c) && best(r, c, true) != ""
	})
}

// Rungs is the ladder address by address: each channel stands in it once for each address to be tried there.
func Rungs(r *Recipient, plan []string) []string {
	var out []string
	for _, c := range Ladder(r, plan) {
		for range Addresses(r, c, plan) {
			out = append(out, c)
		}
	}
	return out
}

// usable says that a channel may be used for a person at all.
func usable(r *Recipient, channel string) bool {
	return !slices.Contains(r.Burnt, channel) && (!r.NoApp || channel != templates.Push) && (!r.Safe || slices.Contains(r.Channels, channel))
}

// Address is where a channel reaches a person, "" when it does not: of several addresses one that only the
// person reads, and of those the one that was known to be the person's most recently, else the first.
func Address(r *Recipient, channel string) string {
	if !usable(r, channel) {
		return ""
	}
	return best(r, channel, false)
}

// Addresses are where a channel of a plan reaches a person, in the order in which they are tried: as Address
// chooses the first, it chooses each of the others among those left. Those that others can read follow the
// private ones only where the ladder has such at all, so a place in the order never means another address.
func Addresses(r *Recipient, channel string, plan []string) []string {
	if !usable(r, channel) {
		return nil
	}
	out := slices.Clone(listed(nil, r, channel))
	if privately(r, plan) {
		out = slices.DeleteFunc(out, r.shares)
	}
	rank := func(a string) int {
		if r.shares(a) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b string) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(r.verified(b), r.verified(a)))
	})
	return out
}

// shares says that others can read an address of the person.
func (r *Recipient) shares(address string) bool { return slices.Contains(r.Shared, address) }

// verified is the day on which an address was last known to be the person's; "" when nobody knows.
func (r *Recipient) verified(address string) string {
	return cmp.Or(r.VerifiedAt[address], r.VerifiedAt[""])
}

// best is the first choice among a channel's addresses; private leaves out those that others can read.
func best(r *Recipient, channel string, private bool) string {
	var room [1]string // most people have one device
	list := listed(room[:0], r, channel)
	if len(list) == 0 {
		return ""
	}
	if len(r.Shared) == 0 && (len(list) == 1 || len(r.VerifiedAt) == 0) {
		return list[0]
	}
	var found, day string
	shared := true
	for _, a := range list {
		others, known := r.shares(a), r.verified(a)
		if private && others {
			continue
		}
		if found == "" || shared && !others || shared == others && known > day {
			found, day, shared = a, known, others
		}
	}
	return found
}

// listed are the addresses of a channel as they were imported; room takes them where they must be gathered.
func listed(room []string, r *Recipient, channel string) []string {
	switch channel {
	case templates.Email:
		return r.Emails
	case templates.SMS:
		return r.Phones
	case templates.Push:
		for _, p := range r.Push {
			if p.Provider == "aliyun" && (p.Target == "" || p.Target == "DEVICE") {
				room = append(room, p.ID)
			}
		}
		return room
	}
	return nil
}

// usual is the order in which a ladder stands that no person has asked for; the plan's own takes its place.
var usual = [...]string{templates.Push, templates.SMS, templates.Email}

// rungs is what segments count of how a person can be reached: of each usual channel whether it may be used
// and whether all its addresses are shared, the kind of number, and the order that the person asked for.
type rungs struct {
	open, shared [len(usual)]bool
	number       Coverage
	asked        [len(usual)]int8 // places in usual, from 1
}

func rungsOf(r *Recipient) (k rungs) {
	for i, c := range usual {
		if !usable(r, c) {
			continue
		}
		address := best(r, c, false)
		k.open[i] = address != ""
		k.shared[i] = k.open[i] && len(r.Shared) > 0 && best(r, c, true) == ""
		if k.open[i] && c == templates.SMS {
			k.number = CoverageOf(address)
		}
	}
	for i, c := range r.Channels {
		k.asked[i] = int8(slices.Index(usual[:], c) + 1)
	}
	return k
}

// ladder is the ladder of a person as segments count it.
func (k rungs) ladder() string {
	var own, others []string
	asked := k.asked[0] > 0
	for _, i := range k.asked {
		if i > 0 && k.open[i-1] {
			own = append(own, k.name(int(i-1)))
			k.open[i-1] = false
		}
	}
	for i := range usual {
		if k.open[i] {
			others = append(others, k.name(i))
		}
	}
	if !asked {
		return strings.Join(others, ">")
	}
	return strings.Join(own, ">") + ";" + strings.Join(others, ">")
}

func (k rungs) name(i int) string {
	name := usual[i]
	if name == templates.SMS {
		name = smsNames[k.number]
	}
	if k.shared[i] {
		name += "?"
	}
	return name
}

// number is the kind of number at which SMS would reach the people of a segment.
func (s Segment) number() Coverage {
	for number, name := range smsNames {
		if number != Mainland && strings.Contains(s.Ladder, name) {
			return number
		}
	}
	return Mainland
}

// On is the ladder that the people of a segment have under a plan, as Ladder makes it for each of them.
func (s Segment) On(plan []string) []string {
	own, others, asked := strings.Cut(s.Ladder, ";")
	if !asked {
		own, others = "", own
	}
	var r Recipient
	for i, part := range []string{own, others} {
		for c := range strings.SplitSeq(part, ">") {
			name := strings.TrimSuffix(c, "?")
			channel, _, _ := strings.Cut(name, "-")
			switch channel {
			case templates.Email:
				r.Emails = []string{name}
			case templates.SMS:
				r.Phones = []string{name}
			case templates.Push:
				r.Push = []PushTarget{{Provider: "aliyun", Target: "DEVICE", ID: name}}
			default:
				continue
			}
			if name != c {
				r.Shared = append(r.Shared, name)
			}
			if i == 0 {
				r.Channels = append(r.Channels, channel)
			}
		}
	}
	return Ladder(&r, plan)
}

// stretch is how many rows between two wanted ones are read along rather than asked for apart.
const stretch = 64

// windows joins sorted sequences into half-open stretches, so that people who stand close together
// are read with one query.
func windows(seqs []int64) [][2]int64 {
	var out [][2]int64
	for _, s := range seqs {
		if n := len(out); n > 0 && s < out[n-1][1]+stretch {
			out[n-1][1] = s + 1
			continue
		}
		out = append(out, [2]int64{s, s + 1})
	}
	return out
}
