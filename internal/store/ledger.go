package store

import (
	"context"
	"slices"
	"time"

	"tocsin/incident/evidence"
)

// AppendLedger keeps a draft until the transaction's end, where it joins its chain.
func (t *Tx) AppendLedger(d evidence.Draft) { t.drafts = append(t.drafts, d) }

// head is where a chain ends.
type head struct {
	seq  int64
	at   time.Time
	hash string
}

// writeLedger appends the drafts, chain by chain in order of their names, so that two transactions that
// write the same chains never wait for each other in a circle.
func (t *Tx) writeLedger(ctx context.Context) error {
	byChain := map[string][]evidence.Draft{}
	var chains []string
	for _, d := range t.drafts {
		if _, ok := byChain[d.Chain]; !ok {
			chains = append(chains, d.Chain)
		}
		byChain[d.Chain] = append(byChain[d.Chain], d)
	}
	slices.Sort(chains)
	for _, chain := range chains {
		if err := t.extendChain(ctx, chain, byChain[chain]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) extendChain(ctx context.Context, chain string, drafts []evidence.Draft) error {
	h, err := t.lockHead(ctx, chain)
	if err != nil {
		return err
	}
	salt, err := t.salt(ctx, chain)
	if err != nil {
		return err
	}
	// Clocks of several machines differ; within a chain time does not run backwards.
	now := t.now
	if h.at.After(now) {
		now = h.at
	}
	var prev *evidence.Entry
	if h.seq > 0 {
		prev = &evidence.Entry{Seq: h.seq, Hash: h.hash}
	}
	args := make([]any, 0, 11*len(drafts))
	for _, d := range drafts {
		e := evidence.Link(prev, d, t.scope.Actor, now, salt)
		args = append(args, t.op, chain, e.Seq, now.UnixMicro(), e.Kind, string(e.Actor.Kind), e.Actor.ID,
			text{e.Refs}, text{e.Commits}, e.Prev, e.Hash)
		prev = &e
	}
	err = t.insertMany(ctx, "append ledger",
		`INSERT INTO ledger (operator_id, chain, seq, at, kind, actor_kind, actor_id, refs, commits, prev, hash) VALUES `, 11, args)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "move chain head",
		`UPDATE chain_head SET seq = $3, at = $4, hash = $5 WHERE operator_id = $1 AND chain = $2`,
		t.op, chain, prev.Seq, now.UnixMicro(), prev.Hash)
	return err
}

// startChain makes the head of a chain, if there is none.
func (t *Tx) startChain(ctx context.Context, chain string) error {
	_, err := t.exec(ctx, "start chain",
		`INSERT INTO chain_head (operator_id, chain, seq, at, hash) VALUES ($1, $2, 0, 0, '') ON CONFLICT DO NOTHING`, t.op, chain)
	return err
}

// lockHead reads a chain's head and holds it until the commit.
func (t *Tx) lockHead(ctx context.Context, chain string) (head, error) {
	scan := func(s scanner) (h head, err error) { return h, s.Scan(&h.seq, at(&h.at), &h.hash) }
	query := `SELECT seq, at, hash FROM chain_head WHERE operator_id = $1 AND chain = $2` + t.db.dialect.forUpdate()
	h, ok, err := one(ctx, t, "read chain head", scan, query, t.op, chain)
	if err != nil || ok {
		return h, err
	}
	if chain != evidence.SystemChain {
		return h, notFound("incident")
	}
	if err := t.startChain(ctx, chain); err != nil {
		return h, err
	}
	h, _, err = one(ctx, t, "read chain head", scan, query, t.op, chain)
	return h, err
}

// salt comes from the key of the chain's incident; from the operator's for the system chain.
func (t *Tx) salt(ctx context.Context, chain string) (func(int64) []byte, error) {
	if chain == evidence.SystemChain {
		key, err := t.operatorKey(ctx)
		if err != nil {
			return nil, err
		}
		return key.Salt, nil
	}
	key, err := t.key(ctx, chain)
	if err != nil {
		return nil, err
	}
	return key.Salt, nil
}

// Ledger pages through a chain.
func (t *Tx) Ledger(ctx context.Context, chain string, after int64, limit int) ([]evidence.Entry, error) {
	return t.entries(ctx, `ledger WHERE operator_id = $1 AND chain = $2 AND seq > $3 ORDER BY seq LIMIT $4`, chain, after, limit)
}

// Landmarks are the entries of a chain that are no batches of deliveries, from the first one after a sequence number on.
func (t *Tx) Landmarks(ctx context.Context, chain string, after int64, limit int) ([]evidence.Entry, error) {
	return t.entries(ctx, t.landmarks()+` ORDER BY seq LIMIT $4`, chain, after, limit)
}

// LatestLandmarks are the newest of them, newest first.
func (t *Tx) LatestLandmarks(ctx context.Context, chain string, limit int) ([]evidence.Entry, error) {
	return t.entries(ctx, t.landmarks()+` ORDER BY seq DESC LIMIT $4`, chain, 0, limit)
}

func (t *Tx) landmarks() string {
	return `ledger` + t.db.dialect.using("ledger_landmark") + ` WHERE operator_id = $1 AND chain = $2 AND seq > $3 AND kind <> 'delivery.batch'`
}

func (t *Tx) entries(ctx context.Context, from, chain string, after int64, limit int) ([]evidence.Entry, error) {
	scan := func(s scanner) (e evidence.Entry, err error) {
		e.Chain = chain
		return e, s.Scan(&e.Seq, at(&e.At), &e.Kind, &e.Actor.Kind, &e.Actor.ID, text{&e.Refs}, text{&e.Commits}, &e.Prev, &e.Hash)
	}
	return all(ctx, t, "read ledger", scan, `SELECT seq, at, kind, actor_kind, actor_id, refs, commits, prev, hash FROM `+from,
		t.op, chain, after, limited(limit, 500, 10000))
}
