package fanout

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"tocsin/notify"
)

// A slot of the send journal is about one message. Its first part is written before the first byte of the
// message leaves, its second when the verdict is in, each with a checksum of its own: one that was cut
// short by the death of its process is not there.
const (
	slotSize  = 160
	beginSize = 64

	channelSize  = 8
	idSize       = 28 // of a provider
	codeSize     = 32
	providerSize = 56 // a provider's name for a message
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// classes gives each class its byte. New ones are added at the end.
var classes = []notify.Class{
	"", notify.ClassAccepted, notify.ClassDelivered, notify.ClassRead, notify.ClassRetry, notify.ClassRetryAt,
	notify.ClassInDoubt, notify.ClassRcptPerm, notify.ClassRcptSoft, notify.ClassStop, notify.ClassBug, notify.ClassNoChannel,
}

// entry is what a slot says.
type entry struct {
	dispatch int64
	seq      int64
	channel  string
	address  int // among the person's there
	provider string
	attempt  int
	doubt    bool // an earlier attempt may have gone out
	ended    bool
	verdict  notify.Verdict // without RetryAt: what is retried is decided afresh
}

// begin lays out: crc(4) attempt(4) dispatch(8) seq(8), channel and provider, each behind its length,
// whether there is a doubt(1), and which address(1). An earlier message of the slot is gone before.
func (e *entry) begin(b []byte) {
	clear(b[:slotSize])
	binary.BigEndian.PutUint32(b[4:], uint32(e.attempt))
	binary.BigEndian.PutUint64(b[8:], uint64(e.dispatch))
	binary.BigEndian.PutUint64(b[16:], uint64(e.seq))
	put(b[24:24+1+channelSize], e.channel)
	put(b[33:33+1+idSize], e.provider)
	if e.doubt {
		b[62] = 1
	}
	b[63] = byte(e.address)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:beginSize], castagnoli))
}

// end lays out: crc(4) class(1), code and the provider's name for the message.
func (e *entry) end(b []byte) {
	b = b[beginSize:slotSize]
	b[4] = byte(max(0, slices.Index(classes, e.verdict.Class)))
	put(b[5:5+1+codeSize], e.verdict.Code)
	put(b[38:38+1+providerSize], e.verdict.ProviderID)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
}

// put writes a text of at most len(b)-1 bytes behind its length.
func put(b []byte, s string) { b[0] = byte(copy(b[1:], s)) }

func get(b []byte) string { return string(b[1:][:min(int(b[0]), len(b)-1)]) }

// readSlot reads what a slot says; ok is false when it says nothing.
func readSlot(b []byte) (e entry, ok bool) {
	if len(b) != slotSize || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:beginSize], castagnoli) {
		return entry{}, false
	}
	e = entry{
		attempt:  int(binary.BigEndian.Uint32(b[4:])),
		dispatch: int64(binary.BigEndian.Uint64(b[8:])), seq: int64(binary.BigEndian.Uint64(b[16:])),
		channel: get(b[24 : 24+1+channelSize]), provider: get(b[33 : 33+1+idSize]), doubt: b[62] == 1, address: int(b[63]),
	}
	b = b[beginSize:]
	if binary.BigEndian.Uint32(b) == crc32.Checksum(b[4:], castagnoli) && int(b[4]) < len(classes) {
		e.ended = true
		e.verdict = notify.Verdict{Class: classes[b[4]], Code: get(b[5 : 5+1+codeSize]), ProviderID: get(b[38 : 38+1+providerSize])}
	}
	return e, true
}
