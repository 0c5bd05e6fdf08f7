// Package natsapi is the bus door: findings in on tocsin.intake.{format} with our reply after commit,
// rejects out on tocsin.rejected.{format}, committed events out on tocsin.events.{kind}.
package natsapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/intake"
	"tocsin/internal/bus"
)

const (
	intakePrefix   = "tocsin.intake."
	rejectedPrefix = "tocsin.rejected."
	eventsPrefix   = "tocsin.events."
	keepFor        = 7 * 24 * time.Hour
	parallel       = 64
)

// Intake takes a foreign body in; intake.Service is one.
type Intake interface {
	Accept(ctx context.Context, sc evidence.Scope, r intake.Request) (intake.Answer, error)
}

// Door serves one operator on a bus.
type Door struct {
	bus     *bus.Bus
	intake  Intake
	scope   evidence.Scope // of every sender: the credential of the connection stands for the tenant
	maxBody int64
	log     *slog.Logger
	stop    func()
}

// Open keeps the outgoing subjects and starts to serve the incoming one.
func Open(ctx context.Context, b *bus.Bus, in Intake, sc evidence.Scope, maxBody int64, log *slog.Logger) (*Door, error) {
	d := &Door{bus: b, intake: in, scope: sc, maxBody: maxBody, log: log}
	for name, subject := range map[string]string{"TOCSIN_EVENTS": eventsPrefix + ">", "TOCSIN_REJECTED": rejectedPrefix + ">"} {
		if err := b.Keep(ctx, name, subject, keepFor); err != nil {
			return nil, err
		}
	}
	var err error
	d.stop, err = b.Serve(context.WithoutCancel(ctx), intakePrefix+"*", "tocsin-intake", parallel, d.accept)
	return d, err
}

// Close waits for the findings in work and takes no more.
func (d *Door) Close() { d.stop() }

// accepted is the reply to a finding that is committed.
type accepted struct {
	Status int `json:"status"`
	intake.Answer
}

func (d *Door) accept(ctx context.Context, m bus.Message) []byte {
	format := strings.TrimPrefix(m.Subject, intakePrefix)
	req := intake.Request{Format: format, Header: map[string]string{}, Body: m.Body}
	for name, values := range m.Header {
		if len(values) > 0 {
			req.Header[name] = values[0]
		}
	}
	req.Mode = incident.Mode(header(req.Header, "Tocsin-Mode"))
	req.DryRun = header(req.Header, "Tocsin-Dry-Run") == "true"
	var answer intake.Answer
	err := error(incident.NewFault(incident.TooLarge, "the body is larger than %d bytes", d.maxBody))
	if int64(len(m.Body)) <= d.maxBody {
		answer, err = d.intake.Accept(ctx, d.scope, req)
	}
	if err == nil {
		return marshal(accepted{202, answer})
	}
	problem := incident.Explain(err)
	if problem.Status == 500 {
		d.log.Error("intake from the bus failed", "format", format, "error", err)
	}
	if problem.RetryAfter == 0 {
		d.reject(ctx, format, m.Body, problem)
	}
	return marshal(problem)
}

// reject publishes why a body was refused, with the hash of the body and none of its content.
func (d *Door) reject(ctx context.Context, format string, body []byte, p incident.ProblemDocument) {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if err := d.publish(ctx, rejectedPrefix+format, "rej-"+hash, "tocsin.rejected", map[string]any{"format": format, "sha256": hash, "problem": p}); err != nil {
		d.log.Warn("reject was not published", "format", format, "error", err)
	}
}

// Publish puts a committed event on the bus; the outbox calls it in order, at least once.
func (d *Door) Publish(ctx context.Context, e incident.Event) error {
	return d.publish(ctx, eventsPrefix+e.Kind, e.ID, "tocsin."+e.Kind, e)
}

func (d *Door) publish(ctx context.Context, subject, id, kind string, data any) error {
	ce := event.New()
	ce.SetID(id)
	ce.SetSource("/tocsin/" + d.scope.Operator)
	ce.SetType(kind)
	if err := ce.SetData("application/json", data); err != nil {
		return fmt.Errorf("make event: %w", err)
	}
	body, err := json.Marshal(ce)
	if err != nil {
		return fmt.Errorf("make event: %w", err)
	}
	return d.bus.Publish(ctx, subject, id, body)
}

func header(h map[string]string, name string) string {
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"status":500,"title":"Internal Server Error"}`)
	}
	return b
}
