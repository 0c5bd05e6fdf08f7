package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/notify"
	"tocsin/templates"
)

// The numbers that stand for names in the rows of deliveries are their places here. Append only.
var (
	channelNames = []string{"", templates.Email, templates.SMS, templates.Push, templates.Announcement, notify.NoChannel}
	classNames   = []notify.Class{
		"", notify.ClassAccepted, notify.ClassDelivered, notify.ClassRead, notify.ClassRetry, notify.ClassRetryAt,
		notify.ClassInDoubt, notify.ClassRcptPerm, notify.ClassRcptSoft, notify.ClassStop, notify.ClassBug, notify.ClassNoChannel, notify.ClassNoWord,
	}
)

// code is a name kept as its number, both ways.
type code[T ~string] struct {
	p     *T
	names []T
}

func (c code[T]) number() (int64, error) {
	n := slices.Index(c.names, *c.p)
	if n < 0 {
		return 0, fmt.Errorf("store does not know the name %q", string(*c.p))
	}
	return int64(n), nil
}

func (c code[T]) Scan(src any) error {
	n, ok := src.(int64)
	if !ok || n < 0 || n >= int64(len(c.names)) {
		return errors.New("store does not know the number of a name")
	}
	*c.p = c.names[n]
	return nil
}

// PutDeliveries writes rows by (dispatch, seq, channel), new or over what was there.
func (t *Tx) PutDeliveries(ctx context.Context, rows []notify.Delivery) error {
	// In one order everywhere, so that two batches never wait for each other in a circle.
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b notify.Delivery) int {
		return cmp.Or(cmp.Compare(a.Dispatch, b.Dispatch), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Channel, b.Channel))
	})
	args := make([]any, 0, deliveryWidth*len(rows))
	for i := range rows {
		d := &rows[i]
		if err := t.owns(ctx, "dispatch", d.Dispatch); err != nil {
			return err
		}
		channel, err := code[string]{&d.Channel, channelNames}.number()
		if err != nil {
			return fmt.Errorf("put delivery: channel: %w", err)
		}
		class, err := code[notify.Class]{&d.Class, classNames}.number()
		if err != nil {
			return fmt.Errorf("put delivery: class: %w", err)
		}
		args = append(args, d.Dispatch, d.Seq, channel, int64(d.State), class, d.Attempt, d.Superseded, d.Doubt, d.RangeNo,
			d.At.UnixMicro(), maybe(&d.NextAt), d.Code, d.Provider, d.ProviderID, d.Address)
	}
	return t.insertMany(ctx, "put deliveries", `INSERT INTO delivery (`+deliveryColumns+`) VALUES `, deliveryWidth, args, `
		ON CONFLICT (dispatch_no, seq, channel) DO UPDATE SET state = excluded.state, class = excluded.class,
			attempt = excluded.attempt, superseded = excluded.superseded, doubt = excluded.doubt, range_no = excluded.range_no,
			at = excluded.at, next_at = excluded.next_at, code = excluded.code, provider = excluded.provider,
			provider_id = excluded.provider_id, address = excluded.address`)
}

const (
	deliveryColumns = `dispatch_no, seq, channel, state, class, attempt, superseded, doubt, range_no, at, next_at, code, provider, provider_id, address`
	deliveryWidth   = 15
)

func scanDelivery(s scanner) (d notify.Delivery, err error) {
	return d, s.Scan(&d.Dispatch, &d.Seq, code[string]{&d.Channel, channelNames}, &d.State,
		code[notify.Class]{&d.Class, classNames}, &d.Attempt, &d.Superseded, &d.Doubt, &d.RangeNo,
		at(&d.At), maybe(&d.NextAt), &d.Code, &d.Provider, &d.ProviderID, &d.Address)
}

// deliveries reads rows of one dispatch, by an index unless it is empty, and by a condition whose
// parameters start at $2.
func (t *Tx) deliveries(ctx context.Context, dispatchNo int64, index, where string, args ...any) ([]notify.Delivery, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, err
	}
	if index != "" {
		index = t.db.dialect.using(index)
	}
	return all(ctx, t, "read deliveries", scanDelivery,
		`SELECT `+deliveryColumns+` FROM delivery`+index+` WHERE dispatch_no = $1 AND `+where, append([]any{dispatchNo}, args...)...)
}

// DeliveriesIn reads the rows that carry the range's number.
func (t *Tx) DeliveriesIn(ctx context.Context, r notify.Range) ([]notify.Delivery, error) {
	return t.deliveries(ctx, r.Dispatch, "delivery_again", `range_no = $2 AND range_no > 0 ORDER BY seq, channel`, r.No)
}

// Duplicates pages through the rows that were in doubt once.
func (t *Tx) Duplicates(ctx context.Context, dispatchNo int64, afterSeq int64, limit int) ([]notify.Delivery, error) {
	return t.deliveries(ctx, dispatchNo, "delivery_doubt", `doubt AND seq > $2 ORDER BY seq, channel LIMIT $3`, afterSeq, limited(limit, 100, 10000))
}

// Complaints pages through the rows that a person complained about.
func (t *Tx) Complaints(ctx context.Context, dispatchNo int64, afterSeq int64, limit int) ([]notify.Delivery, error) {
	return t.deliveries(ctx, dispatchNo, "delivery_complaint", `code = 'complaint' AND seq > $2 ORDER BY seq, channel LIMIT $3`, afterSeq, limited(limit, 100, 10000))
}

