package evidence

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/bits"
)

// Root is the Merkle tree root (RFC 6962 section 2.1: leaf prefix 0x00, node prefix 0x01) built leaf by
// leaf in constant memory. The zero value is the empty tree.
type Root struct {
	n     int64
	nodes [][sha256.Size]byte // perfect subtrees, largest first
	buf   []byte
}

// Add appends one leaf.
func (r *Root) Add(leaf []byte) {
	r.buf = append(append(r.buf[:0], 0), leaf...)
	h := sha256.Sum256(r.buf)
	for n := r.n; n&1 == 1; n >>= 1 {
		last := len(r.nodes) - 1
		h = node(r.nodes[last], h)
		r.nodes = r.nodes[:last]
	}
	r.nodes = append(r.nodes, h)
	r.n++
}

// Len is the number of leaves.
func (r *Root) Len() int64 { return r.n }

// Hex is the root of the leaves so far; the empty tree's is the hash of nothing.
func (r *Root) Hex() string {
	if len(r.nodes) == 0 {
		h := sha256.Sum256(nil)
		return hex.EncodeToString(h[:])
	}
	h := r.nodes[len(r.nodes)-1]
	for i := len(r.nodes) - 2; i >= 0; i-- {
		h = node(r.nodes[i], h)
	}
	return hex.EncodeToString(h[:])
}

// MarshalText writes the tree so that it can be built on later.
func (r Root) MarshalText() ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(r.n))
	for _, h := range r.nodes {
		b = append(b, h[:]...)
	}
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (r *Root) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.DecodeString(string(text))
	n, read := binary.Uvarint(b)
	if err != nil || read <= 0 || n > math.MaxInt64 || len(b)-read != bits.OnesCount64(n)*sha256.Size {
		return errors.New("not a Merkle tree")
	}
	*r = Root{n: int64(n)}
	for b = b[read:]; len(b) > 0; b = b[sha256.Size:] {
		r.nodes = append(r.nodes, [sha256.Size]byte(b))
	}
	return nil
}

func node(a, b [sha256.Size]byte) [sha256.Size]byte {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], a[:])
	copy(buf[1+sha256.Size:], b[:])
	return sha256.Sum256(buf[:])
}
