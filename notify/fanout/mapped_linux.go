package fanout

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// mapped is a medium in the kernel's own memory.
type mapped struct{ b []byte }

// openMedium takes the room on disk first. Where the file system cannot, changes are written.
func openMedium(f *os.File, size int) (medium, error) {
	switch err := syscall.Fallocate(int(f.Fd()), 0, 0, int64(size)); {
	case errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS):
		return openWritten(f, size)
	case err != nil:
		return nil, fmt.Errorf("allocate: %w", err)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	return &mapped{b}, f.Close() // the mapping outlives it
}

func (m *mapped) bytes() []byte { return m.b }

func (m *mapped) wrote(int, int) error { return nil }

// Close takes the mapping away; what was written stays in the file.
func (m *mapped) Close() error { return syscall.Munmap(m.b) }
