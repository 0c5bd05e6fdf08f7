package tencent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"time"
)

const (
	contentType = "application/json; charset=utf-8"
	signed      = "content-type;host"
	algorithm   = "TC3-HMAC-SHA256"
)

// signer makes signatures of the third version. The key of a day is derived once.
type signer struct {
	secretID, secretKey, service, host string

	mu  sync.Mutex
	day string
	key []byte
}

// authorization is the header of a POST of body at an instant.
func (s *signer) authorization(body []byte, at time.Time) string {
	at = at.UTC()
	day := at.Format(time.DateOnly)
	scope := day + "/" + s.service + "/tc3_request"
	canonical := "POST\n/\n\ncontent-type:" + contentType + "\nhost:" + s.host + "\n\n" + signed + "\n" + hash(body)
	text := algorithm + "\n" + strconv.FormatInt(at.Unix(), 10) + "\n" + scope + "\n" + hash([]byte(canonical))
	return algorithm + " Credential=" + s.secretID + "/" + scope + ", SignedHeaders=" + signed +
		", Signature=" + hex.EncodeToString(mac(s.dayKey(day), text))
}

func (s *signer) dayKey(day string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.day != day {
		s.day, s.key = day, mac(mac(mac([]byte("TC3"+s.secretKey), day), s.service), "tc3_request")
	}
	return s.key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
