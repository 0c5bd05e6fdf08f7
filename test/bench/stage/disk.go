//go:build unix

package stage

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Disk is how many bytes the stopped installation takes, without the database's free pages.
func (h *House) Disk() (total int64, err error) {
	err = filepath.WalkDir(h.Dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		if filepath.Base(name) == "tocsin.db" {
			free, err := freePages(name)
			total -= free
			return err
		}
		return nil
	})
	return total, err
}

// freePages is the bytes of pages that a database holds without using them, as its header tells.
func freePages(name string) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	var head [100]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, fmt.Errorf("read database header: %w", err)
	}
	size := int64(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 65536
	}
	return size * int64(binary.BigEndian.Uint32(head[36:])), nil
}
