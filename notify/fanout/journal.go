package fanout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
)

// The send journal narrows what is in doubt after a process was killed to the sends in flight. It is a few
// files of slots, mapped into memory where the system can: what is written there is the kernel's, and
// survives the death of the process without a system call for each message. The death of the machine puts
// the claimed ranges in doubt.
const (
	pageSlots = 2000 // messages of the largest sub-batch
	suffix    = ".journal"
)

// journal is the send journal of this process, a directory of its own.
type journal struct {
	dir  string
	lock *os.File

	mu   sync.Mutex
	free []*page
	next int
}

// medium is where a page's bytes live.
type medium interface {
	bytes() []byte
	wrote(from, to int) error // called after bytes from ≤ i < to have changed
	Close() error
}

// openJournal takes the directory for this process alone and returns what an earlier process left.
func openJournal(dir string) (*journal, []string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("create journal directory: %w", err)
	}
	lock, err := lockDir(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, nil, err
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("list journal: %w", err), lock.Close())
	}
	slices.Sort(left)
	j := &journal{dir: dir, lock: lock, next: 1}
	if len(left) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(left[len(left)-1]), "%d", &j.next); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("name of journal file: %w", err), lock.Close())
		}
		j.next++
	}
	return j, left, nil
}

// readJournal calls fn for what each slot of a file says.
func readJournal(path string, fn func(entry)) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	for slot := range slices.Chunk(b, slotSize) {
		if e, ok := readSlot(slot); ok {
			fn(e)
		}
	}
	return nil
}

// page is the journal of one sub-batch: a file with a slot for each of its messages. Different slots may be
// written at once.
type page struct {
	j    *journal
	name string
	m    medium
}

// begin gives out a page with empty slots. Its space on disk is taken now, so that a full disk is seen
// before anything is sent.
func (j *journal) begin() (*page, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.free); n > 0 {
		p := j.free[n-1]
		j.free = j.free[:n-1]
		return p, nil
	}
	name := filepath.Join(j.dir, fmt.Sprintf("%012d%s", j.next, suffix))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	m, err := openMedium(f, pageSlots*slotSize)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create journal: %w", err), f.Close(), os.Remove(name))
	}
	j.next++
	return &page{j: j, name: name, m: m}, nil
}

// begun writes down that the message of slot i is about to leave.
func (p *page) begun(i int, e *entry) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer faulted(&err)
	e.begin(p.m.bytes()[i*slotSize:])
	return p.m.wrote(i*slotSize, (i+1)*slotSize)
}

// ended writes down the verdict of the message of slot i.
func (p *page) ended(i int, e *entry) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer faulted(&err)
	e.end(p.m.bytes()[i*slotSize:])
	return p.m.wrote(i*slotSize+beginSize, (i+1)*slotSize)
}

// settled says that the outcomes of the page's first n slots are in the store.
func (p *page) settled(n int) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer faulted(&err)
	clear(p.m.bytes()[:n*slotSize])
	if err := p.m.wrote(0, n*slotSize); err != nil {
		return err
	}
	p.j.mu.Lock()
	defer p.j.mu.Unlock()
	p.j.free = append(p.j.free, p)
	return nil
}

// faulted turns a fault of mapped memory, of a disk that fails, into an error.
func faulted(err *error) {
	switch r := recover().(type) {
	case nil:
	case interface {
		runtime.Error
		Addr() uintptr
	}:
		*err = errors.New("write journal: its file cannot be written")
	default:
		panic(r)
	}
}

// close ends the journal; a page whose outcomes are not all in the store stays for the next process.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	for _, p := range j.free {
		err = errors.Join(err, p.m.Close(), os.Remove(p.name))
	}
	j.free = nil
	if err = errors.Join(err, j.lock.Close()); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
