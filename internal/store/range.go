package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tocsin/notify"
)

// InsertRanges adds open ranges.
func (t *Tx) InsertRanges(ctx context.Context, ranges []notify.Range) error {
	args := make([]any, 0, 12*len(ranges))
	opened := map[int64][2]int{} // all, lanes
	for _, r := range ranges {
		if err := t.owns(ctx, "dispatch", r.Dispatch); err != nil {
			return err
		}
		channel, err := code[string]{&r.Channel, channelNames}.number()
		if err != nil {
			return fmt.Errorf("insert ranges: channel: %w", err)
		}
		args = append(args, r.Dispatch, r.No, r.Again, r.From, r.To, "", r.Epoch, 0, false, r.Doubt, channel, r.Members)
		n := opened[r.Dispatch]
		if n[0]++; channel > 0 {
			n[1]++
		}
		opened[r.Dispatch] = n
	}
	err := t.insertMany(ctx, "insert ranges", `
		INSERT INTO dispatch_range (dispatch_no, no, again, from_seq, to_seq, owner, epoch, until, done, doubt, channel, members) VALUES `, 12, args)
	for no, n := range opened {
		if err == nil {
			_, err = t.exec(ctx, "count ranges",
				`UPDATE dispatch SET open_ranges = open_ranges + $2, open_lanes = open_lanes + $3 WHERE no = $1`, no, n[0], n[1])
		}
	}
	return err
}

// reachable is the condition under which this process may send for a dispatch d: a drill is worked off
// only where the simulator stands in for every provider.
func (db *DB) reachable() string {
	if db.simulated {
		return "d.state = 'running'"
	}
	return "d.state = 'running' AND d.mode <> 'drill'"
}

// ClaimRange gives a free range to owner, of the dispatch that has the fewest in hand, else of the one that was
// served least recently: one that goes slowly takes no hands from another, nor within it a lane from the rest. An
// owner whose claim ran out, because the store or the clock stood still, still has the range: only another one may
// take it.
func (t *Tx) ClaimRange(ctx context.Context, owner string, until time.Time) (r notify.Range, ok bool, err error) {
	waiting, err := t.waiting(ctx, "", t.op)
	if len(waiting) > 1 { // who is alone need not be counted
		waiting, err = t.waiting(ctx, `(SELECT COUNT(*) FROM dispatch_range r`+t.db.dialect.using("dispatch_range_held")+`
			WHERE r.dispatch_no = d.no AND r.owner <> '' AND r.until > $2), `, t.op, at(&t.now))
	}
	if err != nil {
		return r, false, err
	}
	for _, w := range waiting {
		lanes, which := []int64{0}, ""
		if w.laned {
			lanes, which, err = t.lanes(ctx, w.dispatch, owner)
		}
		for _, lane := range lanes {
			if err == nil && !ok {
				r, ok, err = t.claimFrom(ctx, w.dispatch, lane, which, owner, until)
			}
		}
		if err != nil || ok {
			return r, ok, err
		}
	}
	return r, false, nil
}

// waits is a dispatch with open ranges, and whether some of them are lanes.
type waits struct {
	dispatch int64
	laned    bool
}

// waiting are the dispatches with open ranges, in the order in which they are served among those that are first alike.
func (t *Tx) waiting(ctx context.Context, first string, args ...any) ([]waits, error) {
	scan := func(s scanner) (w waits, err error) { return w, s.Scan(&w.dispatch, &w.laned) }
	return all(ctx, t, "read running dispatches", scan,
		`SELECT d.no, d.open_lanes > 0 FROM dispatch d WHERE d.operator_id = $1 AND `+t.db.reachable()+` AND d.open_ranges > 0
		ORDER BY `+first+`d.served_no, d.no`, args...)
}

