package fanout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// holder is the process that a journal directory belongs to, under the name it claims ranges with.
type holder struct {
	owner string
	boot  string // of the machine; "" when it cannot tell
}

const holderFile = "owner"

// sure reports whether the journal holds all that the process wrote: a record survives the death of its
// process in the kernel's memory, and that of the machine perhaps not.
func (h *holder) sure() bool { return h.boot != "" && h.boot == boot() }

// boot names the time since the machine was started. Only Linux tells.
func boot() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// readHolder is who had the directory last; nil when nobody had.
func readHolder(dir string) (*holder, error) {
	b, err := os.ReadFile(filepath.Join(dir, holderFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read owner of journal: %w", err)
	}
	owner, boot, whole := strings.Cut(string(b), "\n")
	if !whole || owner == "" {
		return nil, nil // the machine died while it was being written: leases run out instead
	}
	return &holder{owner, strings.TrimSpace(boot)}, nil
}

func writeHolder(dir string, h holder) error {
	name := filepath.Join(dir, holderFile)
	if err := os.WriteFile(name+".new", []byte(h.owner+"\n"+h.boot+"\n"), 0o600); err != nil {
		return fmt.Errorf("write owner of journal: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("write owner of journal: %w", err)
	}
	return nil
}
