package aliyun

import (
	"bytes"
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
	pairs  []byte // what the parameters are slices of
	text   []byte // to sign
	sum    []byte
}

// param is one parameter, encoded, or a run of them in the order of their names that no other parts.
type param struct {
	name string // of a run the first
	pair []byte // name=value, in a run joined by &
	form bool   // in the body
}

func newSigner(keyID, keySecret, region string) *signer {
	return &signer{keyID: keyID, region: region, nonce: rand.Text, work: sync.Pool{New: func() any {
		return &signature{mac: hmac.New(sha1.New, []byte(keySecret+"&"))}
	}}}
}

// sign adds what every call carries and gives the query of a signed POST. run are parameters of the body that
// stand in order already, encoded.
func (s *signer) sign(action, version string, query map[string]string, run []byte, now time.Time) (rawQuery string) {
	w := s.work.Get().(*signature)
	defer s.work.Put(w)
	w.params, w.pairs = w.params[:0], w.pairs[:0]
	w.add("Format", "JSON")
	w.add("SignatureMethod", "HMAC-SHA1")
	w.add("SignatureVersion", "1.0")
	w.add("SignatureType", "") // sent empty, signed all the same
	w.add("SignatureNonce", s.nonce())
	w.add("Action", action)
	w.add("Version", version)
	w.add("AccessKeyId", s.keyID)
	w.add("RegionId", s.region)
	w.add("Timestamp", stamp(now))
	for name, value := range query {
		w.add(name, value)
	}
	if len(run) > 0 {
		first, _, _ := bytes.Cut(run, []byte{'='})
		w.params = append(w.params, param{name: string(first), pair: run, form: true})
	}
	return w.make()
}

func (w *signature) add(name, value string) {
	from := len(w.pairs)
	w.pairs = append(encode(w.pairs, name), '=')
	w.pairs = encode(w.pairs, value)
	w.params = append(w.params, param{name: name, pair: w.pairs[from:]}) // a slice stays good when pairs grows
}

func (w *signature) make() (rawQuery string) {
	slices.SortFunc(w.params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	q := make([]byte, 0, len(w.pairs)+len(w.params)+len("&Signature=")+3*sha1.Size)
	w.text = append(w.text[:0], "POST&%2F&"...)
	for i, p := range w.params {
		if i > 0 {
			w.text = append(w.text, "%26"...)
		}
		w.text = encode(w.text, p.pair)
		if !p.form {
			q = append(append(q, p.pair...), '&')
		}
	}
	w.mac.Reset()
	w.mac.Write(w.text)
	w.sum = w.mac.Sum(w.sum[:0])
	q = append(q, "Signature="...)
	return string(encode(q, base64.StdEncoding.EncodeToString(w.sum)))
}

// plain are the bytes that stand for themselves in an encoded text.
var plain = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~" {
		t[c] = true
	}
	return t
}()

// encode appends s with every byte but the plain ones as %XX. It goes byte by byte: runs of plain ones are too short
// for a copy of each to pay.
func encode[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789ABCDEF"
	b = slices.Grow(b, 3*len(s))
	to, n := b[len(b):len(b)+3*len(s)], 0
	for i := range len(s) {
		c := s[i]
		if plain[c] {
			to[n] = c
			n++
			continue
		}
		to[n], to[n+1], to[n+2] = '%', hex[c>>4], hex[c&15]
		n += 3
	}
	return b[:len(b)+n]
}
