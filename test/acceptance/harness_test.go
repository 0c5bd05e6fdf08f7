// Package acceptance runs the real binary as a user would, against real servers.
package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/store/storetest"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tocsin-acceptance-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "tocsin")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", binary, "tocsin/cmd/tocsin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := storetest.Main(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// tocsin runs a command to its end and returns what it printed.
func tocsin(t *testing.T, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// process is a command that keeps running.
type process struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
	gone chan struct{}
}

// start runs a command and waits until a line of its output begins with each of the words; what follows the
// word is returned.
func start(t *testing.T, env []string, words []string, args ...string) (*process, map[string]string) {
	t.Helper()
	return launch(t, binary, env, words, args...)
}

// launch is start for any program.
func launch(t *testing.T, program string, env []string, words []string, args ...string) (*process, map[string]string) {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); w.Close(); close(p.gone) }()
	t.Cleanup(func() { p.kill() })
	if len(words) == 0 {
		go p.keep(r, nil, nil)
		return p, nil
	}
	found := make(chan map[string]string, 1)
	go p.keep(r, words, found)
	select {
	case got := <-found:
		return p, got
	case <-p.gone:
		t.Fatalf("%v ended: %s", args, p.output())
	case <-time.After(30 * time.Second):
		t.Fatalf("%v did not say %v: %s", args, words, p.output())
	}
	return nil, nil
}

// keep reads the process's output to its end, and tells once what followed the words.
func (p *process) keep(r io.Reader, words []string, found chan<- map[string]string) {
	got := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		for _, word := range words {
			if rest, ok := strings.CutPrefix(lines.Text(), word+" "); ok {
				got[word] = rest
			}
		}
		if len(got) == len(words) && found != nil {
			found <- got
			found = nil
		}
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.gone
}

// stop ends the process as an operator would.
func (p *process) stop(t *testing.T) {
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.gone:
	case <-time.After(30 * time.Second):
		t.Fatalf("it did not stop: %s", p.output())
	}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// house is an installation: a simulator process that survives, and a service that may be killed.
type house struct {
	t                *testing.T
	data, addr       string
	env              []string
	simulator        string // its HTTP address
	service          *process
	worker, one, two string // tokens: who works, who approves
	admin            string
	clock            string // file that moves the service's clock; "" leaves it alone
}

func newHouse(t *testing.T, env ...string) *house {
	return furnish(&house{t: t, data: t.TempDir(), addr: freePort(t)}, nil, env...)
}

// furnish gives a house its simulator, its people and its service.
func furnish(h *house, simulator []string, env ...string) *house {
	t := h.t
	ca := filepath.Join(t.TempDir(), "sim.pem")
	_, sim := start(t, nil, []string{"http", "smtp"}, append([]string{"simulator", "--ca", ca}, simulator...)...)
	h.simulator = sim["http"]
	h.env = append([]string{"TOCSIN_SIMULATOR__URL=" + sim["http"], "TOCSIN_SIMULATOR__SMTP=" + sim["smtp"], "TOCSIN_SIMULATOR__CA_FILE=" + ca, "TOCSIN_LOG_LEVEL=debug"}, env...)
	h.people()
	h.serve()
	h.must(h.admin, http.MethodPut, "/operators/acme/profile", profile, nil)
	return h
}

// people gives the house those who work in it.
func (h *house) people() {
	h.worker = h.person("shen", "responder,reporter", "incident-lead,comms")
	h.one = h.person("lin", "approver", "legal,dpo-team,comms")
	h.two = h.person("zhou", "approver", "legal,dpo-team,comms")
	h.admin = h.person("gao", "admin", "comms")
}

func (h *house) person(login, roles, teams string) (token string) {
	_, errOut, code := tocsin(h.t, h.env, "a-long-demo-passphrase-9\n", "user", "add", login, "--name", strings.ToUpper(login), "--roles", roles, "--teams", teams, "--data", h.data)
	require.Zero(h.t, code, errOut)
	out, errOut, code := tocsin(h.t, h.env, "a-long-demo-passphrase-9\n", "token", "issue", "test", "--as", login, "--roles", roles, "--data", h.data)
	require.Zero(h.t, code, errOut)
	return strings.TrimSpace(out)
}

func (h *house) serve(args ...string) map[string]string {
	if h.clock != "" {
		p, said := launch(h.t, movedProgram(h.t), h.env, []string{"console"}, h.clock, h.data, h.addr)
		h.service = p
		return said
	}
	words := []string{"console"}
	if len(args) > 0 {
		words = append(words, "bus")
	}
	p, said := start(h.t, h.env, words, append([]string{"serve", "--data", h.data, "--addr", h.addr}, args...)...)
	h.service = p
	return said
}

