package notify

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// agrees holds the own scanner to the standard library: what it takes is what that makes of it.
func agrees(t require.TestingT, row string) (taken bool) {
	var own, standard Recipient
	scan := scanner{s: row}
	if !scan.recipient(&own) {
		return false
	}
	require.Nil(t, jsonRowSlowly(row, &standard), row)
	require.Equal(t, standard, own, row)
	return true
}

func TestOwnJSONScannerNeverDiffers(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		r := someRecipient(t)
		r.Deceased, r.Business, r.Safe, r.Role, r.line = false, false, false, "", "" // rare ones are left to the library
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(rapid.Bool().Draw(t, "escape"))
		require.NoError(t, e.Encode(r))
		row := b.Bytes()
		if rapid.Bool().Draw(t, "spread") {
			b.Reset()
			require.NoError(t, json.Indent(&b, row, "", " "))
			row = b.Bytes()
		}
		if agrees(t, string(row)) {
			taken++
		}
		if at := rapid.IntRange(0, len(row)).Draw(t, "cut"); at < len(row) { // damage
			damaged := string(row[:at]) + rapid.SampledFrom([]string{"", "null", `"`, ",", "}", `\u00e`, "x"}).Draw(t, "put") + string(row[at:])
			if utf8.ValidString(damaged) { // other lines are refused before
				agrees(t, damaged)
			}
		}
	})
	require.Positive(t, taken)
	require.True(t, agrees(t, `{"name":"\u59d3\ud83d\ude00\n","minor":null,"emails":["a@example.com"],"push":[{"id":"x"}],"vars":{"a":"b"}}`))
	require.False(t, agrees(t, `{"name":"\ud83d"}`))
}

func FuzzOwnJSONScanner(f *testing.F) {
	for _, s := range []string{`{"person_key":"a","emails":["x"]}`, `{"push":[{"id":"x"}],"minor":true}`, `{"name":"\u00e9\ud83d\ude00"}`, `{"vars":{"a":"b"}} `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, row string) {
		var own Recipient
		if s := (scanner{s: row}); !s.recipient(&own) || !json.Valid([]byte(row)) && bytes.ContainsRune([]byte(row), '\uFFFD') {
			return
		}
		if string([]rune(row)) == row { // lines are UTF-8
			agrees(t, row)
		}
	})
}
