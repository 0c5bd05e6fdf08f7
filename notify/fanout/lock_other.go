//go:build !unix

package fanout

import (
	"fmt"
	"os"
)

// lockDir opens the lock file; this system has no lock that ends with the process, so keeping two
// processes off one directory is up to who starts them.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal lock: %w", err)
	}
	return f, nil
}
