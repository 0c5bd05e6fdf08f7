package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"tocsin/incident"
)

// lane says who goes first at the writer.
type lane int

const (
	urgent lane = iota // people and incidents
	bulk               // fan-out and imports
)

// Limits of the writer. A group is what shares one commit and its fsync.
const (
	queueLimit  = 2048
	urgentGroup = 128
	bulkGroup   = 8
)

// writer owns SQLite's one writing connection. Jobs run one after another, each in a savepoint of its
// own, and are answered once the commit that they share is on disk.
type writer struct {
	db      *sql.DB
	common  *statements
	lanes   [2]chan *job
	closing chan struct{} // no new jobs
	ended   chan struct{}
	once    sync.Once
}

// job is one transaction waiting for its turn. It runs on its caller's goroutine, so that a panic or a
// test's end stays there.
type job struct {
	claimed atomic.Bool // by the writer, to run it, or by the caller, who gave up
	turn    chan steady
	result  chan error // of the closure
	answer  chan error // after the commit
}

func startWriter(db *sql.DB) *writer {
	w := &writer{db: db, common: newStatements(db), closing: make(chan struct{}), ended: make(chan struct{})}
	w.lanes[urgent] = make(chan *job, queueLimit)
	w.lanes[bulk] = make(chan *job, queueLimit)
	go w.run()
	return w
}

func (w *writer) close() {
	w.once.Do(func() { close(w.closing) })
	<-w.ended
}

var errClosed = incident.NewFault(incident.Busy, "the store is shutting down; try again")

// do has fn run in turn and returns when it is committed, or has failed and left nothing.
func (w *writer) do(ctx context.Context, l lane, fn func(querier) error) error {
	j := &job{turn: make(chan steady, 1), result: make(chan error, 1), answer: make(chan error, 1)}
	if err := w.enqueue(ctx, l, j); err != nil {
		return err
	}
	select {
	case tx := <-j.turn:
		j.run(ctx, tx, fn)
		return <-j.answer
	case err := <-j.answer: // no transaction could be begun
		return err
	case <-ctx.Done():
		if j.claimed.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-w.ended:
		if j.claimed.CompareAndSwap(false, true) {
			return errClosed
		}
	}
	// The turn has come in the same moment.
	select {
	case tx := <-j.turn:
		j.run(ctx, tx, fn)
		return <-j.answer
	case err := <-j.answer:
		return err
	}
}

// enqueue refuses urgent work when the queue is full, and lets bulk work wait.
func (w *writer) enqueue(ctx context.Context, l lane, j *job) error {
	select {
	case <-w.closing:
		return errClosed
	default:
	}
	if l == urgent {
		select {
		case w.lanes[urgent] <- j:
			return nil
		default:
			return incident.NewFault(incident.Busy, "the store has too much waiting; try again")
		}
	}
	select {
	case w.lanes[bulk] <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return errClosed
	}
}

// run calls fn and always tells the writer how it ended.
func (j *job) run(ctx context.Context, tx steady, fn func(querier) error) {
	err := errors.New("transaction abandoned") // what remains when fn ends its goroutine
	defer func() { j.result <- err }()
	if ctx.Err() != nil {
		err = ctx.Err()
		return
	}
	err = guard(func() error { return fn(tx) })
}

// guard turns a panic into an error. Its value may be anything, so only that of the runtime is told.
func guard(fn func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if re, ok := r.(runtime.Error); ok {
			err = fmt.Errorf("panic in transaction: %w\n%s", re, debug.Stack())
			return
		}
		err = fmt.Errorf("panic in transaction: %T\n%s", r, debug.Stack())
	}()
	return fn()
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		j, l := w.wait()
		if j == nil {
			return
		}
		w.group(j, l)
	}
}

// wait gives the next job, urgent ones first; nil once the writer is closed and nothing waits.
func (w *writer) wait() (*job, lane) {
	for {
		if j, l := w.next(true); j != nil {
			return j, l
		}
		select {
		case j := <-w.lanes[urgent]:
			if j.claimed.CompareAndSwap(false, true) {
				return j, urgent
			}
		case j := <-w.lanes[bulk]:
			if j.claimed.CompareAndSwap(false, true) {
				return j, bulk
			}
		case <-w.closing:
			return w.next(true)
		}
	}
}

// next takes a job that waits now, if there is one.
func (w *writer) next(withBulk bool) (*job, lane) {
	for {
		select {
		case j := <-w.lanes[urgent]:
			if j.claimed.CompareAndSwap(false, true) {
				return j, urgent
			}
			continue
		default:
		}
		if !withBulk {
			return nil, urgent
		}
		select {
		case j := <-w.lanes[bulk]:
			if j.claimed.CompareAndSwap(false, true) {
				return j, bulk
			}
		default:
			return nil, bulk
		}
	}
}

// group runs first and whatever else waits, commits once, and answers all of them.
func (w *writer) group(first *job, l lane) {
	begun, err := w.db.BeginTx(context.Background(), nil)
	if err != nil {
		w.turnAway(first, asFault("begin transaction", err))
		return
	}
	defer w.common.prepare()
	tx := steady{begun, w.common}
	var count [2]int
	var done []*job
	for j := first; j != nil; {
		count[l]++
		failed, broken := w.turn(tx, j)
		if broken != nil {
			w.fail(tx, append(done, j), broken)
			return
		}
		if failed != nil {
			j.answer <- failed
		} else {
			done = append(done, j)
		}
		if j = nil; count[urgent] < urgentGroup {
			j, l = w.next(count[bulk] < bulkGroup)
		}
	}
	if len(done) == 0 {
		w.fail(tx, nil, nil)
		return
	}
	err = asFault("commit transaction", begun.Commit())
	for _, j := range done {
		j.answer <- err
	}
}

// turnAway answers a job and all that wait behind it: each would wait for a lock as long, one after another.
func (w *writer) turnAway(first *job, why error) {
	waiting := len(w.lanes[urgent]) + len(w.lanes[bulk])
	for j := first; j != nil; waiting-- {
		j.answer <- why
		if j = nil; waiting > 0 {
			j, _ = w.next(true)
		}
	}
}

// fail answers jobs whose transaction is lost. Nothing of them is left, whatever the cause, so each may try
// again.
func (w *writer) fail(tx steady, jobs []*job, cause error) {
	_ = tx.tx.Rollback() // there is nothing to keep, and the cause is already told
	cause = asFault("write in a group", cause)
	if fault := new(incident.Fault); !errors.As(cause, &fault) || fault.Kind != incident.Busy {
		cause = fmt.Errorf("%w (%w)", errBusy, cause)
	}
	for _, j := range jobs {
		j.answer <- cause
	}
}

// turn runs one job in its savepoint. failed is the job's own error, after which nothing of it is left;
// broken means that the whole transaction is lost.
func (w *writer) turn(tx steady, j *job) (failed, broken error) {
	whole := context.Background() // an interrupt would roll the whole group back
	if _, err := tx.ExecContext(whole, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	j.turn <- tx
	failed = <-j.result
	if failed != nil {
		if _, err := tx.ExecContext(whole, "ROLLBACK TO job"); err != nil { // a full disk takes the whole transaction with it
			return nil, errors.Join(failed, err)
		}
	}
	if _, err := tx.ExecContext(whole, "RELEASE job"); err != nil {
		return nil, err
	}
	return failed, nil
}
