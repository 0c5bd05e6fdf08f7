package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ProofFormat names the layout of a proof, for readers of other versions.
const ProofFormat = "tocsin-proof/1"

// Proof shows what the ledger holds about one recipient of a dispatch, without the rest of its batches and
// without personal data. On its own it shows that the events are in the ledger entries; that these are the
// incident's is shown against a pack, or against an entry's hash that was published.
type Proof struct {
	Format    string        `json:"format"`
	Operator  string        `json:"operator"`
	Incident  string        `json:"incident"`
	Dispatch  string        `json:"dispatch"`
	Recipient int64         `json:"recipient"`         // in the frozen audience
	Channel   string        `json:"channel,omitempty"` // "" every channel
	MadeAt    time.Time     `json:"made_at"`
	Head      Head          `json:"ledger_head"` // where the incident's chain ended then
	Events    []ProvenEvent `json:"events"`      // in the order of the ledger
}

// Head is the end of a chain.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// ProvenEvent is a delivery event with its way up to the root that a ledger entry holds.
type ProvenEvent struct {
	Event DeliveryEvent `json:"event"`
	Leaf  string        `json:"leaf"`  // hex of the bytes that are hashed
	Index int64         `json:"index"` // of the leaf in its batch
	Size  int64         `json:"size"`  // leaves of the batch
	Path  []string      `json:"path"`  // hex, from the leaf's sibling up
	Root  string        `json:"root"`  // hex
	Entry Entry         `json:"entry"` // delivery.batch
}

type digest = [sha256.Size]byte

func leafHash(leaf []byte) digest { return sha256.Sum256(append([]byte{0}, leaf...)) }

// ProveEvents finds a recipient's events in a kept batch, on one channel or on all (""), and proves each.
// Entry is left for the caller to fill in.
func ProveEvents(kept []byte, seq int64, channel string) ([]ProvenEvent, error) {
	var hashes []digest
	var found []ProvenEvent
	err := leaves(kept, func(leaf []byte) error {
		hashes = append(hashes, leafHash(leaf))
		if n, k := binary.Uvarint(leaf); k <= 0 || int64(n) != seq {
			return nil
		}
		e, err := decodeLeaf(leaf)
		if err == nil && (channel == "" || e.Channel == channel) {
			found = append(found, ProvenEvent{Event: e, Leaf: hex.EncodeToString(leaf), Index: int64(len(hashes) - 1)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	root := hex.EncodeToString(treeHash(hashes))
	for i := range found {
		p := &found[i]
		p.Size, p.Root, p.Path = int64(len(hashes)), root, []string{}
		for _, h := range path(hashes, p.Index) {
			p.Path = append(p.Path, hex.EncodeToString(h[:]))
		}
	}
	return found, nil
}

// split is the largest power of two below n, where RFC 6962 divides a tree of n leaves.
func split(n int64) int64 {
	k := int64(1)
	for 2*k < n {
		k *= 2
	}
	return k
}

func treeHash(hashes []digest) []byte {
	h := subtree(hashes)
	return h[:]
}

func subtree(hashes []digest) digest {
	switch n := int64(len(hashes)); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return hashes[0]
	default:
		k := split(n)
		return node(subtree(hashes[:k]), subtree(hashes[k:]))
	}
}

// path is the audit path of RFC 6962 section 2.1.1.
func path(hashes []digest, index int64) []digest {
	n := int64(len(hashes))
	if n <= 1 {
		return nil
	}
	if k := split(n); index < k {
		return append(path(hashes[:k], index), subtree(hashes[k:]))
	} else {
		return append(path(hashes[k:], index-k), subtree(hashes[:k]))
	}
}

var errPath = errors.New("path does not fit its tree")

// VerifyEvent tells whether a leaf at index of a tree with size leaves leads to root along path (RFC 9162
// section 2.1.3.2).
func VerifyEvent(root string, leaf []byte, index, size int64, path []string) error {
	if index < 0 || index >= size {
		return errPath
	}
	h, at, last := leafHash(leaf), index, size-1
	for _, step := range path {
		b, err := hex.DecodeString(step)
		if err != nil || len(b) != sha256.Size || last == 0 {
			return errPath
		}
		sibling := digest(b)
		if at&1 == 0 && at != last {
			h = node(h, sibling)
		} else {
			h = node(sibling, h)
			for at&1 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		}
		at, last = at>>1, last>>1
	}
	if last != 0 {
		return errPath
	}
	if hex.EncodeToString(h[:]) != root {
		return errors.New("it does not lead to the root")
	}
	return nil
}