// call makes one API call and returns its status; the answer is decoded into out.
func (h *house) call(token, method, path string, in, out any, header ...string) (status int, raw []byte, err error) {
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(v)
	default:
		b, err := json.Marshal(v)
		require.NoError(h.t, err)
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+h.addr+"/api/v1"+path, body)
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, err
	}
	if out != nil && resp.StatusCode < 300 {
		require.NoError(h.t, json.Unmarshal(raw, out), "%s", raw)
	}
	return resp.StatusCode, raw, nil
}

func (h *house) must(token, method, path string, in, out any, header ...string) {
	h.t.Helper()
	status, raw, err := h.call(token, method, path, in, out, header...)
	require.NoError(h.t, err)
	require.Less(h.t, status, 300, "%s %s: %s", method, path, raw)
}

// until asks again until done says yes.
func (h *house) until(what string, limit time.Duration, done func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(limit); !done(); {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain for %s; the service said: %s", what, tail(h.service.output()))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func tail(s string) string {
	if len(s) > 4000 {
		return s[len(s)-4000:]
	}
	return s
}

// document is what the tests read of a notice or report.
type document struct {
	ID, State, Kind string
	Version         int
	Channels        []string
	Digest          struct{ All string }
	Gaps            []any
	Needed          int `json:"approvals_needed"`
}

func (h *house) documents(id, kind string) []document {
	var list struct{ Documents []document }
	h.must(h.worker, http.MethodGet, "/incidents/"+id+"/"+kind+"s", nil, &list)
	return list.Documents
}

// approvedNotice brings the incident's notice to people through submit and two approvals.
func (h *house) approvedNotice(id string) document {
	h.t.Helper()
	return h.approve(h.draft(id))
}

// draft waits for the incident's notice to people.
func (h *house) draft(id string) (d document) {
	h.t.Helper()
	h.until("the notice", 20*time.Second, func() bool {
		h.completeTasks(id)
		for _, n := range h.documents(id, "notice") {
			if len(n.Channels) > 1 {
				d = n
			}
		}
		return d.ID != ""
	})
	require.Empty(h.t, d.Gaps)
	return d
}

// approve submits a notice and has two people approve it.
func (h *house) approve(d document) document {
	h.t.Helper()
	h.must(h.worker, http.MethodPost, "/notices/"+d.ID+"/submit", map[string]any{}, &d)
	for _, approver := range []string{h.one, h.two} {
		if d.State == "approved" {
			break
		}
		h.must(approver, http.MethodPost, "/notices/"+d.ID+"/approve", map[string]any{"digest": d.Digest.All}, &d)
	}
	require.Equal(h.t, "approved", d.State)
	return d
}

func (h *house) completeTasks(id string) {
	var list struct {
		Tasks []struct{ ID, State, Kind string }
	}
	h.must(h.worker, http.MethodGet, "/incidents/"+id+"/tasks", nil, &list)
	for _, task := range list.Tasks {
		if task.State == "open" && task.Kind == "task" {
			h.must(h.worker, http.MethodPost, "/tasks/"+task.ID+"/complete", map[string]any{"note": "checked"}, nil)
		}
	}
}

func (h *house) report(finding map[string]any) (id string) {
	var out struct{ ID string }
	h.must(h.worker, http.MethodPost, "/incidents", finding, &out)
	return out.ID
}

// audience imports n people; mail is most of it, and change may alter one.
func (h *house) audience(id string, n int, change func(i int, p map[string]any)) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i := range n {
		p := map[string]any{"person_key": fmt.Sprintf("u-%06d", i), "emails": []string{fmt.Sprintf("user%d@example.com", i)}, "locale": "zh-Hans"}
		if i%20 == 3 {
			p["phones"], p["channels"] = []string{fmt.Sprintf("+86139%08d", i)}, []string{"sms", "email"}
		}
		if change != nil {
			change(i, p)
		}
		require.NoError(h.t, enc.Encode(p))
	}
	var a struct {
		State string
		Total int
	}
	h.must(h.worker, http.MethodPost, "/incidents/"+id+"/audience", b.Bytes(), &a, "Content-Type", "application/x-ndjson")
	require.Equal(h.t, "ready", a.State)
	require.Equal(h.t, n, a.Total)
}

// progress is what the tests read of a dispatch.
type progress struct {
	ID, State, Reason string
	People            map[string]int64
	Duplicates        int64 `json:"possible_duplicates"`
}

// sum adds the states up.
func (p progress) sum() (n int64) {
	for state, k := range p.People {
		if state != "total" {
			n += k
		}
	}
	return n
}
