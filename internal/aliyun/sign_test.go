package aliyun

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/utils"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func signed(t require.TestingT, s *signer, action, version string, query, form map[string]string, at time.Time) (q, f url.Values) {
	var run []byte
	for i, name := range slices.Sorted(maps.Keys(form)) {
		run = append(encode(append(run, "&"[:min(i, 1)]...), name), '=')
		run = encode(run, form[name])
	}
	q, err := url.ParseQuery(s.sign(action, version, query, run, at))
	require.NoError(t, err)
	f, err = url.ParseQuery(string(run))
	require.NoError(t, err)
	return q, f
}

// The vector of channels.md section 1.2, which two programs computed.
func TestSignatureVector(t *testing.T) {
	s := newSigner("testid", "testsecret", "cn-hangzhou")
	s.nonce = func() string { return "45e25e9b-0a6f-4070-8c85-2956eda1b466" }
	q, f := signed(t, s, "SendSms", "2017-05-25", map[string]string{"PhoneNumbers": "13900000000", "SignName": "测试 签名*~+", "TemplateCode": "SMS_1",
		"TemplateParam": `{"ref":"A B&=/~*"}`, "OutId": "o-1"}, nil, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	require.Empty(t, f)
	require.Equal(t, "oYNg4B1F0xlJMcSlRaof+R2W4F0=", q.Get("Signature"))
	require.Equal(t, "测试 签名*~+", q.Get("SignName"))
	require.True(t, q.Has("SignatureType"))
}

// Whatever the parameters hold, wherever they stand: they arrive as they were, and the signature is the one that
// the SDK's own functions make of what arrived.
func TestSignatureIsTheSDKs(t *testing.T) {
	s := newSigner("id", "secret", "cn-hangzhou")
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("a +*~%&=/字\n"))))
	params := rapid.MapOfN(rapid.StringMatching(`[qf][A-Za-z0-9.]{1,8}`), text, 0, 8)
	rapid.Check(t, func(r *rapid.T) {
		query, form := map[string]string{}, map[string]string{}
		for name, v := range params.Draw(r, "params") {
			into := query
			if name[0] == 'f' {
				into = form
			}
			into[name] = v
		}
		q, f := signed(r, s, "A", "V", query, form, time.Now())
		all := map[string]string{}
		for _, values := range []url.Values{q, f} {
			for name := range values {
				all[name] = values.Get(name)
			}
		}
		for name, v := range query {
			require.Equal(r, v, q.Get(name))
		}
		for name, v := range form {
			require.Equal(r, v, f.Get(name))
		}
		got := all["Signature"]
		rest := maps.Clone(all)
		delete(rest, "Signature")
		form1 := strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(utils.GetUrlFormedMap(rest))
		require.Equal(r, utils.ShaHmac1("POST&%2F&"+url.QueryEscape(form1), "secret&"), got)
	})
}
