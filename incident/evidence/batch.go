package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
)

// DeliveryEvent is one outcome or receipt: a leaf of a batch. It holds no personal data.
type DeliveryEvent struct {
	Seq        int64     `json:"recipient"`         // in the frozen audience
	Channel    string    `json:"channel"`           // email, sms, push
	Address    int       `json:"address,omitempty"` // which of the person's addresses there: from 2 on; else the first
	Attempt    int       `json:"attempt"`
	State      string    `json:"state"`                        // as the API names delivery states
	Class      string    `json:"class"`                        // verdict or receipt class
	Code       string    `json:"code,omitempty"`               // provider's code
	Provider   string    `json:"provider,omitempty"`           // id of the provider it went over
	ProviderID string    `json:"provider_id,omitempty"`        // the provider's name for the message
	Doubt      bool      `json:"possible_duplicate,omitempty"` // it may have gone out more than once
	At         time.Time `json:"at"`                           // microseconds
}

// appendLeaf appends the canonical encoding: what is hashed and what is kept are the same bytes. Provider and
// its name for the message stand at the end, and only when there is one, and behind them which address it is when it
// is not the first: leaves of before they were kept read as ever.
func (e *DeliveryEvent) appendLeaf(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(e.Seq))
	b = binary.AppendUvarint(b, uint64(e.Attempt))
	b = binary.AppendVarint(b, e.At.UnixMicro())
	doubt := byte(0)
	if e.Doubt {
		doubt = 1
	}
	b = append(b, doubt)
	for _, s := range [...]string{e.Channel, e.State, e.Class, e.Code} {
		b = appendText(b, s)
	}
	if e.Provider != "" || e.ProviderID != "" || e.Address > 0 {
		b = appendText(appendText(b, e.Provider), e.ProviderID)
	}
	if e.Address > 0 {
		b = binary.AppendUvarint(b, uint64(e.Address))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// The kept form of a batch is its leaves, each behind its length, as they are or, behind the two bytes of
// packed, compressed. No leaf has the length 0, so the two are told apart.
var packed = [2]byte{0, 1}

const maxUnpacked = 64 << 20 // of a batch from a file that somebody hands us

// packWindow is how far back a batch is compared with itself; the encoder keeps twice as much memory.
const packWindow = 512 << 10

// Used for whole batches only, which is safe for concurrent use.
var (
	packer = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(packWindow)))
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderConcurrency(0)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("set up compression: " + err.Error()) // the options are constants
	}
	return v
}

// EncodeEvents is the kept form of a batch and its Merkle root over the events in order.
func EncodeEvents(events []DeliveryEvent) (kept []byte, root string) {
	var b EventBatch
	for i := range events {
		b.Add(&events[i])
	}
	return b.Encode()
}

// EventBatch builds a batch event by event. The zero value is empty.
type EventBatch struct {
	root  Root
	plain []byte
	leaf  []byte
}

// Reset empties the batch and keeps its memory.
func (b *EventBatch) Reset() {
	b.root.n, b.root.nodes = 0, b.root.nodes[:0]
	b.plain = b.plain[:0]
}

// Add appends an event.
func (b *EventBatch) Add(e *DeliveryEvent) {
	b.leaf = e.appendLeaf(b.leaf[:0])
	b.root.Add(b.leaf)
	b.plain = append(binary.AppendUvarint(b.plain, uint64(len(b.leaf))), b.leaf...)
}

// Len is the number of events.
func (b *EventBatch) Len() int { return int(b.root.n) }

// Encode is the kept form, which shares no memory with the batch, and the Merkle root over the events in order.
func (b *EventBatch) Encode() (kept []byte, root string) {
	if kept = packer.EncodeAll(b.plain, packed[:]); len(kept) >= len(b.plain) {
		kept = bytes.Clone(b.plain)
	}
	return kept, b.root.Hex()
}

var errBatch = errors.New("batch is damaged")

// leaves calls fn for each leaf of a kept batch.
func leaves(kept []byte, fn func(leaf []byte) error) error {
	if bytes.HasPrefix(kept, packed[:]) {
		var err error
		if kept, err = unpacker.DecodeAll(kept[len(packed):], nil); err != nil {
			return errBatch
		}
	}
	for len(kept) > 0 {
		n, k := binary.Uvarint(kept)
		if k <= 0 || n > uint64(len(kept)-k) || k != len(binary.AppendUvarint(nil, n)) {
			return errBatch
		}
		if err := fn(kept[k : k+int(n)]); err != nil {
			return err
		}
		kept = kept[k+int(n):]
	}
	return nil
}

// DecodeEvents reads what EncodeEvents made and recomputes the root from the bytes.
func DecodeEvents(kept []byte) (events []DeliveryEvent, root string, err error) {
	var r Root
	err = leaves(kept, func(leaf []byte) error {
		r.Add(leaf)
		e, err := decodeLeaf(leaf)
		if err != nil {
			return fmt.Errorf("event %d: %w", len(events), err)
		}
		events = append(events, e)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return events, r.Hex(), nil
}

// EventsOf reads the events of the recipients from ≤ seq < to out of a batch that is known to be sound.
func EventsOf(kept []byte, from, to int64) (events []DeliveryEvent, err error) {
	err = leaves(kept, func(leaf []byte) error {
		if seq, n := binary.Uvarint(leaf); n <= 0 || int64(seq) < from || int64(seq) >= to {
			return nil
		}
		e, err := decodeLeaf(leaf)
		events = append(events, e)
		return err
	})
	return events, err
}

func decodeLeaf(b []byte) (e DeliveryEvent, err error) {
	d := leafReader{b: b}
	e.Seq = int64(d.uvarint())
	e.Attempt = int(d.uvarint())
	e.At = time.UnixMicro(d.varint()).UTC()
	e.Doubt = d.byte() == 1
	for _, s := range [...]*string{&e.Channel, &e.State, &e.Class, &e.Code} {
		*s = d.string()
	}
	if len(d.b) > 0 {
		e.Provider, e.ProviderID = d.string(), d.string()
	}
	if len(d.b) > 0 {
		e.Address = int(d.uvarint())
	}
	if d.bad || !bytes.Equal(e.appendLeaf(nil), b) { // one event has one encoding, or roots would not bind it
		return DeliveryEvent{}, errBatch
	}
	return e, nil
}

// leafReader reads fields in turn and remembers that one was cut short.
type leafReader struct {
	b   []byte
	bad bool
}

func (d *leafReader) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return d.take(v, n)
}

func (d *leafReader) varint() int64 {
	v, n := binary.Varint(d.b)
	return int64(d.take(uint64(v), n))
}

func (d *leafReader) take(v uint64, n int) uint64 {
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *leafReader) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *leafReader) string() string {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}