// lanes are the channels of a dispatch's free ranges, 0 for those about any, in the order in which they are served.
// A lane that waits for its channel needs few hands, so there are three on what is in no lane for each one on a
// lane. Between lanes the fewest hands count, then whose range was made first. What is tried again comes behind whatever
// is in no lane: while a process dies again and again, it would be sent to a few people each time. which is a condition
// on the ranges.
func (t *Tx) lanes(ctx context.Context, dispatch int64, owner string) (lanes []int64, which string, err error) {
	first, err := all(ctx, t, "find free range", value[int64], `
		SELECT no FROM dispatch_range`+t.db.dialect.using("dispatch_range_open")+`
		WHERE dispatch_no = $1 AND channel = 0 AND NOT done AND until <= $2 AND owner <> $3 LIMIT 1`, dispatch, at(&t.now), owner)
	if err != nil {
		return nil, "", err
	}
	if len(first) > 0 {
		which = " AND again = false"
	}
	lanes, err = all(ctx, t, "read lanes", value[int64], `
		SELECT channel FROM (SELECT c.channel,
			(SELECT COUNT(*) FROM dispatch_range r`+t.db.dialect.using("dispatch_range_held")+`
				WHERE r.dispatch_no = $1 AND r.channel = c.channel AND r.owner <> '' AND r.until > $2) AS hands,
			(SELECT r.no FROM dispatch_range r`+t.db.dialect.using("dispatch_range_open")+`
				WHERE r.dispatch_no = $1 AND r.channel = c.channel AND NOT r.done AND r.until <= $2 AND r.owner <> $3`+which+`
				ORDER BY r.again, r.no LIMIT 1) AS free
			FROM (`+everyChannel+`) AS c) AS lanes
		WHERE free IS NOT NULL
		ORDER BY CASE WHEN channel = 0 THEN hands ELSE 3 * hands END, channel > 0, free`, dispatch, at(&t.now), owner)
	return lanes, which, err
}

// everyChannel is a table of the numbers of channels.
var everyChannel = func() string {
	rows := make([]string, len(channelNames))
	for no := range channelNames {
		rows[no] = fmt.Sprintf("SELECT %d AS channel", no)
	}
	return strings.Join(rows, " UNION ALL ")
}()

func scanRange(s scanner) (r notify.Range, err error) {
	return r, s.Scan(&r.Dispatch, &r.No, &r.Again, code[string]{&r.Channel, channelNames}, &r.From, &r.To, &r.Members,
		&r.Owner, &r.Epoch, at(&r.Until), &r.Done, &r.Doubt)
}

func (t *Tx) claimFrom(ctx context.Context, dispatch, lane int64, which, owner string, until time.Time) (r notify.Range, ok bool, err error) {
	no, ok, err := one(ctx, t, "find free range", value[int64], `
		SELECT no FROM dispatch_range`+t.db.dialect.using("dispatch_range_open")+`
		WHERE dispatch_no = $1 AND channel = $4 AND NOT done AND until <= $2 AND owner <> $3`+which+`
		ORDER BY again, no LIMIT 1`+t.db.dialect.skipLocked(), dispatch, at(&t.now), owner, lane)
	if err != nil || !ok {
		return r, false, err
	}
	r, ok, err = one(ctx, t, "claim range", scanRange, `
		UPDATE dispatch_range SET owner = $3, until = $4, epoch = epoch + 1, doubt = doubt OR owner <> ''
		WHERE dispatch_no = $1 AND no = $2 AND NOT done AND until <= $5
		RETURNING dispatch_no, no, again, channel, from_seq, to_seq, members, owner, epoch, until, done, doubt`,
		dispatch, no, owner, at(&until), at(&t.now))
	if err != nil || !ok {
		return r, false, err
	}
	_, err = t.exec(ctx, "note who was served", `
		UPDATE dispatch SET served_no = (SELECT MAX(served_no) + 1 FROM dispatch WHERE operator_id = $1) WHERE no = $2`, t.op, dispatch)
	return r, err == nil, err
}

// held is the condition that a range is still under the claim it was given with.
const held = `dispatch_no = $1 AND no = $2 AND owner = $3 AND epoch = $4 AND NOT done`

