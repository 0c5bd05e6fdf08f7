package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// settle holds the summary's claims against what ledger, batches and messages said.
func (v *verifier) settle() {
	for k := range v.roots {
		v.fault(fmt.Sprintf("batch %d of %s", k.batch, k.dispatch), "the ledger has its root but the pack does not hold it")
	}
	for h := range v.messages {
		if f := v.files[MessagesDir+h+".json"]; f.SHA256 != h {
			v.fault(f.Name, "its hash is not the one it is named by")
		}
	}
	approved := map[string]map[string]bool{} // digest → users
	for _, e := range v.digests {
		d := e.Refs["digest"]
		if approved[d] == nil {
			approved[d] = map[string]bool{}
		}
		approved[d][e.Actor.ID] = true
	}
	for _, d := range v.Summary.Documents {
		v.settleDigest(d)
		for _, user := range d.Approvals {
			if !approved[d.Digest][user] {
				v.fault(d.ID, "the ledger has no approval of this digest by %s", user)
			}
		}
	}
	for _, d := range v.Summary.Dispatches {
		v.settleDispatch(d)
	}
}

// maxMessage bounds one frozen message in memory.
const maxMessage = 8 << 20

// settleDigest computes the approved digest again from the messages in the pack.
func (v *verifier) settleDigest(d PackedDocument) {
	if len(d.Messages) == 0 {
		return
	}
	bodies := make([]json.RawMessage, len(d.Messages))
	for i, h := range d.Messages {
		body, ok := v.messages[h]
		if !ok {
			v.fault(d.ID, "the message %s… that was approved is not in the pack", h[:min(8, len(h))])
			return
		}
		bodies[i] = body
	}
	messages := hashOf(struct {
		Renderer string            `json:"renderer"`
		Messages []json.RawMessage `json:"messages"`
	}{d.Renderer, bodies})
	all := hashOf(struct {
		Messages string `json:"messages"`
		Audience string `json:"audience"`
		Plan     string `json:"plan"`
		All      string `json:"all"`
	}{messages, d.Audience, d.Plan, ""})
	if all != d.Digest {
		v.fault(d.ID, "its messages, audience and plan do not give the digest that was approved")
	}
}

// hashOf is the hex SHA-256 of v's JSON; damaged raw parts, which do not marshal, give a hash of nothing known.
func hashOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (v *verifier) settleDispatch(d PackedDispatch) {
	sum := int64(0)
	for _, n := range d.States {
		sum += n
	}
	if sum != d.Total {
		v.fault(d.ID, "its states add up to %d, not to its %d people", sum, d.Total)
	}
	if want := v.totals[d.ID]; want != strconv.FormatInt(d.Total, 10) {
		v.fault(d.ID, "the ledger says it went to %s people, the summary says %d", want, d.Total)
	}
	var reached, withEvents int64
	for _, rank := range v.ranks[d.ID] {
		if rank > 0 {
			withEvents++
		}
		if rank >= stateRank["accepted"] {
			reached++
		}
	}
	if claimed := d.States["accepted"] + d.States["delivered"] + d.States["read"]; claimed > reached {
		v.fault(d.ID, "the summary claims %d people reached, the delivery events prove %d", claimed, reached)
	}
	if known := d.Total - d.States["pending"] - d.States["stopped"]; known > withEvents {
		v.fault(d.ID, "the summary claims outcomes for %d people, the delivery events hold %d", known, withEvents)
	}
}
