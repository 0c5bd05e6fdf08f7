// Package seal keeps personal data unreadable at rest: one data key per incident wrapped by a
// key-encryption key, authenticated encryption, blind indexes, salts, and shredding by forgetting a
// wrapped key.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// KEK wraps and unwraps data keys: a key file in embedded mode, a KMS or mounted secret in production.
type KEK interface {
	Wrap(dataKey, aad []byte) ([]byte, error)
	Unwrap(wrapped, aad []byte) ([]byte, error)
}

// ErrOpen is returned when sealed bytes were made under another key or for another place.
var ErrOpen = errors.New("sealed value does not open")

const keySize = 32

// FileKEK is a key-encryption key read from a file of mode 0600.
type FileKEK struct{ aead cipher.AEAD }

// LoadKEK reads the key file at path, or creates it with fresh random bytes when it is not there.
// It refuses a file that others may read.
func LoadKEK(path string) (*FileKEK, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return createKEK(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s is readable by others: chmod 600 it", path)
	}
	return newFileKEK(raw)
}

func createKEK(path string) (*FileKEK, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create key directory: %w", err)
	}
	raw := make([]byte, keySize)
	rand.Read(raw)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write key file: %w", err)
	}
	return newFileKEK(raw)
}

func newFileKEK(raw []byte) (*FileKEK, error) {
	if len(raw) != keySize {
		return nil, fmt.Errorf("key file holds %d bytes, want %d", len(raw), keySize)
	}
	a, err := newAEAD(raw)
	if err != nil {
		return nil, err
	}
	return &FileKEK{aead: a}, nil
}

// Wrap encrypts a data key for the place named by aad.
func (k *FileKEK) Wrap(dataKey, aad []byte) ([]byte, error) {
	return k.aead.Seal(nil, nil, dataKey, aad), nil //nolint:gosec // G407: the cipher draws its own random nonce
}

// Unwrap decrypts a data key that was wrapped for the same aad.
func (k *FileKEK) Unwrap(wrapped, aad []byte) ([]byte, error) {
	raw, err := k.aead.Open(nil, nil, wrapped, aad)
	if err != nil {
		return nil, ErrOpen
	}
	return raw, nil
}

// Key is one data key and what is derived from it. It is safe for concurrent use.
type Key struct {
	aead               cipher.AEAD
	index, salt, codes []byte
}

// NewKey makes a data key for owner (an incident id or an operator id) and its wrapped form.
func NewKey(kek KEK, owner string) (wrapped []byte, key *Key, err error) {
	raw := make([]byte, keySize)
	rand.Read(raw)
	if wrapped, err = kek.Wrap(raw, []byte(owner)); err != nil {
		return nil, nil, fmt.Errorf("wrap data key: %w", err)
	}
	key, err = derive(raw)
	return wrapped, key, err
}

// OpenKey unwraps owner's data key.
func OpenKey(kek KEK, owner string, wrapped []byte) (*Key, error) {
	raw, err := kek.Unwrap(wrapped, []byte(owner))
	if err != nil {
		return nil, fmt.Errorf("unwrap data key: %w", err)
	}
	return derive(raw)
}

func derive(raw []byte) (*Key, error) {
	sub := func(use string) ([]byte, error) {
		return hkdf.Key(sha256.New, raw, nil, "tocsin/"+use, keySize)
	}
	enc, err := sub("seal")
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	k := &Key{}
	if k.aead, err = newAEAD(enc); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		use string
		to  *[]byte
	}{{"index", &k.index}, {"salt", &k.salt}, {"codes", &k.codes}} {
		if *d.to, err = sub(d.use); err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
	}
	return k, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return a, nil
}

// Seal encrypts plain for one place, such as "fact/inc_…". Overhead is 28 bytes.
func (k *Key) Seal(place string, plain []byte) []byte {
	return k.aead.Seal(nil, nil, plain, []byte(place)) //nolint:gosec // G407: the cipher draws its own random nonce
}

// Open decrypts what Seal made for the same place, or returns ErrOpen.
func (k *Key) Open(place string, sealed []byte) ([]byte, error) {
	return k.AppendOpen(nil, place, sealed)
}

// AppendOpen appends what was sealed to dst, which it gives back as it was when it cannot be opened.
func (k *Key) AppendOpen(dst []byte, place string, sealed []byte) ([]byte, error) {
	plain, err := k.aead.Open(dst, nil, sealed, []byte(place))
	if err != nil {
		return dst, fmt.Errorf("%s: %w", place, ErrOpen)
	}
	return plain, nil
}

// Index is the blind index (16 bytes) of a value within a field: equal values give equal bytes,
// only under this key.
func (k *Key) Index(field, value string) []byte {
	return mac(k.index, field, value)[:16]
}

// Salt is the ledger salt of entry seq: HMAC(key, seq).
func (k *Key) Salt(seq int64) []byte {
	return mac(k.salt, "", string(binary.BigEndian.AppendUint64(nil, uint64(seq))))
}

// Leaf is a keyed commitment (32 bytes) to bytes that must not be guessable, such as a recipient.
func (k *Key) Leaf(b []byte) []byte { return mac(k.salt, "leaf", string(b)) }

// Codes is the key of the permutation behind the notice check codes.
func (k *Key) Codes() []byte { return k.codes }

func mac(key []byte, field, value string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(field))
	h.Write([]byte{0})
	h.Write([]byte(value))
	return h.Sum(nil)
}
