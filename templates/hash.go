package templates

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Hash is the hex SHA-256 over the messages in order of (channel, locale), their slot schema and the
// renderer version: what an approval is bound to. The offline verifier computes it again from the frozen
// messages, so its form must not change: the JSON object {"renderer": …, "messages": […]}.
func Hash(messages []Message) string {
	sorted := slices.Clone(messages)
	slices.SortStableFunc(sorted, func(a, b Message) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Locale, b.Locale))
	})
	return digest(struct {
		Renderer string    `json:"renderer"`
		Messages []Message `json:"messages"` // each with its slots
	}{RendererVersion, sorted})
}

// digest hashes canonical JSON: struct fields in order, map keys sorted.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("marshal for digest: " + err.Error()) // strings, bools and string maps always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
