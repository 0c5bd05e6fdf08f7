package browser

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// house is a running demonstration.
type house struct {
	base, incident string
	passwords      map[string]string
}

var (
	addressLine = regexp.MustCompile(`(http://\S+)(/incidents/inc_[0-9a-z]+)`)
	signInLine  = regexp.MustCompile(`([a-z]+)\s+(demo-\S+)$`)
)

// start builds and runs the demonstration, and reads address and sign-ins from what it prints.
func start(t *testing.T, recipients string) house {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tocsin")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", binary, "tocsin/cmd/tocsin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	cmd := exec.Command(binary, "demo", "--recipients", recipients)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	require.NoError(t, cmd.Start())
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = w.Close(); close(gone) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("the demonstration did not stop")
		}
	})
	ready := make(chan house, 1)
	var printed strings.Builder
	go func() {
		h := house{passwords: map[string]string{}}
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			printed.WriteString(lines.Text() + "\n")
			if m := addressLine.FindStringSubmatch(lines.Text()); m != nil {
				h.base, h.incident = m[1], m[2]
			}
			if m := signInLine.FindStringSubmatch(lines.Text()); m != nil {
				h.passwords[m[1]] = m[2]
			}
			if strings.HasPrefix(lines.Text(), "Stop with") {
				ready <- h
			}
		}
		close(ready)
	}()
	select {
	case h, ok := <-ready:
		require.True(t, ok, "the demonstration ended: %s", printed.String())
		return h
	case <-time.After(time.Minute):
		t.Fatal("the demonstration did not begin")
	}
	return house{}
}

// axe is the accessibility checker of the lock file, fetched once and kept in the user's cache.
func axe(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("../../scripts/assets/package-lock.json")
	require.NoError(t, err)
	sum := sha256.Sum256(lock)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "tocsin-test-"+hex.EncodeToString(sum[:6]))
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for _, name := range []string{"package.json", "package-lock.json"} {
			b, err := os.ReadFile("../../scripts/assets/" + name)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
		}
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
