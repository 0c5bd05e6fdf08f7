package notify

import (
	"cmp"
	"slices"
	"time"

	"tocsin/templates"
)

// How long a delivery waits before it is tried again, and how often. Half an hour of a relay that is
// down must not push everybody to the next channel; a day of it must.
const (
	backoffBase = 4 * time.Second
	backoffCap  = time.Hour
	maxAttempts = 12               // about two hours and a half
	maxResends  = 3                // sends of one delivery that may each have gone out
	doubtAfter  = 5 * time.Second  // until a delivery in doubt is asked about or sent again
	softAfter   = 15 * time.Minute // until the one retry of an unreachable recipient
	holdAfter   = time.Minute      // a delivery put back because its provider stopped us
	// ReconcileAfter is how long a provider is asked about a delivery in doubt before another one may be used.
	ReconcileAfter = 10 * time.Minute
	maxCode        = 32 // characters kept of a provider's code
)

// Outcome is what an attempt or a receipt says of one delivery.
type Outcome struct {
	Seq      int64
	Channel  string // "none" when no channel of the plan is usable
	Address  int    // which of the person's addresses there, 0 the first
	Provider string // id of the provider it went over; "" when nothing was sent
	Attempt  int    // which try it was, from 1; 0: word from outside (a receipt)
	Verdict  Verdict
	Doubt    bool     // the message may have gone out more than once
	Asked    bool     // the provider was asked, nothing was sent
	Held     bool     // nothing was sent, nobody was asked: the attempt does not count
	Over     bool     // nothing is sent any more: the dispatch was stopped
	Ladder   []string // the person's usable channels in order, for the next one; after a failure, Rungs
}

// put back says that the attempt provably did not happen: it waited, or the provider takes nothing from us.
func (o *Outcome) putBack() bool {
	return o.Attempt > 0 && (o.Held || o.Verdict.Class == ClassStop || o.Verdict.Class == ClassBug)
}

// refused says that the attempt reached nobody, and is to be made again.
func (o *Outcome) refused() bool {
	c := o.Verdict.Class
	return c == ClassRetry || c == ClassRetryAt || c == ClassRcptSoft
}

// ordinary is an outcome that its batch alone may record: taken at the first attempt and nothing more to do.
func (o *Outcome) ordinary(d *Dispatch) bool {
	return o.Attempt == 1 && o.Verdict.Class == ClassAccepted && !o.Doubt && !o.Asked && o.nextRung(d) == ""
}

// nextRung is the channel that follows when no word of arrival comes in time; "" when that is not waited for.
func (o *Outcome) nextRung(d *Dispatch) string {
	if d.Course.Waits[o.Channel] <= 0 {
		return ""
	}
	next := slices.Index(o.Ladder, o.Channel)
	for next >= 0 && next < len(o.Ladder) {
		if o.Ladder[next] != o.Channel {
			return o.Ladder[next]
		}
		next++
	}
	return ""
}

// move is the only writer of a delivery's state. It refuses whatever does not lie ahead: the order of
// the states decides. Stopped is reached only from Pending, and from InDoubt once the provider has been asked, and
// left only by word that the message went out after all.
func (d *Delivery) move(to DeliveryState) bool {
	switch {
	case to == Stopped && d.State != Pending && d.State != InDoubt,
		to != Stopped && d.State == Stopped && to < Accepted,
		to != Stopped && d.State != Stopped && to <= d.State,
		to == d.State:
		return false
	}
	d.State, d.NextAt, d.RangeNo = to, nil, 0
	return true
}

// dead says that a delivery has failed at its address, and that another address may do better: not when its
// provider takes nothing from us, or may not serve the person.
func (d *Delivery) dead() bool {
	switch d.Class {
	case ClassRcptPerm, ClassRcptSoft, ClassRetry, ClassRetryAt:
		return d.State == Failed
	}
	return false
}

// turn begins a failed delivery anew at another address of the person, at once. That it was in doubt once stays known.
func (d *Delivery) turn(address int, now time.Time) {
	*d = Delivery{Dispatch: d.Dispatch, Seq: d.Seq, Channel: d.Channel, Address: address, Attempt: d.Attempt, Doubt: d.Doubt, At: now, NextAt: &now}
}

// reached is the state a positive class leads to.
var reached = map[Class]DeliveryState{ClassAccepted: Accepted, ClassDelivered: Delivered, ClassRead: Read}

