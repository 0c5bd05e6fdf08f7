package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/aliyun"
	"tocsin/internal/httpapi"
	"tocsin/internal/simulator"
	"tocsin/internal/store"
	"tocsin/notify"
	"tocsin/notify/channel/email"
	"tocsin/notify/channel/push"
	"tocsin/notify/channel/sms"
	"tocsin/notify/fanout"
)

// The simulator's account. It is no secret: the simulator listens on loopback and sends nothing on.
const (
	simulatorKeyID  = "simulator"
	simulatorSecret = "simulator"
	simulatorDomain = "tocsin.example"
	simulatorApp    = "1"
)

// simulated is where the simulator stands, inside this process or outside.
type simulated struct {
	smtp, http string
	roots      *x509.CertPool
}

// callbackToken is the unguessable part of the address that providers send receipts to.
func (a *App) callbackToken() string {
	return hex.EncodeToString(a.key.Index("callback", a.Config.Operator))
}

// ReceiptURL is what to enter at a provider, so that its receipts come back.
func (a *App) ReceiptURL(provider string) string {
	base := a.Config.HTTP.PublicURL
	if base == "" {
		base = "http://" + a.Config.HTTP.Addr
	}
	return base + httpapi.Base + "/callbacks/" + provider + "/" + a.callbackToken()
}

func (a *App) startSimulator() error {
	cfg := a.Config
	if !cfg.Simulated() {
		return nil
	}
	if cfg.Simulator.URL != "" {
		roots, err := readRoots(cfg.Simulator.CA)
		a.simulator = simulated{smtp: cfg.Simulator.SMTP, http: cfg.Simulator.URL, roots: roots}
		return err
	}
	s, err := simulator.Start(simulator.Options{KeyID: simulatorKeyID, KeySecret: simulatorSecret, Clock: a.Clock, Log: a.Log})
	if err != nil {
		return err
	}
	if a.listener != nil {
		s.SetCallback("http://" + a.Addr() + httpapi.Base + "/callbacks/{provider}/" + a.callbackToken())
	}
	a.onStop("simulator", s.Stop)
	a.simulator = simulated{smtp: s.SMTPAddr(), http: s.HTTPAddr(), roots: s.RootCAs()}
	return nil
}

// SimulatorURL is the simulator's own page, or "" when no provider is simulated.
func (a *App) SimulatorURL() string {
	if a.simulator.http == "" {
		return ""
	}
	return "http://" + a.simulator.http
}

func readRoots(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read certificate: %s holds none", name)
	}
	return roots, nil
}

// providers are the ways out, each to its configured provider or to the simulator.
func (a *App) providers() ([]notify.Provider, error) {
	mail, err := a.email()
	if err != nil {
		return nil, err
	}
	ali, real := a.Config.Aliyun, a.Config.Aliyun.KeyID != ""
	o := aliyun.Options{Endpoint: ali.SMS, KeyID: ali.KeyID, KeySecret: ali.KeySecret, Region: ali.Region}
	p, app := o, ali.PushAppKey
	p.Endpoint = ali.Push
	if !real {
		o = aliyun.Options{Endpoint: a.simulator.http, KeyID: simulatorKeyID, KeySecret: simulatorSecret, Region: ali.Region, Insecure: true}
		p, app = o, simulatorApp
	}
	texts, err := aliyun.New(o)
	if err != nil {
		return nil, err
	}
	a.onStop("sms", func(context.Context) error { return texts.Close() })
	pushes, err := aliyun.New(p)
	if err != nil {
		return nil, err
	}
	a.onStop("push", func(context.Context) error { return pushes.Close() })
	out := []notify.Provider{
		{ID: "relay", Channel: mail},
		{ID: "aliyun", Channel: sms.New(texts, sms.Options{Simulated: !real, Clock: a.Clock})},
	}
	if app != "" {
		out = append(out, notify.Provider{ID: "aliyun-push", Channel: push.New(pushes, app, push.Options{Simulated: !real, Clock: a.Clock})})
	}
	return out, nil
}

func (a *App) email() (*email.Channel, error) {
	c := a.Config.SMTP
	o := email.Options{Addr: c.Addr, Username: c.Username, Password: c.Password, Hello: c.Hello, Domain: c.Domain, Bounce: c.Bounce, Connections: c.Connections, Clock: a.Clock}
	roots, err := readRoots(c.CAFile)
	if err != nil {
		return nil, err
	}
	if roots != nil {
		o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	if c.Addr == "" {
		o.Addr, o.Hello, o.Domain, o.Bounce, o.Simulated = a.simulator.smtp, simulatorDomain, simulatorDomain, "bounce."+simulatorDomain, true
		o.TLS = &tls.Config{RootCAs: a.simulator.roots, MinVersion: tls.VersionTLS12}
	}
	ch := email.New(o)
	a.onStop("email", func(context.Context) error { return ch.Close() })
	return ch, nil
}

func (a *App) startFanout(_ context.Context) error {
	ways, err := a.providers()
	if err != nil {
		return err
	}
	f, err := fanout.New(fanout.Options{
		Store: store.Of[notify.Tx](a.DB), Providers: ways, Codec: notify.NewCodec(a.key), Clock: a.Clock, Log: a.Log,
		Operator: a.Config.Operator, JournalDir: filepath.Join(a.Config.Data, "journal"), Workers: a.Config.Workers,
		Owner: "worker", Lease: time.Duration(a.Config.Lease),
	})
	if err != nil {
		return fmt.Errorf("start fan-out: %w", err)
	}
	a.DB.OnCommit(f.Hint)
	a.run("fan-out", f.Run)
	return nil
}

// SimulatorOptions are what a simulator process of its own may set.
type SimulatorOptions = simulator.Options

// StartSimulator runs the providers' doubles with the account that simulated installations use.
func StartSimulator(o SimulatorOptions) (*simulator.Simulator, error) {
	o.KeyID, o.KeySecret = simulatorKeyID, simulatorSecret
	return simulator.Start(o)
}
