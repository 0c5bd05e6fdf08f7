package notify

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
)

// The reasons for which a dispatch pauses by itself, besides what its providers say.
const (
	reasonBounces    = "bounces"    // too many of those tried failed for good
	reasonComplaints = "complaints" // too many of those reached complained
	reasonCanary     = "canary"     // the first wave went past a limit
)

// complaint is the code of a receipt by which a person complains about a message that arrived.
const complaint = "complaint"

// What a dispatch's counters count besides states that a delivery can be in.
const (
	Complained = Stopped + 1 + iota // arrived, and the person complained about it
	Untried                         // failed, and never sent: no provider may serve that person there
	Trapped                         // failed at an address that is a trap for senders who do not know their people
	Spent                           // addresses that failed for good, of people who have another one
)

// Honeypot is what a mail system's answer is called by which an address is a trap.
const Honeypot = "honeypot"

// trapped reports whether a delivery has met a trap.
func (d *Delivery) trapped() bool { return d.State == Failed && strings.HasSuffix(d.Code, Honeypot) }

// warnOfTraps raises the alarm that an audience holds addresses that no person can have given.
func warnOfTraps(tx Tx, d Dispatch, moved map[CountKey]int64) {
	n := int64(0)
	for key, more := range moved {
		if key.State == Trapped {
			n += more
		}
	}
	if n > 0 {
		announceState(tx, d, "dispatch.trapped", "", map[string]string{"count": strconv.FormatInt(n, 10), "reason_code": Honeypot})
	}
}

// wave is how far the audience may be cut now: to the end of the first wave, or to its own.
func (d Dispatch) wave() int64 {
	if d.Flow.Phase != "" {
		return min(int64(d.Course.Canary), d.Total)
	}
	return d.Total
}

// watch begins the watch of a first wave that everybody of has been sent to.
func watch(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	until := tx.Now().Add(time.Duration(d.Course.Watch))
	d.Flow.Phase, d.Flow.WatchUntil = PhaseWatching, &until
	if err := tx.UpdateDispatch(ctx, d); err != nil {
		return d, err
	}
	announceState(tx, d, "dispatch.watching", "", map[string]string{"count": strconv.FormatInt(d.wave(), 10)})
	return d, nil
}

// judge ends the watch: the rest of the audience follows when the limits hold, else the dispatch waits for a
// person.
func judge(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	_, rows, _, err := tx.Counts(ctx, d.No)
	if err != nil {
		return d, err
	}
	if over := overLimits(d, rows); over != "" {
		return d, halt(ctx, tx, d, reasonCanary)
	}
	return proceed(ctx, tx, d)
}

// proceed lets the rest follow the first wave.
func proceed(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	d.Flow.Phase, d.Flow.WatchUntil = "", nil
	if err := tx.UpdateDispatch(ctx, d); err != nil {
		return d, err
	}
	announceState(tx, d, "dispatch.proceeded", "", map[string]string{"count": strconv.FormatInt(d.Total-d.Flow.Cut, 10)})
	return d, nil
}

// follow draws the consequences of changed counters in the same transaction: it pauses a dispatch that has gone
// past a limit of its course, and says when more or fewer people turn out to be unreachable after its end.
func follow(ctx context.Context, tx Tx, d Dispatch, unreachable int64) error {
	if d.State == DispDone && unreachable != 0 {
		refs := map[string]string{"dispatch": d.ID, "document": d.Notice, "more": strconv.FormatInt(unreachable, 10)}
		tx.Emit(incident.Event{Kind: "dispatch.unreachable", Incident: d.Incident, Refs: refs})
	}
	if d.State != DispRunning {
		return nil
	}
	_, rows, _, err := tx.Counts(ctx, d.No)
	if err != nil {
		return err
	}
	if over := overLimits(d, rows); over != "" {
		return halt(ctx, tx, d, over)
	}
	return nil
}

// overLimits is why a dispatch must pause, or "": on one channel, too large a share of those tried failed for
// good, or of those reached complained. A share means nothing before enough people were tried.
func overLimits(d Dispatch, rows map[CountKey]int64) (reason string) {
	limit := d.Course.Limit.orDefault()
	for _, channel := range d.Channels {
		n := borne(rows, channel).less(d.Flow.Borne[channel])
		if n.Tried < int64(limit.After) {
			continue
		}
		switch {
		case float64(n.Failed) > limit.Failed*float64(n.Tried):
			return reasonBounces
		case float64(n.Complaints) > limit.Complaints*float64(n.Tried-n.Failed):
			return reasonComplaints
		}
	}
	return ""
}

// borne is what a channel's counters say at this moment, address by address: that a person has another one makes
// a list of dead ones no better.
func borne(rows map[CountKey]int64, channel string) Borne {
	spent := rows[CountKey{channel, Spent}]
	return Borne{
		Tried:      tried(rows, channel) + spent,
		Failed:     rows[CountKey{channel, Failed}] - rows[CountKey{channel, Untried}] + spent,
		Complaints: rows[CountKey{channel, Complained}],
	}
}

// tried is how many people a channel was tried for. Who waits, who was called off before anything was sent, and
// whom no provider may serve, was not.
func tried(rows map[CountKey]int64, channel string) int64 {
	n := -rows[CountKey{channel, Untried}]
	for s := InDoubt; s < Stopped; s++ {
		n += rows[CountKey{channel, s}]
	}
	return n
}

func (b Borne) less(o Borne) Borne {
	return Borne{Tried: b.Tried - o.Tried, Failed: b.Failed - o.Failed, Complaints: b.Complaints - o.Complaints}
}

// bear takes what the counters say as seen, so that a person who lets a dispatch run on is not stopped by the
// same failures again. A first wave that was judged is through.
func bear(ctx context.Context, tx Tx, d *Dispatch) error {
	_, rows, _, err := tx.Counts(ctx, d.No)
	if err != nil {
		return err
	}
	d.Flow.Borne = map[string]Borne{}
	for _, channel := range d.Channels {
		if b := borne(rows, channel); b.Tried > 0 {
			d.Flow.Borne[channel] = b
		}
	}
	if d.Flow.Phase == PhaseWatching && !tx.Now().Before(*d.Flow.WatchUntil) {
		d.Flow.Phase, d.Flow.WatchUntil = "", nil
	}
	return nil
}
