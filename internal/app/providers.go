package app

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/httpapi"
	"tocsin/internal/simulator"
	"tocsin/internal/store"
	"tocsin/notify"
	"tocsin/notify/fanout"
	"tocsin/notify/receipt"
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

// Receipts are the providers that send receipts over HTTP.
var Receipts = receipt.Providers()

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
	s, err := simulator.Start(simulator.Options{KeyID: simulatorKeyID, KeySecret: simulatorSecret, BounceSMTP: a.bounceDoor, Clock: a.Clock, Log: a.Log})
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

func (a *App) startFanout(_ context.Context) error {
	f, err := fanout.New(fanout.Options{
		Store: store.Of[notify.Tx](a.DB), Providers: a.ways, Codec: notify.NewCodec(a.key), Clock: a.Clock, Log: a.Log,
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
