package acceptance

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"tocsin/internal/store/storetest"
)

// stopLimit is how long a clean stop may take.
const stopLimit = 20 * time.Second

// cluster is an installation in production mode: several processes on a PostgreSQL and a NATS server. Its
// house asks the first serve process.
type cluster struct {
	*house
	whole   *testing.T // processes last as long as it
	doors   []*process
	addrs   []string
	workers []*process
	rooms   []string // the workers' own data directories
	nats    string   // URL
	broker  *process
	again   func() *process // starts the broker anew, on what it stored
}

func newCluster(t *testing.T, dsn string, doors, workers int) *cluster {
	c := &cluster{whole: t, house: &house{t: t, data: t.TempDir()}}
	c.nats, c.again = natsServer(t)
	c.broker = c.again()
	ca := filepath.Join(t.TempDir(), "sim.pem")
	_, sim := start(t, nil, []string{"http", "smtp"}, "simulator", "--ca", ca)
	c.simulator = sim["http"]
	c.env = []string{
		"TOCSIN_DATABASE__DRIVER=postgres", "TOCSIN_DATABASE__DSN=" + dsn, "TOCSIN_BUS__URL=" + c.nats, "TOCSIN_LEASE=2s",
		"TOCSIN_KEY_FILE=" + filepath.Join(c.data, "key"), "TOCSIN_SIMULATOR__URL=" + sim["http"],
		"TOCSIN_SIMULATOR__SMTP=" + sim["smtp"], "TOCSIN_SIMULATOR__CA_FILE=" + ca,
	}
	c.people()
	for range doors {
		addr := freePort(t)
		p, _ := start(t, c.env, []string{"console"}, "serve", "--no-work", "--data", t.TempDir(), "--addr", addr)
		c.doors, c.addrs = append(c.doors, p), append(c.addrs, addr)
	}
	c.through(0)
	for i := range workers {
		c.workers, c.rooms = append(c.workers, nil), append(c.rooms, t.TempDir())
		c.hire(i)
	}
	c.must(c.admin, http.MethodPut, "/operators/acme/profile", profile, nil)
	return c
}

// through has the house ask another serve process.
func (c *cluster) through(door int) { c.addr, c.service = c.addrs[door], c.doors[door] }

// hire starts a worker in its own room, where an earlier one may have left a journal, with settings of its own if any.
func (c *cluster) hire(i int, env ...string) {
	c.workers[i], _ = start(c.whole, append(slices.Clone(c.env), env...), nil, "worker", "--data", c.rooms[i])
}

// quit ends a process as an operator would and holds it to its promise.
func (c *cluster) quit(p *process) {
	c.t.Helper()
	began := time.Now()
	p.stop(c.t)
	require.Less(c.t, time.Since(began), stopLimit)
	require.Zero(c.t, p.cmd.ProcessState.ExitCode(), "%s", p.output())
}

// forget empties the providers' journal.
func (c *cluster) forget() {
	req, err := http.NewRequest(http.MethodPost, "http://"+c.simulator+"/_admin/reset", nil)
	require.NoError(c.t, err)
	req.Header.Set("X-Simulator", "1")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Body.Close())
	require.Equal(c.t, http.StatusNoContent, resp.StatusCode)
}

func (c *cluster) progress(id string) (d progress) {
	c.t.Helper()
	c.must(c.worker, http.MethodGet, "/dispatches/"+id, nil, &d)
	return d
}

// verify takes the incident's evidence pack and has the command check it.
func (c *cluster) verify(id string) {
	c.t.Helper()
	_, pack, err := c.call(c.worker, http.MethodGet, "/incidents/"+id+"/evidence", nil, nil)
	require.NoError(c.t, err)
	file := filepath.Join(c.t.TempDir(), "pack.zip")
	require.NoError(c.t, os.WriteFile(file, pack, 0o600))
	out, errOut, code := tocsin(c.t, nil, "", "evidence", "verify", file)
	require.Zero(c.t, code, "%s%s", out, errOut)
}

// natsServer is a NATS server of its own, built from the library's own command, and how it is started.
func natsServer(t *testing.T) (url string, start func() *process) {
	program := filepath.Join(filepath.Dir(binary), "nats-server")
	out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput()
	require.NoError(t, err, "%s", out)
	addr := freePort(t)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	url = "nats://bus-token@" + addr
	dir := t.TempDir()
	return url, func() *process {
		p, _ := launch(t, program, nil, nil, "-a", "127.0.0.1", "-p", port, "--auth", "bus-token", "-js", "-sd", dir)
		require.Eventually(t, func() bool {
			nc, err := nats.Connect(url)
			if err != nil {
				return false
			}
			nc.Close()
			return true
		}, 20*time.Second, 20*time.Millisecond)
		return p
	}
}

func (c *cluster) connect() *nats.Conn {
	nc, err := nats.Connect(c.nats)
	require.NoError(c.t, err)
	c.t.Cleanup(nc.Close)
	return nc
}

// postgres is an empty database on the machine's own PostgreSQL.
func postgres(t *testing.T) (dsn string) { return storetest.Bare()["postgres"](t).DSN }
