package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// DeliveryEvent is one outcome or receipt: a leaf of a batch. It holds no personal data.
type DeliveryEvent struct {
	Seq     int64  // recipient in the frozen audience
	Channel string // email, sms, push
	Attempt int
	State   string    // as the API names delivery states
	Class   string    // verdict or receipt class
	Code    string    // provider's code
	Doubt   bool      // a possible duplicate
	At      time.Time // microseconds
}

// leaf is the canonical encoding: what is hashed and what is kept are the same bytes.
func (e DeliveryEvent) leaf() []byte {
	b := binary.AppendUvarint(nil, uint64(e.Seq))
	b = binary.AppendUvarint(b, uint64(e.Attempt))
	b = binary.AppendVarint(b, e.At.UnixMicro())
	doubt := byte(0)
	if e.Doubt {
		doubt = 1
	}
	b = append(b, doubt)
	for _, s := range []string{e.Channel, e.State, e.Class, e.Code} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// EncodeEvents is the kept form of a batch and its Merkle root over the events in order.
func EncodeEvents(events []DeliveryEvent) (kept []byte, root string) {
	var r Root
	for _, e := range events {
		l := e.leaf()
		r.Add(l)
		kept = binary.AppendUvarint(kept, uint64(len(l)))
		kept = append(kept, l...)
	}
	return kept, r.Hex()
}

var errBatch = errors.New("batch is damaged")

// DecodeEvents reads what EncodeEvents made and recomputes the root from the bytes.
func DecodeEvents(kept []byte) (events []DeliveryEvent, root string, err error) {
	var r Root
	for len(kept) > 0 {
		n, k := binary.Uvarint(kept)
		if k <= 0 || n > uint64(len(kept)-k) || k != len(binary.AppendUvarint(nil, n)) {
			return nil, "", errBatch
		}
		leaf := kept[k : k+int(n)]
		kept = kept[k+int(n):]
		r.Add(leaf)
		e, err := decodeLeaf(leaf)
		if err != nil {
			return nil, "", fmt.Errorf("event %d: %w", len(events), err)
		}
		events = append(events, e)
	}
	return events, r.Hex(), nil
}

func decodeLeaf(b []byte) (e DeliveryEvent, err error) {
	d := leafReader{b: b}
	e.Seq = int64(d.uvarint())
	e.Attempt = int(d.uvarint())
	e.At = time.UnixMicro(d.varint()).UTC()
	e.Doubt = d.byte() == 1
	for _, s := range []*string{&e.Channel, &e.State, &e.Class, &e.Code} {
		*s = d.string()
	}
	if d.bad || !bytes.Equal(e.leaf(), b) { // one event has one encoding, or roots would not bind it
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
