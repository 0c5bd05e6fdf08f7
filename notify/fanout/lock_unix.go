//go:build unix

package fanout

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockDir takes a lock file that the kernel frees when the process ends, however it ends.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("journal directory is in use by another process: %w", err), f.Close())
	}
	return f, nil
}
