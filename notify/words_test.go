package notify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWords(t *testing.T) {
	o := &Outgoing{Code: "C", Ref: "N-1", Brand: "Shop"}
	for text, want := range map[string]string{
		"": "", "plain": "plain", "[[ref]]": "N-1", "a [[code]][[ref]] b": "a CN-1 b", "[[brand]]: [[name]] [[Ref]] [[ref": "Shop: [[name]] [[Ref]] [[ref",
	} {
		got, missing := ParseWords(text, ShortSlot).Fill(o)
		require.Equal(t, want, got)
		require.Empty(t, missing)
	}
	_, missing := ParseWords("x [[brand]]", ShortSlot).Fill(&Outgoing{})
	require.Equal(t, "brand", missing)
	require.Equal(t, []string{"code", "ref"}, ParseWords("[[code]] [[x]] [[ref]]", ShortSlot).Slots())
}

// Filling is replacing, whatever stands around the slots; a value is never read as a slot again.
func TestFillingIsReplacing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"[[", "]]", "[[ref]]", "[[code]]", "[[other]]", "字", "a", "$1", " "})).Draw(r, "parts")
		text := strings.Join(parts, "")
		o := &Outgoing{Code: "[[ref]]", Ref: rapid.StringMatching(`[a-z$1]{1,5}`).Draw(r, "ref")}
		got, missing := ParseWords(text, ShortSlot).Fill(o)
		require.Empty(r, missing)
		require.Equal(r, strings.NewReplacer("[[ref]]", o.Ref, "[[code]]", o.Code).Replace(text), got)
	})
}
