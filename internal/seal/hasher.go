package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// Hasher computes many blind indexes and leaves of one key without setting up each. One goroutine uses it.
type Hasher struct {
	index, salt hash.Hash
	in, out     []byte
}

// Hasher makes one.
func (k *Key) Hasher() *Hasher {
	return &Hasher{index: hmac.New(sha256.New, k.index), salt: hmac.New(sha256.New, k.salt)}
}

// Index is what Key.Index gives.
func (h *Hasher) Index(field, value string) [16]byte {
	return [16]byte(h.sum(h.index, append(append(append(h.in[:0], field...), 0), value...)))
}

// Leaf is what Key.Leaf gives.
func (h *Hasher) Leaf(b []byte) [sha256.Size]byte {
	return [sha256.Size]byte(h.sum(h.salt, append(append(h.in[:0], "leaf\x00"...), b...)))
}

func (h *Hasher) sum(mac hash.Hash, in []byte) []byte {
	mac.Reset()
	mac.Write(in)
	h.in, h.out = in, mac.Sum(h.out[:0])
	return h.out
}
