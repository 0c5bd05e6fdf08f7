package obligation

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// OpenBundle compiles a rule set from its frozen form, such as an earlier program left behind. An error
// means that today's engine does not read these rules any more, or that they are not what they were.
func OpenBundle(bundle []byte) (*Engine, error) {
	var texts map[string]string
	if err := json.Unmarshal(bundle, &texts); err != nil {
		return nil, fmt.Errorf("read rule bundle: %w", err)
	}
	// The standard library's file system over bytes is an archive.
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for _, name := range sortedKeys(texts) {
		f, err := w.Create(name)
		if err != nil {
			return nil, fmt.Errorf("open rule bundle: %w", err)
		}
		if _, err := f.Write([]byte(texts[name])); err != nil {
			return nil, fmt.Errorf("open rule bundle: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("open rule bundle: %w", err)
	}
	tree, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		return nil, fmt.Errorf("open rule bundle: %w", err)
	}
	engine, err := Open(tree)
	if err != nil {
		return nil, fmt.Errorf("compile rule bundle: %w", err)
	}
	if sum := sha256.Sum256(bundle); engine.Version() != hex.EncodeToString(sum[:]) {
		return nil, errors.New("compile rule bundle: it does not give the version it is kept under")
	}
	return engine, nil
}
