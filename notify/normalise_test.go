package notify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/seal"
)

func incidentKey(t testing.TB) *seal.Key {
	t.Helper()
	kek, err := seal.LoadKEK(filepath.Join(t.TempDir(), "kek"))
	require.NoError(t, err)
	_, key, err := seal.NewKey(kek, "inc_test")
	require.NoError(t, err)
	return key
}

func TestPhone(t *testing.T) {
	for _, c := range []struct{ in, region, want string }{
		{"13900000001", "", "+8613900000001"},
		{"13900000001", "CN", "+8613900000001"},
		{"+8613900000001", "DE", "+8613900000001"},
		{"008613900000001", "CN", "+8613900000001"},
		{"8613900000001", "CN", "+8613900000001"},
		{"+86 139 0000 0001", "", "+8613900000001"},
		{"139-0000-0001", "", "+8613900000001"},
		{"１３９０００００００１", "", "+8613900000001"},
		{"+852 5123 4567", "", "+85251234567"},
		{"2015550123", "US", "+12015550123"},
		{"12015550123", "US", "+12015550123"},
		{"12000000001", "", ""}, // 120 is no mobile prefix
		{"1390000000", "", ""},
		{"139000000011", "", ""},
		{"", "", ""},
		{"somebody", "", ""},
		{"+8613900000001;ext=5", "", ""},
		{"13900000001\r\nBcc: x", "", ""},
	} {
		got, err := phone(c.in, c.region)
		require.Equalf(t, c.want, got, "%q in %q", c.in, c.region)
		require.Equal(t, c.want == "", err != nil)
	}
}

// TestPhonePrefixesAgreeWithTheLibrary checks the own rule against libphonenumber's data, down to the fifth digit.
func TestPhonePrefixesAgreeWithTheLibrary(t *testing.T) {
	for prefix := 13000; prefix < 20000; prefix++ {
		number := fmt.Sprintf("+86%d000001", prefix)
		_, ours := mainlandMobile(number, "CN")
		n, err := phonenumbers.Parse(number, "CN")
		require.NoError(t, err)
		if ours {
			require.True(t, phonenumbers.IsValidNumber(n), number)
		}
	}
}

// TestOwnPhoneRuleNeverDiffers holds the shortcut to what the library makes of the same text.
func TestOwnPhoneRuleNeverDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`(\+86|0086|86|\+|00|)1[0-9]{9,11}`).Draw(t, "number")
		region := rapid.SampledFrom([]string{"CN", "US", "DE", "HK"}).Draw(t, "region")
		got, ok := mainlandMobile(s, region)
		if !ok {
			return
		}
		n, err := phonenumbers.Parse(s, region)
		if region != "CN" && strings.HasPrefix(s, "0086") {
			n, err = phonenumbers.Parse("+"+s[2:], region) // 00 is not every region's way to dial out
		}
		require.NoError(t, err)
		require.Equal(t, phonenumbers.Format(n, phonenumbers.E164), got)
	})
}

func TestEmail(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"someone@example.com", "someone@example.com"},
		{"Some.One+tag@EXAMPLE.com", "Some.One+tag@example.com"},
		{"someone@例子.example", "someone@xn--fsqu00a.example"},
		{"Some One <someone@example.com>", ""},
		{"<someone@example.com>", ""},
		{"someone@example.com\r\nBcc: other@example.com", ""},
		{"someone@example.com,other@example.com", ""},
		{"someone@localhost", ""},
		{"someone@example..com", ""},
		{"someone@", ""},
		{"@example.com", ""},
		{"someone", ""},
		{strings.Repeat("a", 65) + "@example.com", ""},
		{"", ""},
	} {
		got, err := email(c.in)
		require.Equalf(t, c.want, got, "%q", c.in)
		require.Equal(t, c.want == "", err != nil)
	}
}