// HoldRange extends a claim; ok is false when it is lost or its dispatch does not run.
func (t *Tx) HoldRange(ctx context.Context, r notify.Range, until time.Time) (bool, error) {
	n, err := t.exec(ctx, "hold range", `
		UPDATE dispatch_range SET until = $5 WHERE `+held+`
		AND EXISTS (SELECT 1 FROM dispatch d WHERE d.no = $1 AND d.operator_id = $6 AND `+t.db.reachable()+`)`,
		r.Dispatch, r.No, r.Owner, r.Epoch, at(&until), t.op)
	return n == 1, err
}

// FinishRange marks a range done if its claim still holds, whatever the state of its dispatch.
func (t *Tx) FinishRange(ctx context.Context, r notify.Range) (bool, error) {
	if err := t.owns(ctx, "dispatch", r.Dispatch); err != nil {
		return false, err
	}
	lanes, ok, err := one(ctx, t, "finish range", value[int64],
		`UPDATE dispatch_range SET done = true, owner = '', until = 0 WHERE `+held+`
		RETURNING CASE WHEN channel > 0 THEN 1 ELSE 0 END`, r.Dispatch, r.No, r.Owner, r.Epoch)
	if err != nil || !ok {
		return false, err
	}
	_, err = t.exec(ctx, "count ranges",
		`UPDATE dispatch SET open_ranges = open_ranges - 1, open_lanes = open_lanes - $2 WHERE no = $1`, r.Dispatch, lanes)
	return err == nil, err
}

// ReleaseRange gives a claimed range back, if the claim still holds.
func (t *Tx) ReleaseRange(ctx context.Context, r notify.Range) error {
	if err := t.owns(ctx, "dispatch", r.Dispatch); err != nil {
		return err
	}
	_, err := t.exec(ctx, "release range",
		`UPDATE dispatch_range SET owner = '', until = 0 WHERE `+held, r.Dispatch, r.No, r.Owner, r.Epoch)
	return err
}

// ReleaseOwner frees every range that a dead owner holds. sure says that all it sent is recorded; otherwise
// its name stays on them, which puts their members in doubt at the next claim.
func (t *Tx) ReleaseOwner(ctx context.Context, owner string, sure bool) (int, error) {
	n, err := t.exec(ctx, "release ranges", `
		UPDATE dispatch_range SET owner = CASE WHEN $3 THEN '' ELSE owner END, until = 0
		WHERE NOT done AND owner = $2 AND owner <> ''
		AND dispatch_no IN (SELECT no FROM dispatch WHERE operator_id = $1 AND open_ranges > 0)`, t.op, owner, sure)
	return int(n), err
}

// OtherOwners is how many owners besides one hold ranges now.
func (t *Tx) OtherOwners(ctx context.Context, owner string) (int, error) {
	n, _, err := one(ctx, t, "count owners", value[int], `
		SELECT COUNT(DISTINCT owner) FROM dispatch_range`+t.db.dialect.using("dispatch_range_held")+`
		WHERE until > $1 AND owner <> '' AND owner <> $2
		AND dispatch_no IN (SELECT no FROM dispatch WHERE operator_id = $3 AND open_ranges > 0)`, at(&t.now), owner, t.op)
	return n, err
}

// OpenRanges is how many of a dispatch's ranges are not done, and how many of these are lanes.
func (t *Tx) OpenRanges(ctx context.Context, dispatchNo int64) (open, lanes int64, err error) {
	scan := func(s scanner) (n [2]int64, err error) { return n, s.Scan(&n[0], &n[1]) }
	n, ok, err := one(ctx, t, "count open ranges", scan,
		`SELECT open_ranges, open_lanes FROM dispatch WHERE no = $1 AND operator_id = $2`, dispatchNo, t.op)
	if err == nil && !ok {
		err = notFound("dispatch")
	}
	return n[0], n[1], err
}
