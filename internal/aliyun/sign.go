package aliyun

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the provider's signature version 1 is HMAC-SHA1
	"encoding/base64"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"
)

// signer makes signature version 1 (channels.md section 1.2). The SDK makes the same one, but asks the runtime
// for a stack trace for each nonce and encodes every parameter three times: half of a call's cost.
type signer struct {
	keyID, region string
	nonce         func() string
	work          sync.Pool // of *signature
}

// signature is the working space of one.
type signature struct {
	mac    hash.Hash
	params []param
	text   []byte // to sign
	sum    []byte
}

// param is one parameter, encoded.
type param struct {
	name string
	pair string // name=value
	form bool   // in the body
}

func newSigner(keyID, keySecret, region string) *signer {
	return &signer{keyID: keyID, region: region, nonce: rand.Text, work: sync.Pool{New: func() any {
		return &signature{mac: hmac.New(sha1.New, []byte(keySecret+"&"))}
	}}}
}

// sign adds what every call carries and gives query and body of a signed POST.
func (s *signer) sign(action, version string, query, form map[string]string, now time.Time) (rawQuery, body string) {
	w := s.work.Get().(*signature)
	defer s.work.Put(w)
	w.params = append(w.params[:0],
		param{name: "Format", pair: "Format=JSON"},
		param{name: "SignatureMethod", pair: "SignatureMethod=HMAC-SHA1"},
		param{name: "SignatureVersion", pair: "SignatureVersion=1.0"},
		param{name: "SignatureType", pair: "SignatureType="}, // sent empty, signed all the same
		param{name: "SignatureNonce", pair: "SignatureNonce=" + s.nonce()})
	w.add("Action", action, false)
	w.add("Version", version, false)
	w.add("AccessKeyId", s.keyID, false)
	w.add("RegionId", s.region, false)
	w.add("Timestamp", stamp(now), false)
	for name, value := range query {
		w.add(name, value, false)
	}
	for name, value := range form {
		w.add(name, value, true)
	}
	return w.make()
}

func (w *signature) add(name, value string, form bool) {
	b := make([]byte, 0, len(name)+1+len(value)+len(value)/2)
	b = append(encode(b, name), '=')
	w.params = append(w.params, param{name: name, pair: string(encode(b, value)), form: form})
}

func (w *signature) make() (rawQuery, body string) {
	slices.SortFunc(w.params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	var q, f strings.Builder
	w.text = append(w.text[:0], "POST&%2F&"...)
	for i, p := range w.params {
		if i > 0 {
			w.text = append(w.text, "%26"...)
		}
		w.text = encode(w.text, p.pair)
		into := &q
		if p.form {
			into = &f
		}
		if into.Len() > 0 {
			into.WriteByte('&')
		}
		into.WriteString(p.pair)
	}
	w.mac.Reset()
	w.mac.Write(w.text)
	w.sum = w.mac.Sum(w.sum[:0])
	q.WriteString("&Signature=")
	q.Write(encode(w.text[:0], base64.StdEncoding.EncodeToString(w.sum)))
	return q.String(), f.String()
}

// encode appends s with every byte but the unreserved ones as %XX.
func encode(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
