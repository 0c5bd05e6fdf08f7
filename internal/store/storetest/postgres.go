package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/store"
)

// Main runs a package's tests and ends the PostgreSQL server that they may have started:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	if shared.server != nil {
		shared.server.stop()
	}
	return code
}

// shared is the one server of a test binary, started by the first test that asks, and in it the database
// that the others are copied from.
var shared struct {
	once, migrated sync.Once
	server         *server
	err            error
	count          atomic.Int64
}

func emptyPostgres(t testing.TB, options ...Option) store.Options {
	t.Helper()
	return createDatabase(t, "template0", options)
}

func copiedPostgres(t testing.TB, options ...Option) store.Options {
	t.Helper()
	theServer(t)
	shared.migrated.Do(func() {
		shared.server.exec(t, "CREATE DATABASE migrated")
		migrate(t, store.Options{Driver: "postgres", DSN: shared.server.dsn("migrated")})
	})
	return createDatabase(t, "migrated", options)
}

// createDatabase leaves its database to the end of the server: dropping each costs more than all else.
func createDatabase(t testing.TB, template string, options []Option) store.Options {
	t.Helper()
	s := theServer(t)
	name := fmt.Sprintf("tocsin_%d", shared.count.Add(1))
	s.exec(t, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy")
	return with(t, store.Options{Driver: "postgres", DSN: s.dsn(name)}, options)
}

func theServer(t testing.TB) *server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = startServer() })
	require.NoError(t, shared.err, "these tests need a PostgreSQL server's binaries: apt-get install postgresql")
	return shared.server
}

// server is a PostgreSQL on a port of the loopback, with its data in a directory of its own.
type server struct {
	dir     string
	port    int
	process *exec.Cmd
	life    io.Closer // the server ends when this pipe closes, however the test binary ends
}

func (s *server) dsn(database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=tocsin dbname=%s sslmode=disable", s.port, database)
}

func (s *server) exec(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", s.dsn("postgres"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statement)
	require.NoError(t, err)
}

func (s *server) stop() {
	_ = s.life.Close()
	_ = s.process.Wait() // it was told to end; nothing is kept
	_ = os.RemoveAll(s.dir)
}

func startServer() (*server, error) {
	binaries, err := findBinaries()
	if err != nil {
		return nil, err
	}
	s := &server{}
	if s.dir, err = os.MkdirTemp("", "tocsin-postgres-"); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	// PostgreSQL refuses to run as root, so it runs as the user of its package then.
	identity, err := unprivileged(s.dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(binaries, "initdb"), "-D", data, "-U", "tocsin", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = identity, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.start(filepath.Join(binaries, "postgres"), data, identity); err != nil {
		return nil, err
	}
	return s, nil
}

// script runs the server and ends it when standard input does.
const script = `"$0" "$@" <&- & server=$!; read -r _; kill -INT $server; wait $server`

func (s *server) start(postgres, data string, identity *syscall.SysProcAttr) error {
	s.process = exec.Command("/bin/sh", "-c", script, postgres, "-D", data, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir,
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200")
	s.process.SysProcAttr, s.process.Dir = identity, s.dir
	var log bytes.Buffer
	s.process.Stdout, s.process.Stderr = &log, &log
	life, err := s.process.StdinPipe()
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.life = life
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	db, err := sql.Open("pgx", s.dsn("postgres"))
	if err != nil {
		return fmt.Errorf("reach postgres: %w", err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for db.PingContext(ctx) != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.stop()
			return fmt.Errorf("postgres does not answer:\n%s", log.String())
		}
	}
	return nil
}

// findBinaries is where Debian keeps the newest server, else where the path leads to one.
func findBinaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("find initdb: %w", err)
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("no initdb in /usr/lib/postgresql/*/bin or on the path")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", fmt.Errorf("find initdb: %w", err)
	}
	return filepath.Dir(path), nil
}

// unprivileged gives the directory to the user postgres when we are root; otherwise we stay who we are.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("find user postgres: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("read user postgres: %w", err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("read user postgres: %w", err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, fmt.Errorf("give data directory to postgres: %w", err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
