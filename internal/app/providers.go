package app

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
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
		if a.listener != nil {
			a.tellSimulator()
		}
		return err
	}
	s, err := simulator.Start(simulator.Options{KeyID: simulatorKeyID, KeySecret: simulatorSecret, BounceSMTP: a.bounceDoor, Clock: a.Clock, Log: a.Log})
	if err != nil {
		return err
	}
	if a.listener != nil {
		s.SetCallback(a.callback())
	}
	a.onStop("simulator", s.Stop)
	a.simulator = simulated{smtp: s.SMTPAddr(), http: s.HTTPAddr(), roots: s.RootCAs()}
	return nil
}

// callback is where a simulator sends its receipts.
func (a *App) callback() string {
	return "http://" + a.Addr() + httpapi.Base + "/callbacks/{provider}/" + a.callbackToken()
}

// tellSimulator tells a simulator of its own process where receipts go, unless it was told another place. One
// that is not there yet is named in the log: without it nothing is sent either.
func (a *App) tellSimulator() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	body, _ := json.Marshal(map[string]any{"url": a.callback(), "fallback": true})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.simulator.http+"/_admin/callback", bytes.NewReader(body))
	if err == nil {
		req.Header.Set("X-Simulator", "1")
		var resp *http.Response
		if resp, err = http.DefaultClient.Do(req); err == nil {
			err = resp.Body.Close()
		}
	}
	if err != nil {
		a.Log.Warn("the simulator does not answer: start it first, else no receipts come", "addr", a.simulator.http)
	}
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
	a.fanout = f
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
