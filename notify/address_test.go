package notify

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"
	"pgregory.net/rapid"
)

// TestOwnEmailRuleNeverDiffers holds the shortcut to what the libraries make of the same text.
func TestOwnEmailRuleNeverDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-zA-Z0-9.!#'+_-]{1,5}@([a-zA-Z0-9-]{0,5}\.){0,3}[a-zA-Z0-9-]{0,4}`).Draw(t, "address")
		plain, _ := plainEmail(s)
		if !plain {
			return
		}
		got, err := email(s)
		require.NoError(t, err)
		a, err := mail.ParseAddress(s)
		require.NoError(t, err)
		at := strings.LastIndexByte(a.Address, '@')
		domain, err := idna.Lookup.ToASCII(a.Address[at+1:])
		require.NoError(t, err)
		require.Equal(t, a.Address[:at+1]+strings.ToLower(domain), got)
	})
}

func TestAddressesOfTheWorld(t *testing.T) {
	for in, want := range map[string]string{
		"用户@例子.example":             "用户@xn--fsqu00a.example",
		"Ü@MÜNCHEN.example":         "Ü@xn--mnchen-3ya.example",
		"a@mu\u0308nchen.example":   "a@xn--mnchen-3ya.example", // decomposed
		"a@xn--mnchen-3ya.example":  "a@xn--mnchen-3ya.example",
		"a@xn--zz-invalid-.example": "",
		"a@-bad.example":            "",
	} {
		got, _ := email(in)
		require.Equal(t, want, got, in)
	}
	for _, c := range []struct {
		provider, id string
		ok           bool
	}{
		{"aliyun", "dev-1", true}, {"aliyun", strings.Repeat("a", 129), false}, {"aliyun", "a b", false},
		{"fcm", strings.Repeat("a", 150) + ":APA91-_", true}, {"fcm", "short", false}, {"fcm", strings.Repeat("a", 30) + "!", false},
		{"apns", strings.Repeat("0f", 32), true}, {"apns", strings.Repeat("0g", 32), false}, {"Bad Name", "x", false},
	} {
		p := pushTarget(&PushTarget{Provider: c.provider, ID: c.id}, "/push/0")
		require.Equal(t, c.ok, p == nil, c.provider+" "+c.id)
	}
}

func TestRegions(t *testing.T) {
	for in, want := range map[string]string{"cn": "CN", "CN-SH": "CN-SH", "cn-xj": "CN-XJ", "DE-BY": "DE-BY", "US-CA": "US-CA", "GB": "GB"} {
		got, ok := region(in)
		require.True(t, ok, in)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"ZZ", "XX", "CN-ZZ", "CN-31", "EU", "China", "DE-", "DE-BAYERN", "156", "UK"} {
		_, ok := region(in)
		require.False(t, ok, in)
	}
}
