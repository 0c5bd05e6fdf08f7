package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// script is one run of the demo through the API, as its people would do it.
type script struct {
	demoCmd
	people   cast
	io       streams
	id       string
	incident wholeIncident
	audience string
	failed   []string        // what could not be completed, said at the end
	left     map[string]bool // items that a report to an addressee left open: the next one answers them
}

// The parts of API answers that the script reads.
type (
	wholeIncident struct {
		ID, Title string
		DerivedAt *time.Time `json:"derived_at"`
		Grades    []struct {
			Scheme, Grade, Ceiling string
			Because                []string
		}
		Obligations   []duty
		OpenQuestions []struct {
			Fact string
			Text map[string]string
		} `json:"open_questions"`
		NotApplied []struct{ ID, Because string } `json:"not_applied"`
	}
	duty struct {
		ID, Rule, Addressee, State, Urgency, Anchor string
		Title                                       map[string]string
		Deadline                                    *time.Time
	}
	paper struct {
		ID, Kind, State string
		Addressee       string
		Title           map[string]string
		Version, Needed int
		Channels        []string
		Digest          struct{ All string }
		Policy          struct{ Via string }
		Gaps            []struct {
			Requirement struct {
				ID, Block string
				MayBeOpen bool `json:"may_be_open"`
			}
			Locale string
		}
	}
)

func (s *script) report(ctx context.Context) error {
	var out struct {
		ID        string
		Incidents []struct{ ID string }
	}
	var err error
	if s.Input == "" {
		err = s.people.responder.api.call(ctx, http.MethodPost, "/incidents", demoFinding(time.Now()), &out)
	} else {
		var raw []byte
		if raw, err = os.ReadFile(s.Input); err != nil {
			return err
		}
		var resp *http.Response
		if resp, err = s.people.responder.api.send(ctx, http.MethodPost, "/intake/"+s.Format+"?mode=live", "application/json", bytes.NewReader(raw)); err == nil {
			defer resp.Body.Close()
			err = json.NewDecoder(resp.Body).Decode(&out)
		}
	}
	if err != nil {
		return err
	}
	if s.id = out.ID; len(out.Incidents) > 0 {
		s.id = out.Incidents[0].ID
	}
	if s.id == "" {
		return errors.New("the input opened no incident")
	}
	return nil
}

func (s *script) read(ctx context.Context) error {
	s.incident = wholeIncident{}
	return s.people.responder.api.call(ctx, http.MethodGet, "/incidents/"+s.id, nil, &s.incident)
}

// patience is how long the script waits for the house to move before it says that it did not.
const patience = 30 * time.Second

// wait asks again until done says yes.
func wait(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}

func (s *script) waitDerived(ctx context.Context) error {
	return wait(ctx, "duties", func() (bool, error) {
		err := s.read(ctx)
		return s.incident.DerivedAt != nil, err
	})
}

// decideAwareness is a person's decision, which no tool takes.
func (s *script) decideAwareness(ctx context.Context) error {
	if len(s.incident.Obligations) == 0 {
		return nil
	}
	return s.people.responder.api.call(ctx, http.MethodPatch, "/incidents/"+s.id, map[string]any{
		"reason": "confirmed in the demo", "facts": map[string]any{"aware_at": time.Now().Add(-20 * time.Minute).UTC().Format(time.RFC3339)},
	}, nil)
}

