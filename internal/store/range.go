package store

import (
	"context"
	"time"

	"tocsin/notify"
)

// InsertRanges adds open ranges.
func (t *Tx) InsertRanges(ctx context.Context, ranges []notify.Range) error {
	args := make([]any, 0, 9*len(ranges))
	opened := map[int64]int{}
	for _, r := range ranges {
		if err := t.owns(ctx, "dispatch", r.Dispatch); err != nil {
			return err
		}
		args = append(args, r.Dispatch, r.No, r.Again, r.From, r.To, "", r.Epoch, 0, false)
		opened[r.Dispatch]++
	}
	err := t.insertMany(ctx, "insert ranges",
		`INSERT INTO dispatch_range (dispatch_no, no, again, from_seq, to_seq, owner, epoch, until, done) VALUES `, 9, args)
	for no, n := range opened {
		if err == nil {
			_, err = t.exec(ctx, "count ranges", `UPDATE dispatch SET open_ranges = open_ranges + $2 WHERE no = $1`, no, n)
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
// served least recently: one that goes slowly takes no hands from another. An owner whose claim ran out, because
// the store or the clock stood still, still has the range: only another one may take it.
func (t *Tx) ClaimRange(ctx context.Context, owner string, until time.Time) (r notify.Range, ok bool, err error) {
	waiting, err := t.waiting(ctx, "", t.op)
	if len(waiting) > 1 { // who is alone need not be counted
		waiting, err = t.waiting(ctx, `(SELECT COUNT(*) FROM dispatch_range r WHERE r.dispatch_no = d.no AND NOT r.done AND r.until > $2), `, t.op, at(&t.now))
	}
	if err != nil {
		return r, false, err
	}
	for _, dispatch := range waiting {
		if r, ok, err = t.claimFrom(ctx, dispatch, owner, until); err != nil || ok {
			return r, ok, err
		}
	}
	return r, false, nil
}

// waiting are the dispatches with open ranges, in the order in which they are served among those that are first alike.
func (t *Tx) waiting(ctx context.Context, first string, args ...any) ([]int64, error) {
	return all(ctx, t, "read running dispatches", value[int64],
		`SELECT d.no FROM dispatch d WHERE d.operator_id = $1 AND `+t.db.reachable()+` AND d.open_ranges > 0
		ORDER BY `+first+`d.served_no, d.no`, args...)
}

func scanRange(s scanner) (r notify.Range, err error) {
	return r, s.Scan(&r.Dispatch, &r.No, &r.Again, &r.From, &r.To, &r.Owner, &r.Epoch, at(&r.Until), &r.Done, &r.Doubt)
}

func (t *Tx) claimFrom(ctx context.Context, dispatch int64, owner string, until time.Time) (r notify.Range, ok bool, err error) {
	no, ok, err := one(ctx, t, "find free range", value[int64], `
		SELECT no FROM dispatch_range`+t.db.dialect.using("dispatch_range_open")+`
		WHERE dispatch_no = $1 AND NOT done AND until <= $2 AND owner <> $3
		ORDER BY no LIMIT 1`+t.db.dialect.skipLocked(), dispatch, at(&t.now), owner)
	if err != nil || !ok {
		return r, false, err
	}
	r, ok, err = one(ctx, t, "claim range", scanRange, `
		UPDATE dispatch_range SET owner = $3, until = $4, epoch = epoch + 1, doubt = doubt OR owner <> ''
		WHERE dispatch_no = $1 AND no = $2 AND NOT done AND until <= $5
		RETURNING dispatch_no, no, again, from_seq, to_seq, owner, epoch, until, done, doubt`,
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
	n, err := t.exec(ctx, "finish range",
		`UPDATE dispatch_range SET done = true, owner = '', until = 0 WHERE `+held, r.Dispatch, r.No, r.Owner, r.Epoch)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = t.exec(ctx, "count ranges", `UPDATE dispatch SET open_ranges = open_ranges - 1 WHERE no = $1`, r.Dispatch)
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
		WHERE NOT done AND owner = $2
		AND dispatch_no IN (SELECT no FROM dispatch WHERE operator_id = $1 AND open_ranges > 0)`, t.op, owner, sure)
	return int(n), err
}

// OtherOwners is how many owners besides one hold ranges now.
func (t *Tx) OtherOwners(ctx context.Context, owner string) (int, error) {
	n, _, err := one(ctx, t, "count owners", value[int], `
		SELECT COUNT(DISTINCT owner) FROM dispatch_range
		WHERE NOT done AND until > $1 AND owner NOT IN ('', $2)
		AND dispatch_no IN (SELECT no FROM dispatch WHERE operator_id = $3 AND open_ranges > 0)`, at(&t.now), owner, t.op)
	return n, err
}

// OpenRanges is how many of a dispatch's ranges are not done.
func (t *Tx) OpenRanges(ctx context.Context, dispatchNo int64) (int64, error) {
	n, ok, err := one(ctx, t, "count open ranges", value[int64],
		`SELECT open_ranges FROM dispatch WHERE no = $1 AND operator_id = $2`, dispatchNo, t.op)
	if err == nil && !ok {
		err = notFound("dispatch")
	}
	return n, err
}
