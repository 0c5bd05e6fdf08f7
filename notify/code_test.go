package notify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/seal"
)

// plainKEK wraps nothing; tests need keys, not secrets.
type plainKEK struct{}

func (plainKEK) Wrap(k, _ []byte) ([]byte, error)   { return k, nil }
func (plainKEK) Unwrap(w, _ []byte) ([]byte, error) { return w, nil }

func testKey(t require.TestingT) *seal.Key {
	key, err := seal.OpenKey(plainKEK{}, "acme", []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	return key
}

func TestCodesComeBack(t *testing.T) {
	c := NewCodec(testKey(t))
	rapid.Check(t, func(t *rapid.T) {
		no := rapid.Int64Range(0, maxDispatchNo-1).Draw(t, "no")
		seq := rapid.Int64Range(0, maxSeq-1).Draw(t, "seq")
		code := c.Code(no, seq)
		require.Len(t, code, 13)
		typed := strings.ToLower(code[:4] + "-" + code[4:8] + " " + code[8:])
		typed = strings.NewReplacer("0", "o", "1", "l").Replace(typed)
		gotNo, gotSeq, ok := c.ParseCode(typed)
		require.True(t, ok)
		require.Equal(t, []int64{no, seq}, []int64{gotNo, gotSeq})
	})
}

func TestCodesCatchTypos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64Range(0, 1<<60-1).Draw(t, "v")
		i := rapid.IntRange(0, codeLen-1).Draw(t, "i")
		j := rapid.IntRange(0, codeLen-1).Draw(t, "j")
		d := rapid.Uint64Range(1, 31).Draw(t, "d")
		require.NotEqual(t, checkSymbol(v), checkSymbol(v^d<<(5*i)), "one wrong symbol")
		a, b := v>>(5*i)&31, v>>(5*j)&31
		if a != b {
			swapped := v&^(31<<(5*i))&^(31<<(5*j)) | b<<(5*i) | a<<(5*j)
			require.NotEqual(t, checkSymbol(v), checkSymbol(swapped), "two symbols changed places")
		}
		last := v & 31
		if check := checkSymbol(v); uint64(check) != last {
			require.NotEqual(t, byte(last), checkSymbol(v&^31|uint64(check)), "last and check symbol changed places")
		}
	})
}

func TestCodesAreNotGuessed(t *testing.T) {
	c := NewCodec(testKey(t))
	hits := 0
	for v := range uint64(100_000) { // any 60-bit value with a right check symbol
		if c.unpermute(v*11529215046068)&0xffff == 0 {
			hits++
		}
	}
	require.Less(t, hits, 12, "about 1 in 65,536 passes, before dispatch and recipient must exist")
	for _, bad := range []string{"", "U", strings.Repeat("0", 13), strings.Repeat("9", 400), "七七七七", c.Code(1, 2) + "0"} {
		_, _, ok := c.ParseCode(bad)
		require.False(t, ok, bad)
	}
}

func TestOutIDsAreAuthentic(t *testing.T) {
	c := NewCodec(testKey(t))
	rapid.Check(t, func(t *rapid.T) {
		no := rapid.Int64Range(0, maxDispatchNo-1).Draw(t, "no")
		seq := rapid.Int64Range(0, maxSeq-1).Draw(t, "seq")
		channel := rapid.SampledFrom([]string{"email", "sms", "push"}).Draw(t, "channel")
		address := rapid.IntRange(0, maxAddresses).Draw(t, "address")
		id := c.OutIDAt(no, seq, channel, address)
		require.Equal(t, address == 0, id == c.OutID(no, seq, channel), "each address has an id of its own")
		require.LessOrEqual(t, len(id), 40)
		require.Regexp(t, `^[a-z0-9.]+$`, id)
		gotNo, gotSeq, gotChannel, gotAddress, ok := c.ParseOutID(strings.ToUpper(id))
		require.True(t, ok)
		require.Equal(t, no, gotNo)
		require.Equal(t, seq, gotSeq)
		require.Equal(t, channel, gotChannel)
		require.Equal(t, address, gotAddress)

		at := rapid.IntRange(0, len(id)-1).Draw(t, "at")
		to := rapid.SampledFrom([]byte("abcdefghijklmnopqrstuvwxyz234567.")).Draw(t, "to")
		if id[at] != to {
			_, _, _, _, ok = c.ParseOutID(id[:at] + string(to) + id[at+1:])
			require.False(t, ok, "one character changed")
		}
	})
}

func FuzzParseCode(f *testing.F) {
	c := NewCodec(testKey(f))
	f.Add(c.Code(7, 11))
	f.Add("O0I1-L")
	f.Fuzz(func(t *testing.T, s string) {
		if no, seq, ok := c.ParseCode(s); ok {
			require.Equal(t, c.Code(no, seq), strings.Map(canonical, s))
		}
		_, _, _, _, _ = c.ParseOutID(s)
	})
}

func canonical(r rune) rune {
	if r == ' ' || r == '-' {
		return -1
	}
	return rune(crockford[symbol(byte(r))])
}