// work goes round until no one has anything left to do that can be done now.
func (s *script) work(ctx context.Context) error {
	if len(s.incident.Obligations) == 0 {
		return nil
	}
	for idle := 0; idle < 20; {
		moved, err := s.round(ctx)
		if err != nil {
			return err
		}
		if idle++; moved {
			idle = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return s.read(ctx)
}

func (s *script) round(ctx context.Context) (moved bool, err error) {
	if moved, err = s.completeTasks(ctx); err != nil {
		return moved, err
	}
	for _, kind := range []string{"report", "notice"} {
		var list struct{ Documents []paper }
		if err := s.people.responder.api.call(ctx, http.MethodGet, "/incidents/"+s.id+"/"+kind+"s", nil, &list); err != nil {
			return moved, err
		}
		for _, d := range list.Documents {
			if slices.Contains(s.failed, d.ID) {
				continue
			}
			m, err := s.advance(ctx, d)
			if isRefused(err, http.StatusPreconditionFailed) { // the house redrafted it meanwhile
				m, err = true, nil
			}
			if err != nil {
				return moved, fmt.Errorf("%s %s: %w", kind, d.ID, err)
			}
			moved = moved || m
		}
	}
	return moved, nil
}

func (s *script) completeTasks(ctx context.Context) (moved bool, err error) {
	var list struct {
		Tasks []struct{ ID, State, Kind string }
	}
	if err := s.people.responder.api.call(ctx, http.MethodGet, "/incidents/"+s.id+"/tasks", nil, &list); err != nil {
		return false, err
	}
	for _, t := range list.Tasks {
		if t.State != "open" || t.Kind != "task" { // what is written by hand stays for hands
			continue
		}
		if err := s.people.responder.api.call(ctx, http.MethodPost, "/tasks/"+t.ID+"/complete", map[string]any{"note": "checked in the demo"}, nil); err != nil {
			return moved, err
		}
		moved = true
	}
	return moved, nil
}

// advance does the next thing to one document, as the person whose turn it is.
func (s *script) advance(ctx context.Context, d paper) (moved bool, err error) {
	at := "/" + d.Kind + "s/" + d.ID
	switch d.State {
	case "draft":
		if len(d.Gaps) > 0 {
			return true, s.fill(ctx, at, d)
		}
		if d.Kind == "notice" {
			if err := s.importAudience(ctx); err != nil {
				return false, err
			}
		}
		return true, s.people.responder.api.call(ctx, http.MethodPost, at+"/submit", map[string]any{}, nil, "If-Match", fmt.Sprint(d.Version))
	case "submitted":
		for _, a := range []actor{s.people.counsel, s.people.officer} {
			err := a.api.call(ctx, http.MethodPost, at+"/approve", map[string]any{"digest": d.Digest.All}, &d)
			if err != nil || d.State == "approved" {
				return true, err
			}
		}
		return false, fmt.Errorf("two approvals were not enough: %d more are needed", d.Needed)
	case "approved":
		if d.Kind == "notice" {
			return true, s.dispatch(ctx, at)
		}
		return true, s.file(ctx, at, d)
	}
	return false, nil
}

// fill writes what the facts could not: not yet known where the law allows that and it was not left open before,
// else text by the responder.
func (s *script) fill(ctx context.Context, at string, d paper) error {
	type passage struct {
		Locale string `json:"locale"`
		Block  string `json:"block"`
		Text   string `json:"text,omitempty"`
		Open   bool   `json:"open,omitempty"`
	}
	var passages []passage
	var open []string
	for _, g := range d.Gaps {
		item := d.Addressee + " " + g.Requirement.ID
		p := passage{Locale: g.Locale, Block: g.Requirement.Block, Open: g.Requirement.MayBeOpen && !s.left[item]}
		if p.Open {
			open = append(open, item)
		} else {
			p.Text = map[bool]string{true: "（演示）本项由响应人员在核实后填写。", false: "(Demo) Written by the responder once checked."}[strings.HasPrefix(g.Locale, "zh")]
		}
		if i := slices.IndexFunc(passages, func(have passage) bool { return have.Locale == p.Locale && have.Block == p.Block }); i < 0 {
			passages = append(passages, p)
		} else if !p.Open { // several laws ask for the block, and one of them wants it known
			passages[i] = p
		}
	}
	if err := s.people.responder.api.call(ctx, http.MethodPatch, at, map[string]any{"passages": passages}, nil, "If-Match", fmt.Sprint(d.Version)); err != nil {
		return err
	}
	if s.left == nil {
		s.left = map[string]bool{}
	}
	for _, item := range open {
		s.left[item] = true
	}
	return nil
}

func (s *script) file(ctx context.Context, at string, d paper) error {
	var text bytes.Buffer
	if err := s.people.responder.api.call(ctx, http.MethodGet, at+"/export?format=html", nil, &text); err != nil {
		return err
	}
	return s.people.responder.api.call(ctx, http.MethodPost, at+"/filings", map[string]any{
		"state": "written", "via": d.Policy.Via, "receipt_number": "DEMO-" + d.ID[len(d.ID)-6:], "filed_at": time.Now().UTC(),
		"proof": map[string]any{"name": "filed.html", "content_type": "text/html", "data": text.Bytes()},
	}, nil)
}

func (s *script) dispatch(ctx context.Context, at string) error {
	var d dispatchState
	if err := s.people.responder.api.call(ctx, http.MethodPost, at+"/dispatch", nil, &d); err != nil {
		return err
	}
	d, err := follow(ctx, s.people.responder.api, d.ID, s.io.err)
	if err == nil && d.State == "stopped" {
		err = fmt.Errorf("the dispatch was stopped: %s", d.Reason)
	}
	return err
}

func (s *script) importAudience(ctx context.Context) error {
	if s.audience != "" {
		return nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeAudience(w, s.Recipients)) }()
	defer r.Close()
	resp, err := s.people.responder.api.send(ctx, http.MethodPost, "/incidents/"+s.id+"/audience?name=demo.ndjson", "application/x-ndjson", r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var a struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	s.audience = a.ID
	return nil
}

// prove exports the evidence pack and verifies it as an outsider would.
func (s *script) prove(ctx context.Context) error {
	name := s.packFile()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	defer f.Close()
	if err := s.people.responder.api.call(ctx, http.MethodGet, "/incidents/"+s.id+"/evidence", nil, f); err != nil {
		return err
	}
	v, err := verify(f)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.io.out, "\nevidence   %s\n", name)
	printVerified(s.io, v)
	if !v.OK() {
		return errTold
	}
	return nil
}
