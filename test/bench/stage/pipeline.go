//go:build unix

package stage

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"tocsin/incident/evidence"
	"tocsin/internal/app"
	"tocsin/internal/config"
	"tocsin/internal/seal"
	"tocsin/internal/store"
	"tocsin/notify"
	"tocsin/notify/channel/email"
	"tocsin/templates"
)

// Pipeline is a run of Tocsin without its ledger: it sends what was dispatched once more, from the same
// database over the same channel, and writes nothing down.
type Pipeline struct {
	Data     string // of a stopped installation
	Dispatch string
}

// pipeline is what every worker shares.
type pipeline struct {
	notify.Dispatch
	store   notify.Store
	scope   evidence.Scope
	codec   *notify.Codec
	key     *seal.Key
	message notify.FrozenMessage
	next    atomic.Int64
}

const stretch = 2000 // people that a worker takes at once, as many as Tocsin records together

func playPipeline(orders *json.Decoder, answers *json.Encoder) error {
	var o Pipeline
	if err := orders.Decode(&o); err != nil {
		return err
	}
	ctx := context.Background()
	cfg, err := config.Load("", os.Environ(), o.Data)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{Config: cfg})
	if err != nil {
		return err
	}
	p, err := readPipeline(ctx, a, o.Dispatch)
	if err != nil {
		return errors.Join(err, a.Stop(ctx))
	}
	channel, err := relay(cfg.SMTP)
	if err != nil {
		return errors.Join(err, a.Stop(ctx))
	}
	r, err := measured(func() error { return p.run(ctx, channel, cfg.Workers) })
	if err := errors.Join(err, channel.Close(), a.Stop(ctx)); err != nil {
		return err
	}
	return answers.Encode(r)
}

// relay is the email channel as the settings say.
func relay(c config.SMTP) (*email.Channel, error) {
	o := email.Options{Addr: c.Addr, Hello: c.Hello, Domain: c.Domain, Bounce: c.Bounce, Connections: c.Connections, Plain: c.Plain}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return email.New(o), nil
}

func readPipeline(ctx context.Context, a *app.App, dispatch string) (*pipeline, error) {
	p := &pipeline{store: store.Of[notify.Tx](a.DB), scope: evidence.System(a.Config.Operator)}
	key, err := a.DB.OperatorKey(ctx, a.Config.Operator)
	if err != nil {
		return nil, err
	}
	p.codec = notify.NewCodec(key)
	return p, p.store.View(ctx, p.scope, func(tx notify.Tx) error {
		var err error
		if p.Dispatch, err = tx.Dispatch(ctx, dispatch); err != nil {
			return err
		}
		if p.key, err = tx.Key(ctx, p.Incident); err != nil {
			return err
		}
		messages, err := notify.ApprovedMessages(ctx, tx, p.Dispatch)
		at := slices.IndexFunc(messages, func(m notify.FrozenMessage) bool { return m.Channel == templates.Email && m.Locale == locale })
		if err == nil && at < 0 {
			err = fmt.Errorf("the notice has no email in %s", locale)
		}
		if err == nil {
			p.message = messages[at]
		}
		return err
	})
}

func (p *pipeline) run(ctx context.Context, channel notify.Channel, workers int) error {
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = p.work(ctx, channel) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// work sends stretch after stretch until everybody has been sent to.
func (p *pipeline) work(ctx context.Context, channel notify.Channel) error {
	sender, err := channel.Prepare(ctx, p.message, p.Mode)
	if err != nil {
		return err
	}
	var out []notify.Outgoing
	var pages []notify.RecipientPage
	var refused atomic.Int64
	done := func(_ int, v notify.Verdict) {
		if v.Class != notify.ClassAccepted {
			refused.Add(1)
		}
	}
	for {
		from := p.next.Add(stretch) - stretch
		if from >= p.Total {
			return sender.Close()
		}
		if pages, err = p.read(ctx, pages[:0], from, min(from+stretch, p.Total)); err != nil {
			return err
		}
		if out, err = p.address(out[:0], pages); err != nil {
			return err
		}
		if err := sender.Send(ctx, out, func(int) {}, done); err != nil {
			return err
		}
		if n := refused.Load(); n > 0 {
			return fmt.Errorf("%d messages were not taken", n)
		}
	}
}

// read reads people, sealed.
func (p *pipeline) read(ctx context.Context, pages []notify.RecipientPage, from, to int64) ([]notify.RecipientPage, error) {
	err := p.store.View(ctx, p.scope, func(tx notify.Tx) (err error) {
		pages, err = tx.Pages(ctx, pages, p.AudienceNo, from, to)
		return err
	})
	return pages, err
}

// address opens people and makes their messages ready.
func (p *pipeline) address(out []notify.Outgoing, pages []notify.RecipientPage) ([]notify.Outgoing, error) {
	ref := notify.Reference(p.Notice)
	for _, page := range pages {
		people, err := notify.OpenPage(p.key, p.AudienceNo, page)
		if err != nil {
			return nil, err
		}
		for i := range people {
			r := &people[i]
			channel := notify.Ladder(r, p.Channels)[0]
			out = append(out, notify.Outgoing{Dispatch: p.No, Seq: r.Seq, Channel: channel, Attempt: 2, Address: notify.Address(r, channel),
				Code: p.codec.Code(p.No, r.Seq), Ref: ref, Brand: cmp.Or(r.Brand, p.message.Brand), OutID: p.codec.OutID(p.No, r.Seq, channel)})
		}
	}
	return out, nil
}
