package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash"
	"strconv"
	"strings"
	"sync"

	"tocsin/internal/seal"
)

// The bounds that let a dispatch number and a recipient fit into a check code of 60 bits; the other
// 16 bits are zero before the permutation, so that a guess is wrong 65,535 times in 65,536 even
// before it must name a dispatch and a recipient that exist.
const (
	maxDispatchNo = 1 << 16
	maxSeq        = 1 << 28
)

const (
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeLen   = 12 // symbols before the check symbol
	half      = 1<<30 - 1
	rounds    = 10
)

// Codec makes and reads outgoing ids and check codes; nothing of them is stored. It is safe for
// concurrent use.
type Codec struct {
	block cipher.Block // round function of the permutation
	tools sync.Pool    // of *tools
}

// tools are what one id or code is made with. They are kept, because what is handed to a cipher or a hash
// would otherwise be allocated each time.
type tools struct {
	mac   hash.Hash
	block [aes.BlockSize]byte
	name  []byte
	sum   []byte
}

// NewCodec makes the codec of an operator's key.
func NewCodec(key *seal.Key) *Codec {
	block, err := aes.NewCipher(subkey(key.Codes(), "code"))
	if err != nil {
		panic("make cipher: " + err.Error()) // 32 bytes are always an AES key
	}
	out := subkey(key.Codes(), "out-id")
	return &Codec{block: block, tools: sync.Pool{New: func() any { return &tools{mac: hmac.New(sha256.New, out)} }}}
}

func subkey(key []byte, use string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(use))
	return h.Sum(nil)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// OutID names a delivery at the person's first address to the outside: at most 40 characters of [a-z0-9.],
// authenticated, the same each time, telling nobody who the recipient is.
func (c *Codec) OutID(dispatchNo, seq int64, channel string) string {
	return c.OutIDAt(dispatchNo, seq, channel, 0)
}

// OutIDAt is OutID at one of the person's addresses on the channel, 0 the first. The second and those behind have
// an id of their own, email2, so that word of one is never taken for word of another.
func (c *Codec) OutIDAt(dispatchNo, seq int64, channel string, address int) string {
	t := c.tools.Get().(*tools)
	defer c.tools.Put(t)
	t.name = append(strconv.AppendInt(t.name[:0], dispatchNo, 36), '.')
	t.name = append(strconv.AppendInt(t.name, seq, 36), '.')
	t.name = append(t.name, channel...)
	if address > 0 {
		t.name = strconv.AppendInt(t.name, int64(address)+1, 10)
	}
	tag := t.tag()
	t.name = append(t.name, '.')
	t.name = lowerBase32.AppendEncode(t.name, tag)
	return string(t.name)
}

// ParseOutID reads what OutIDAt made; ok is false for anything else.
func (c *Codec) ParseOutID(id string) (dispatchNo, seq int64, channel string, address int, ok bool) {
	name, tag, found := cutLast(strings.ToLower(strings.TrimSpace(id)), ".")
	parts := strings.Split(name, ".")
	if !found || len(id) > 64 || len(parts) != 3 {
		return 0, 0, "", 0, false
	}
	t := c.tools.Get().(*tools)
	defer c.tools.Put(t)
	t.name = append(t.name[:0], name...)
	if !hmac.Equal([]byte(tag), []byte(lowerBase32.EncodeToString(t.tag()))) {
		return 0, 0, "", 0, false
	}
	dispatchNo, err := strconv.ParseInt(parts[0], 36, 64)
	if err != nil {
		return 0, 0, "", 0, false
	}
	if seq, err = strconv.ParseInt(parts[1], 36, 64); err != nil {
		return 0, 0, "", 0, false
	}
	channel = strings.TrimRight(parts[2], "0123456789")
	if nth := parts[2][len(channel):]; nth != "" {
		address, err = strconv.Atoi(nth)
		address--
	}
	return dispatchNo, seq, channel, address, err == nil
}

// tag is 80 bits of a keyed hash of the name.
func (t *tools) tag() []byte {
	t.mac.Reset()
	t.mac.Write(t.name)
	t.sum = t.mac.Sum(t.sum[:0])
	return t.sum[:10]
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Code is the personal check code of a recipient: 12 Crockford symbols without meaning and a check
// symbol that catches every single wrong symbol and every two that changed places.
func (c *Codec) Code(dispatchNo, seq int64) string {
	v := c.permute(uint64(dispatchNo)<<44 | uint64(seq)<<16)
	var b [codeLen + 1]byte
	for i := range codeLen {
		b[i] = crockford[v>>(5*(codeLen-1-i))&31]
	}
	b[codeLen] = crockford[checkSymbol(v)]
	return string(b[:])
}

// ParseCode reads a check code as people type it: any case, with spaces or hyphens, O for 0, I and L
// for 1. It does the same work for a wrong code as for a right one.
func (c *Codec) ParseCode(code string) (dispatchNo, seq int64, ok bool) {
	v, check, ok := readSymbols(code)
	plain := c.unpermute(v)
	ok = ok && check == checkSymbol(v) && plain&0xffff == 0
	return int64(plain >> 44), int64(plain >> 16 & (maxSeq - 1)), ok
}

func readSymbols(code string) (v uint64, check byte, ok bool) {
	n, ok := 0, len(code) <= 64
	for i := range min(len(code), 64) {
		if code[i] == ' ' || code[i] == '-' {
			continue
		}
		d := symbol(code[i])
		ok = ok && d >= 0
		if n < codeLen {
			v = v<<5 | uint64(d)&31
		} else {
			check = byte(d) & 31
		}
		n++
	}
	return v & (1<<60 - 1), check, ok && n == codeLen+1
}

func symbol(c byte) int {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch c {
	case 'O':
		c = '0'
	case 'I', 'L':
		c = '1'
	}
	return strings.IndexByte(crockford, c)
}

// checkSymbol is the weighted sum of the symbols over GF(32), with powers of a generator as weights:
// they all differ, so no single change and no exchange of two symbols keeps it.
func checkSymbol(v uint64) byte {
	var sum byte
	for range codeLen {
		sum = double(sum ^ byte(v&31))
		v >>= 5
	}
	return sum
}

// double multiplies by the generator x of GF(32) modulo x⁵+x²+1.
func double(a byte) byte {
	a <<= 1
	if a&32 != 0 {
		a ^= 0b100101
	}
	return a
}

// permute is a Feistel network over 60 bits.
func (c *Codec) permute(v uint64) uint64 {
	t := c.tools.Get().(*tools)
	defer c.tools.Put(t)
	l, r := v>>30, v&half
	for i := range rounds {
		l, r = r, l^t.round(c.block, i, r)
	}
	return l<<30 | r
}

func (c *Codec) unpermute(v uint64) uint64 {
	t := c.tools.Get().(*tools)
	defer c.tools.Put(t)
	l, r := v>>30, v&half
	for i := rounds - 1; i >= 0; i-- {
		l, r = r^t.round(c.block, i, l), l
	}
	return l<<30 | r
}

func (t *tools) round(block cipher.Block, i int, x uint64) uint64 {
	b := t.block[:]
	binary.BigEndian.PutUint64(b, uint64(i)<<56)
	binary.BigEndian.PutUint64(b[8:], x)
	block.Encrypt(b, b)
	return binary.BigEndian.Uint64(b[8:]) & half
}