// settle applies an outcome. changed tells whether the row is another one now, failed whether this
// channel has just ended for this person.
func (d *Delivery) settle(o Outcome, now time.Time) (changed, failed bool) {
	switch {
	case o.Verdict.Class == ClassNoWord:
		return d.waitedInVain(), false
	case o.Address < d.Address:
		return d.settleEarlier(o, now), false
	case o.Over && (o.refused() || o.putBack()):
		return d.end(&o, now), false
	case o.putBack():
		return d.putBack(o, now), false
	}
	if d.State < Delivered {
		d.Address = o.Address // ahead of us only when the store is older than what was sent
	}
	late, refused := o.Attempt > 0 && o.Attempt <= d.Attempt, o.refused()
	if late {
		if d.tells(o) && (d.Doubt || !o.Doubt) {
			return false, false
		}
		o.Doubt = o.Doubt || !refused // two owners sent the same attempt
	}
	if o.Doubt && !d.Doubt {
		d.Doubt, changed = true, true
	}
	if late && refused {
		return changed, false // what follows from it was decided then, and may be under way
	}
	soft := d.Class == ClassRcptSoft
	if o.Attempt > d.Attempt {
		d.Attempt, changed = o.Attempt, true
		d.Provider = cmp.Or(d.Provider, o.Provider) // a receipt that was here first did not say
	}
	if to, ok := reached[o.Verdict.Class]; ok {
		return d.arrive(o, to, now) || changed, false
	}
	if o.Attempt == 0 {
		return d.settleReceipt(o, now)
	}
	return d.settleFailure(o, soft, now, changed)
}

// arrive takes word that a message was taken, or has arrived, or was complained about after it had.
func (d *Delivery) arrive(o Outcome, to DeliveryState, now time.Time) bool {
	switch {
	case d.move(to):
		d.Address = o.Address
	case o.Verdict.Code != complaint || d.Code == complaint || d.State < Delivered || d.State == Stopped:
		return false
	}
	d.note(&o, now)
	return true
}

// settleEarlier takes word of an address that was given up: that a message reached the person there counts, that
// it did not is known.
func (d *Delivery) settleEarlier(o Outcome, now time.Time) (changed bool) {
	if o.Doubt && !d.Doubt {
		d.Doubt, changed = true, true
	}
	to := reached[o.Verdict.Class]
	if to < Delivered {
		return changed
	}
	if d.State < to || d.State == Stopped {
		d.Provider, d.ProviderID = "", "" // of the later address
	}
	return d.arrive(o, to, now) || changed
}

// waitedInVain ends the wait for word of a delivery's arrival. It stays accepted.
func (d *Delivery) waitedInVain() bool {
	if d.State != Accepted || d.NextAt == nil {
		return false
	}
	d.Class, d.NextAt, d.RangeNo = ClassNoWord, nil, 0
	return true
}

// end settles a doubt of a dispatch that was stopped: the message has reached nobody.
func (d *Delivery) end(o *Outcome, now time.Time) bool {
	if d.State != InDoubt || !d.move(Stopped) {
		return false
	}
	d.Attempt = o.Attempt
	d.note(o, now)
	return true
}

// putBack has a delivery wait whose attempt did not happen. One that has moved on meanwhile stays there.
func (d *Delivery) putBack(o Outcome, now time.Time) bool {
	v := o.Verdict
	if d.State > InDoubt || o.Attempt <= d.Attempt || d.NextAt != nil && d.Class == v.Class && d.Code == ShortCode(v.Code) {
		return false
	}
	at := now.Add(holdAfter)
	if v.RetryAt.After(now) {
		at = v.RetryAt
	}
	d.Doubt = d.Doubt || o.Doubt // an earlier attempt may have happened all the same
	if d.State == InDoubt {      // which it stays, since when it is
		d.NextAt, d.RangeNo = &at, 0
		return true
	}
	d.note(&o, now)
	d.NextAt, d.RangeNo = &at, 0
	return true
}

// ShortCode cuts what a provider calls a code down to its first word: what comes from outside must not
// carry free text, least of all personal data, into rows and evidence.
func ShortCode(code string) string {
	n := 0
	for n < min(len(code), maxCode) && codeChars[code[n]] {
		n++
	}
	return code[:n]
}

var codeChars = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:/") {
		t[c] = true
	}
	return t
}()

// tells reports whether the row already says what the outcome says: an outcome read again from the
// send journal after it was recorded.
func (d *Delivery) tells(o Outcome) bool {
	if o.Verdict.ProviderID != "" {
		return d.ProviderID == o.Verdict.ProviderID
	}
	return d.Class == o.Verdict.Class && d.Code == ShortCode(o.Verdict.Code)
}

