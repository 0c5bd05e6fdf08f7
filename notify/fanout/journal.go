package fanout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tocsin/notify"
)

// The send journal narrows what is in doubt after a process was killed to the sends in flight: a record
// goes to the kernel before the first byte of a message leaves and another one when its verdict is in.
// Records are of one size, so a torn one can only be the last of a file.
const (
	recordSize  = 128
	segmentSize = 64 << 10 // records of a file before the next one is begun
	suffix      = ".journal"

	codeSize     = 32
	providerSize = 56
	channelSize  = 8
)

// The kinds of record.
const (
	begun byte = 1 // about to send
	ended byte = 2 // verdict known
)

// classes gives each class its byte. New ones are added at the end.
var classes = []notify.Class{
	"", notify.ClassAccepted, notify.ClassDelivered, notify.ClassRead, notify.ClassRetry, notify.ClassRetryAt,
	notify.ClassInDoubt, notify.ClassRcptPerm, notify.ClassRcptSoft, notify.ClassStop, notify.ClassBug, notify.ClassNoChannel,
}

// entry is one record.
type entry struct {
	kind     byte
	dispatch int64
	seq      int64
	channel  string
	attempt  int
	verdict  notify.Verdict // without RetryAt: what is retried is decided afresh
}

// encode lays an entry out: crc(4) kind(1) class(1) attempt(2) dispatch(8) seq(8) and three short texts,
// each with its length before it.
func (e entry) encode(b *[recordSize]byte) {
	clear(b[:])
	b[4] = e.kind
	b[5] = byte(max(0, slices.Index(classes, e.verdict.Class)))
	binary.BigEndian.PutUint16(b[6:], uint16(e.attempt))
	binary.BigEndian.PutUint64(b[8:], uint64(e.dispatch))
	binary.BigEndian.PutUint64(b[16:], uint64(e.seq))
	put(b[24:24+1+channelSize], e.channel)
	put(b[33:33+1+codeSize], e.verdict.Code)
	put(b[66:66+1+providerSize], e.verdict.ProviderID)
	binary.BigEndian.PutUint32(b[:], crc32.ChecksumIEEE(b[4:]))
}

// put writes a text of at most len(b)-1 bytes behind its length.
func put(b []byte, s string) { b[0] = byte(copy(b[1:], s)) }

func get(b []byte) string { return string(b[1:][:min(int(b[0]), len(b)-1)]) }

// decode reads a record; ok is false when it is damaged.
func decode(b []byte) (e entry, ok bool) {
	if len(b) != recordSize || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) || int(b[5]) >= len(classes) {
		return entry{}, false
	}
	return entry{
		kind: b[4], attempt: int(binary.BigEndian.Uint16(b[6:])),
		dispatch: int64(binary.BigEndian.Uint64(b[8:])), seq: int64(binary.BigEndian.Uint64(b[16:])),
		channel: get(b[24 : 24+1+channelSize]),
		verdict: notify.Verdict{
			Class: classes[b[5]], Code: get(b[33 : 33+1+codeSize]), ProviderID: get(b[66 : 66+1+providerSize]),
		},
	}, true
}

// journal is the send journal of this process: a directory of its own, with files that are deleted once
// the outcomes of all their sends are in the store.
type journal struct {
	dir  string
	lock *os.File

	mu      sync.Mutex
	current *segment
	next    int
}

// segment is one file. It goes when it is full (or the process ends) and nothing in it is open.
type segment struct {
	file    *os.File
	records int
	open    int // sub-batches whose outcomes are not yet in the store
	full    bool
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

// readJournal calls fn for each sound record of a file and stops at a damaged one: the torn tail of a
// process that was killed while writing.
func readJournal(path string, fn func(entry)) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	var b [recordSize]byte
	for {
		if _, err := io.ReadFull(f, b[:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return fmt.Errorf("read journal: %w", err)
		}
		e, ok := decode(b[:])
		if !ok {
			return nil
		}
		fn(e)
	}
}

// page is the journal as one sub-batch uses it. Its methods are safe for concurrent use.
type page struct {
	j *journal
	s *segment
}

// begin opens a page in the current file.
func (j *journal) begin() (*page, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.current == nil {
		name := filepath.Join(j.dir, fmt.Sprintf("%012d%s", j.next, suffix))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("create journal: %w", err)
		}
		j.current = &segment{file: f}
		j.next++
	}
	j.current.open++
	return &page{j: j, s: j.current}, nil
}

// write hands one record to the kernel. That is enough for the death of the process; the death of the
// machine puts the claimed ranges in doubt.
func (p *page) write(e entry) error {
	var b [recordSize]byte
	e.encode(&b)
	p.j.mu.Lock()
	defer p.j.mu.Unlock()
	if _, err := p.s.file.Write(b[:]); err != nil {
		p.s.full = true // it may end in a part of a record: write no more behind that
		if p.j.current == p.s {
			p.j.current = nil
		}
		return fmt.Errorf("write journal: %w", err)
	}
	p.s.records++
	return nil
}

// settled says that the outcomes of the page are in the store.
func (p *page) settled() error {
	p.j.mu.Lock()
	defer p.j.mu.Unlock()
	p.s.open--
	if p.s.records >= segmentSize && p.s == p.j.current {
		p.s.full, p.j.current = true, nil
	}
	if p.s.full && p.s.open == 0 {
		return p.s.remove()
	}
	return nil
}

func (s *segment) remove() error {
	if err := errors.Join(s.file.Close(), os.Remove(s.file.Name())); err != nil {
		return fmt.Errorf("remove journal: %w", err)
	}
	return nil
}

// close ends the journal; a file with something open stays for the next process.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if s := j.current; s != nil {
		j.current = nil
		if s.open == 0 {
			err = s.remove()
		} else {
			err = s.file.Close()
		}
	}
	return errors.Join(err, j.lock.Close())
}
