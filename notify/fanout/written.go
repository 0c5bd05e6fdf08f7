package fanout

import (
	"fmt"
	"os"
)

// written is a medium that writes each change: for systems, and file systems, that cannot promise to have
// room for what is mapped.
type written struct {
	f *os.File
	b []byte
}

func openWritten(f *os.File, size int) (medium, error) {
	w := &written{f, make([]byte, size)}
	return w, w.wrote(0, size)
}

func (w *written) bytes() []byte { return w.b }

func (w *written) wrote(from, to int) error {
	if _, err := w.f.WriteAt(w.b[from:to], int64(from)); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// Close closes the file.
func (w *written) Close() error { return w.f.Close() }