// settleReceipt takes a failing receipt: final for what was handed over, even before our own record of
// it, but for a window that must pass; no word on what waits to be tried again.
func (d *Delivery) settleReceipt(o Outcome, now time.Time) (changed, failed bool) {
	if o.comesAgain(d) {
		d.note(&o, now)
		d.State, d.NextAt, d.RangeNo = Pending, &o.Verdict.RetryAt, 0
		return true, false
	}
	if d.Channel != templates.Email && o.Verdict.ProviderID != "" && d.ProviderID != "" && o.Verdict.ProviderID != d.ProviderID {
		return false, false // the fate of an earlier message; this one's is still to come
	}
	waits := d.State == Pending && d.Attempt > 0 && d.Class != "" // else at an address before
	if o.Verdict.Class == ClassInDoubt || waits && o.Verdict.Class != ClassRcptPerm {
		return false, false
	}
	failed = d.move(Failed)
	if failed {
		d.note(&o, now)
	}
	return failed, failed
}

// comesAgain says that a receipt ends an attempt that was taken, because of a window that must pass, and that the
// message is to be sent again behind it. That is the one way back from a state, so the receipt must name the
// message that was taken last: one that comes twice, or late, is about an earlier one.
func (o *Outcome) comesAgain(d *Delivery) bool {
	v := o.Verdict
	return v.Class == ClassRetryAt && !v.RetryAt.IsZero() && v.ProviderID != "" && v.ProviderID == d.ProviderID &&
		d.State == Accepted && d.Class == ClassAccepted && d.Attempt < maxAttempts
}

// settleFailure takes the verdict of an attempt that did not succeed. soft says that the recipient was
// unreachable once before.
func (d *Delivery) settleFailure(o Outcome, soft bool, now time.Time, doubted bool) (changed, failed bool) {
	final := o.Verdict.Class == ClassRcptPerm || o.Verdict.Class == ClassNoChannel
	if !final && d.State > InDoubt {
		return doubted, false // late word of a lost claim: the row is ahead of it
	}
	at, wait := d.retryAt(o, soft, now)
	if final || !wait {
		if failed = d.move(Failed); failed {
			d.note(&o, now)
		}
		return failed || doubted, failed
	}
	since := now
	if o.Asked && d.State == InDoubt {
		since = d.At // asked in vain: the doubt is as old as it was
	}
	if o.Verdict.Class == ClassInDoubt {
		d.move(InDoubt)
		d.Doubt = true
	}
	d.note(&o, since)
	d.NextAt, d.RangeNo = at, 0
	return true, false
}

// retryAt is when to try again; wait is false when it was tried often enough. A nil time with wait
// leaves the delivery as it is: in doubt, and listed so.
func (d *Delivery) retryAt(o Outcome, soft bool, now time.Time) (at *time.Time, wait bool) {
	in := func(after time.Duration) (*time.Time, bool) {
		t := now.Add(after)
		return &t, true
	}
	switch o.Verdict.Class {
	case ClassInDoubt:
		switch {
		case o.Attempt >= maxAttempts, !o.Asked && d.State == InDoubt && o.Attempt >= maxResends:
			return nil, true
		case o.Asked:
			return in(d.backoff())
		}
		return in(doubtAfter)
	case ClassRetryAt:
		if t := o.Verdict.RetryAt; t.After(now) && o.Attempt < maxAttempts {
			return &t, true
		}
	case ClassRetry:
	default: // RCPT_SOFT, and whatever we do not know
		if soft {
			return nil, false
		}
		return in(softAfter)
	}
	if o.Attempt >= maxAttempts {
		return nil, false
	}
	return in(d.backoff())
}

// note keeps what the word was, when, and whose.
func (d *Delivery) note(o *Outcome, now time.Time) {
	if d.Code != complaint { // that somebody complained stays known
		d.Code = ShortCode(o.Verdict.Code)
	}
	d.Class, d.At = o.Verdict.Class, now
	if o.Verdict.ProviderID != "" {
		d.ProviderID = o.Verdict.ProviderID
	}
	if o.Provider != "" && o.Attempt > 0 {
		d.Provider = o.Provider
	}
}

// backoff doubles with each attempt and is spread by a quarter, the same for the same attempt, so that
// a repeated calculation agrees and a crowd does not come back at once.
func (d *Delivery) backoff() time.Duration {
	delay := backoffCap
	if n := d.Attempt - 1; n >= 0 && n < 10 {
		delay = min(backoffCap, backoffBase<<n)
	}
	x := uint64(d.Dispatch)<<44 ^ uint64(d.Seq)<<8 ^ uint64(d.Attempt)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return delay - delay/4 + time.Duration(x>>33)%(delay/2+1)
}
