package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock makes sure that one process owns an embedded installation; the kernel frees it if that process dies.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is held by another tocsin process: stop it, or choose another --data", path), f.Close())
	}
	return f.Close, nil
}
