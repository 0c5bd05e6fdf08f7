package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"tocsin/templates"
)

// MakeDigest computes what an approval is bound to: the messages, the audience's snapshot root ("" for
// none) and the plan. Who sends computes it again from what is frozen and compares All.
func MakeDigest(messages []templates.Message, audienceRoot, plan string) Digest {
	d := Digest{Messages: templates.Hash(messages), Audience: audienceRoot, Plan: plan}
	d.All = hashJSON(d)
	return d
}

// PlanHash is the hash of the channel plan: the channels in order, who they lead to, and how the release goes.
func PlanHash(channels []string, audience string, total int64, course Course) string {
	return hashJSON(struct {
		Channels []string `json:"channels"`
		Audience string   `json:"audience"`
		Total    int64    `json:"total"`
		Course   Course   `json:"course"`
	}{channels, audience, total, course})
}

// hashJSON is the hex SHA-256 of v's JSON. v is made of strings, numbers, lists and string maps, whose
// encoding is canonical (maps in key order) and cannot fail.
func hashJSON(v any) string {
	sum := sha256.Sum256(mustJSON(v))
	return hex.EncodeToString(sum[:])
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("marshal " + err.Error())
	}
	return b
}
