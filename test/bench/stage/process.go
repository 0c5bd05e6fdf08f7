//go:build unix

// Package stage sets up what a measurement needs, each in a process of its own so that its cost is its own:
// the sink, the bare sender, and Tocsin, which is brought to the point of release over its API.
package stage

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Process is a child that plays a role: lines of JSON in, lines of JSON out.
type Process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
	gone chan struct{}
}

// Play starts this very program in a role and reads what it says first.
func Play(role string, order, hello any, env ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self, "as", role), gone: make(chan struct{})} //nolint:noctx,gosec // our own binary; it ends with its input
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout = w
	err = p.cmd.Start()
	_ = w.Close()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	p.out = json.NewDecoder(bufio.NewReader(out))
	go func() { _ = p.cmd.Wait(); close(p.gone) }()
	if err := p.Ask(order, hello); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", role, err), p.Kill())
	}
	return p, nil
}

// Ask gives an order and reads the answer.
func (p *Process) Ask(order, answer any) error {
	if err := json.NewEncoder(p.in).Encode(order); err != nil {
		return fmt.Errorf("give order: %w", err)
	}
	if err := p.out.Decode(answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// End closes the child's input, on which it stops cleanly.
func (p *Process) End() error {
	_ = p.in.Close()
	<-p.gone
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("a child ended with %d", code)
	}
	return nil
}

// Kill ends the child as a power cut would.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.gone
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Role plays a part: it reads orders and answers until its input ends.
type Role func(orders *json.Decoder, answers *json.Encoder) error

// roles that a child may play.
var roles = map[string]Role{"sink": playSink, "mail": playMail, "calls": playCalls, "tocsin": playTocsin, "pipeline": playPipeline}

// Child plays the role that the arguments name, and does not return then. Every program of the benchmark
// calls it first.
func Child() {
	if len(os.Args) < 3 || os.Args[1] != "as" {
		return
	}
	err := roles[os.Args[2]](json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout))
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[2], err)
		os.Exit(1)
	}
	os.Exit(0)
}
