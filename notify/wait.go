package notify

import "context"

// endWaits opens the next channel for those whose message was accepted and of whose arrival no word came in
// time, and returns the other rows that are due.
func endWaits(ctx context.Context, tx Tx, d Dispatch, due []Delivery) (others []Delivery, err error) {
	var silent []Outcome
	for _, row := range due {
		if row.State == Accepted {
			silent = append(silent, Outcome{Seq: row.Seq, Channel: row.Channel, Address: row.Address, Verdict: Verdict{Class: ClassNoWord}})
			continue
		}
		others = append(others, row)
	}
	if len(silent) == 0 {
		return others, nil
	}
	if err := addLadders(ctx, tx, d, silent); err != nil {
		return nil, err
	}
	_, err = applyOutcomes(ctx, tx, d, kindOutcomes, silent)
	return others, err
}