// DueDeliveries are rows to be tried again or asked about by now, in no open range, dispatch by dispatch.
func (t *Tx) DueDeliveries(ctx context.Context, now time.Time, limit int) ([]notify.Delivery, error) {
	running, err := all(ctx, t, "read running dispatches", value[int64],
		`SELECT d.no FROM dispatch d WHERE d.operator_id = $1 AND `+t.db.reachable()+` ORDER BY d.served_no, d.no`, t.op)
	if err != nil {
		return nil, err
	}
	var due []notify.Delivery
	for _, no := range running {
		if len(due) >= limit {
			break
		}
		rows, err := t.deliveries(ctx, no, "delivery_due", `next_at IS NOT NULL AND next_at <= $2 AND NOT EXISTS (
				SELECT 1 FROM dispatch_range r WHERE r.dispatch_no = delivery.dispatch_no AND r.no = delivery.range_no AND NOT r.done)
			ORDER BY next_at LIMIT $3`, at(&now), limit-len(due))
		if err != nil {
			return nil, err
		}
		due = append(due, rows...)
	}
	return due, nil
}

// DueDoubts are rows of a stopped dispatch in doubt on a channel that may be asked about by now. Those that a range
// had in hand at the stop are due at once.
func (t *Tx) DueDoubts(ctx context.Context, dispatchNo int64, channel string, now time.Time, limit int) ([]notify.Delivery, error) {
	number, err := code[string]{&channel, channelNames}.number()
	if err != nil {
		return nil, fmt.Errorf("read deliveries in doubt: channel: %w", err)
	}
	return t.deliveries(ctx, dispatchNo, "delivery_odd", `state = 2 AND channel = $2 AND (next_at <= $3 OR range_no > 0)
		ORDER BY seq LIMIT $4`, number, at(&now), limited(limit, 100, 10000))
}

// NextDue is when the dispatch's next row is due; nil when none waits.
func (t *Tx) NextDue(ctx context.Context, dispatchNo int64) (*time.Time, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, err
	}
	return t.due(ctx, "MIN", dispatchNo)
}

// LastDue is when the last of the dispatch's rows that wait is due; nil when none waits.
func (t *Tx) LastDue(ctx context.Context, dispatchNo int64) (*time.Time, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, err
	}
	return t.due(ctx, "MAX", dispatchNo)
}

func (t *Tx) due(ctx context.Context, which string, dispatchNo int64) (*time.Time, error) {
	scan := func(s scanner) (due *time.Time, err error) { return due, s.Scan(maybe(&due)) }
	due, _, err := one(ctx, t, "read when rows are due", scan,
		`SELECT `+which+`(next_at) FROM delivery WHERE dispatch_no = $1 AND next_at IS NOT NULL`, dispatchNo)
	return due, err
}

// The counter of possible duplicates stands beside those of people.
const (
	peopleChannel = 0
	doubtState    = -1
)

type countRow struct{ channel, state, n int64 }

// AddCounts adds differences to a dispatch's maintained counters.
func (t *Tx) AddCounts(ctx context.Context, dispatchNo int64, people map[notify.DeliveryState]int64, rows map[notify.CountKey]int64, doubt int64) error {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return err
	}
	counts := []countRow{{peopleChannel, doubtState, doubt}}
	for state, n := range people {
		counts = append(counts, countRow{peopleChannel, int64(state), n})
	}
	for key, n := range rows {
		channel, err := code[string]{&key.Channel, channelNames}.number()
		if err != nil {
			return fmt.Errorf("add counts: channel: %w", err)
		}
		counts = append(counts, countRow{channel, int64(key.State), n})
	}
	slices.SortFunc(counts, func(a, b countRow) int {
		return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.state, b.state))
	})
	args := make([]any, 0, 4*len(counts))
	for _, c := range counts {
		if c.n != 0 {
			args = append(args, dispatchNo, c.channel, c.state, c.n)
		}
	}
	return t.insertMany(ctx, "add counts", `INSERT INTO dispatch_count (dispatch_no, channel, state, n) VALUES `, 4, args,
		` ON CONFLICT (dispatch_no, channel, state) DO UPDATE SET n = dispatch_count.n + excluded.n`)
}

// Counts reads a dispatch's counters; those that are zero are absent.
func (t *Tx) Counts(ctx context.Context, dispatchNo int64) (people map[notify.DeliveryState]int64, rows map[notify.CountKey]int64, doubt int64, err error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, nil, 0, err
	}
	people, rows = map[notify.DeliveryState]int64{}, map[notify.CountKey]int64{}
	scan := func(s scanner) (c countRow, err error) { return c, s.Scan(&c.channel, &c.state, &c.n) }
	counts, err := all(ctx, t, "read counts", scan, `SELECT channel, state, n FROM dispatch_count WHERE dispatch_no = $1`, dispatchNo)
	for _, c := range counts {
		switch {
		case c.n == 0:
		case c.channel == peopleChannel && c.state == doubtState:
			doubt = c.n
		case c.channel == peopleChannel:
			people[notify.DeliveryState(c.state)] = c.n
		default:
			rows[notify.CountKey{Channel: channelNames[c.channel], State: notify.DeliveryState(c.state)}] = c.n
		}
	}
	return people, rows, doubt, err
}