func TestNormalise(t *testing.T) {
	ok := `{"person_key":" u-1 ","name":"Example Person","locale":"zh_cn","jurisdiction":"cn-sh","zone":"Asia/Shanghai",
		"emails":["a@EXAMPLE.com"],"phones":["139 0000 0001"],"push":[{"provider":"","target":"","id":"dev-1"}],
		"data":["name"],"channels":["sms","email"],"burnt":["push"],"vars":{"ref":"7"}}`
	var r Recipient
	require.Nil(t, jsonRow(ok, &r))
	require.Nil(t, newNormaliser().normalise(&r))
	require.Equal(t, Recipient{
		PersonKey: "u-1", Name: "Example Person", Locale: "zh-Hans", Jurisdiction: "CN-SH", Zone: "Asia/Shanghai",
		Emails: []string{"a@example.com"}, Phones: []string{"+8613900000001"},
		Push: []PushTarget{{Provider: "aliyun", Target: "DEVICE", ID: "dev-1"}},
		Data: []string{"name"}, Channels: []string{"sms", "email"}, Burnt: []string{"push"}, Vars: map[string]string{"ref": "7"},
	}, r)

	for _, c := range []struct{ row, pointer, rule string }{
		{`{}`, "", "identity"},
		{`{"name":"x"}`, "", "identity"},
		{`{"person_key":"a\nb"}`, "/person_key", "one-line"},
		{`{"person_key":"a\u0000b"}`, "/person_key", "control"},
		{`{"person_key":"a","jurisdiction":"China"}`, "/jurisdiction", "iso-3166"},
		{`{"emails":["nobody","nobody@"]}`, "/emails/0", "email"},
		{`{"person_key":"a","emails":["nobody"],"phones":["1"]}`, "/emails/0", "email"},
		{`{"person_key":"a","emails":["a@example.com"],"guardians":[{"name":"Parent"},{"phones":["1"]}]}`, "/guardians/0", "address"},
		{`{"phones":["12"]}`, "/phones/0", "phone"},
		{`{"push":[{"provider":"aliyun","target":"ALL","id":"x"}]}`, "/push/0/target", "enum"},
		{`{"push":[{"provider":"aliyun","target":"DEVICE","id":"a,b"}]}`, "/push/0/id", "push-id"},
		{`{"person_key":"a","channels":["fax"]}`, "/channels/0", "channel"},
		{`{"person_key":"a","burnt":["sms","sms"]}`, "/burnt/1", "channel"},
		{`{"person_key":"a","data":["Not A Kind"]}`, "/data/0", "data-kind"},
		{`{"person_key":"a","vars":{"Bad Name":"x"}}`, "/vars", "name"},
		{`{"person_key":"a","guardians":[{"phones":["1"]}]}`, "/guardians/0/phones/0", "phone"},
		{`{"person_key":"a","surname":"x"}`, "/surname", "unknown-field"},
		{`{"person_key":"a","who@example.com":"x"}`, "", "unknown-field"},
		{`{"person_key":7}`, "/person_key", "type"},
		{`{"person_key":"a"} {"person_key":"b"}`, "", "json"},
		{`{"person_key":`, "", "json"},
		{`[]`, "", "type"},
	} {
		var r Recipient
		p := jsonRow(c.row, &r)
		if p == nil {
			p = newNormaliser().normalise(&r)
		}
		require.NotNilf(t, p, c.row)
		require.Equalf(t, []string{c.pointer, c.rule}, []string{p.Pointer, p.Rule}, c.row)
	}
}

func TestLocale(t *testing.T) {
	for in, want := range map[string]string{
		"zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-Hans-SG": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant",
		"en": "en", "EN-us": "en-US", "iw": "he",
	} {
		got, ok := locale(in)
		require.True(t, ok, in)
		require.Equal(t, want, got, in)
	}
}

// TestIdentity holds that only the key or the first address says who somebody is.
func TestIdentity(t *testing.T) {
	key := incidentKey(t)
	id := func(r Recipient) string {
		all, known := indexes(nil, key.Hasher(), &r)
		require.True(t, known)
		return string(all[0][:])
	}
	shared := []string{"family@example.com"}
	require.NotEqual(t, id(Recipient{PersonKey: "a", Emails: shared}), id(Recipient{PersonKey: "b", Emails: shared}))
	require.Equal(t, id(Recipient{PersonKey: "a", Emails: shared}), id(Recipient{PersonKey: "a"}))
	require.NotEqual(t, id(Recipient{PersonKey: "a", Emails: shared}), id(Recipient{Emails: shared}))
	require.Equal(t, id(Recipient{Emails: shared, Phones: []string{"+8613900000001"}}), id(Recipient{Emails: shared}))
	require.NotEqual(t, id(Recipient{Emails: []string{"A@example.com"}}), id(Recipient{Emails: []string{"a@example.com"}}))
	_, known := indexes(nil, key.Hasher(), &Recipient{Name: "x"})
	require.False(t, known)
}

func TestSearchIndexFindsWhatAnImportKept(t *testing.T) {
	key := incidentKey(t)
	r := Recipient{PersonKey: "u-1", Emails: []string{"Some.One@EXAMPLE.com"}, Phones: []string{"139 0000 0001"}, Push: []PushTarget{{ID: "dev-1"}}}
	require.Nil(t, newNormaliser().normalise(&r))
	kept := map[string]bool{}
	all, _ := indexes(nil, key.Hasher(), &r)
	for _, b := range all {
		kept[string(b[:])] = true
	}
	finds := func(person, address string) bool {
		for _, i := range SearchIndex(key, person, address) {
			if kept[string(i[:indexSize])] {
				return true
			}
		}
		return false
	}
	require.True(t, finds(" u-1", ""))
	for _, address := range []string{"some.one@example.com", "13900000001", "+86 139-0000-0001", "dev-1"} {
		require.True(t, finds("", address), address)
	}
	require.False(t, finds("u-2", "other@example.com"))
	require.False(t, finds("", "u-1"), "a key is no address")
	require.Empty(t, SearchIndex(key, " ", " "))
}

func TestZoneDataIsThere(t *testing.T) {
	_, ok := zone("Asia/Shanghai")
	require.True(t, ok, "no time zone data: "+os.Getenv("ZONEINFO"))
}
