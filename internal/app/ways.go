package app

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"tocsin/internal/aliyun"
	"tocsin/internal/call"
	"tocsin/internal/config"
	"tocsin/internal/tencent"
	"tocsin/notify"
	"tocsin/notify/channel/email"
	"tocsin/notify/channel/push"
	"tocsin/notify/channel/sms"
	"tocsin/notify/receipt"
)

// The ids of providers. They are kept with deliveries, so they never change.
const (
	wayRelay   = "relay"
	waySecond  = "relay-2"
	wayAliyun  = receipt.Aliyun
	wayAbroad  = receipt.AliyunIntl
	wayTencent = receipt.Tencent
	wayApp     = "aliyun-push"
)

// openWays makes the ways out, of a channel in the order of failover: the configured providers, or the simulator
// for all of them where none is. Nothing is connected yet.
func (a *App) openWays() error {
	for _, open := range []func() ([]notify.Provider, error){a.relays, a.texts, a.pushes} {
		ways, err := open()
		if err != nil {
			return err
		}
		a.ways = append(a.ways, ways...)
	}
	a.Notify.SetWays(notify.Ways(a.ways))
	return nil
}

func way(id string, ch notify.Channel, w config.Way) notify.Provider {
	return notify.Provider{
		ID: id, Channel: ch, Regions: w.Regions, Rate: w.Rate, Gap: time.Duration(w.Gap),
		Price: notify.Price{Amount: w.Price, Currency: w.Currency},
	}
}

// relays are the one or two that mail leaves by.
func (a *App) relays() ([]notify.Provider, error) {
	if a.Config.SMTP.Addr == "" && !a.Config.Simulated() {
		return nil, nil
	}
	first, err := a.mailer(wayRelay, a.Config.SMTP)
	if err != nil || a.Config.Second.Addr == "" {
		return []notify.Provider{first}, err
	}
	second, err := a.mailer(waySecond, a.Config.Second)
	return []notify.Provider{first, second}, err
}

func (a *App) mailer(id string, c config.SMTP) (notify.Provider, error) {
	o := email.Options{
		Addr: c.Addr, Username: c.Username, Password: c.Password, Hello: c.Hello, Domain: c.Domain, Bounce: c.Bounce,
		Plain: c.Plain, Connections: c.Connections, PerConnection: c.PerConnection, SuccessDSN: c.SuccessDSN, ReplyTime: time.Duration(c.ReplyTime),
		Domains: map[string]float64{}, Clock: a.Clock, Log: a.Log,
	}
	for _, d := range c.Domains {
		o.Domains[d.Name] = d.Rate
	}
	for _, k := range c.DKIM {
		key, err := signingKey(k.KeyFile)
		if err != nil {
			return notify.Provider{}, err
		}
		o.DKIM = append(o.DKIM, email.Signer{Domain: k.Domain, Selector: k.Selector, Key: key})
	}
	roots, err := readRoots(c.CAFile)
	if err != nil {
		return notify.Provider{}, err
	}
	if roots != nil {
		o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	if c.Addr == "" {
		o.Addr, o.Hello, o.Domain, o.Bounce, o.Simulated = a.simulator.smtp, simulatorDomain, simulatorDomain, "bounce."+simulatorDomain, true
		o.TLS = &tls.Config{RootCAs: a.simulator.roots, MinVersion: tls.VersionTLS12}
	}
	ch := email.New(o)
	a.onStop(id, func(context.Context) error { return ch.Close() })
	return way(id, ch, c.Way), nil
}

// signingKey reads a DKIM key; which kinds will do is the channel's word.
func signingKey(name string) (crypto.Signer, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read DKIM key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("read DKIM key: %s is no PEM file", name)
	}
	var key any
	if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, fmt.Errorf("read DKIM key: %s holds no PKCS#8 or PKCS#1 key", name)
		}
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read DKIM key: %s holds a key that cannot sign", name)
	}
	return signer, nil
}

// texts are the ways of SMS: the mainland's provider, its service abroad, and the second provider.
func (a *App) texts() (out []notify.Provider, err error) {
	c, simulated := a.Config.Aliyun, a.Config.Simulated()
	o := sms.Options{Simulated: simulated, Clock: a.Clock}
	if c.KeyID != "" || simulated {
		home, err := a.aliyun(wayAliyun, c.SMS, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, way(wayAliyun, sms.New(home, o), c.Mainland))
	}
	if c.KeyID != "" && c.International != "" || simulated {
		abroad, err := a.aliyun(wayAbroad, c.International, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, way(wayAbroad, sms.NewInternational(abroad, o), c.Abroad))
	}
	t := a.Config.Tencent
	to := call.Options{Endpoint: t.Endpoint, KeyID: t.SecretID, KeySecret: t.SecretKey, Region: t.Region}
	switch {
	case simulated:
		t.AppID = simulatorApp
		to = call.Options{Endpoint: a.simulator.http, KeyID: simulatorKeyID, KeySecret: simulatorSecret, Insecure: true}
	case t.SecretID == "":
		return out, nil
	}
	client, err := tencent.New(to)
	if err != nil {
		return nil, err
	}
	a.onStop(wayTencent, func(context.Context) error { return client.Close() })
	return append(out, way(wayTencent, sms.NewTencent(client, t.AppID, o), t.Way)), nil
}

// pushes is the app's way; there is none without an app.
func (a *App) pushes() ([]notify.Provider, error) {
	c, simulated := a.Config.Aliyun, a.Config.Simulated()
	app := c.PushAppKey
	if simulated {
		app = simulatorApp
	}
	if app == "" || c.KeyID == "" && !simulated {
		return nil, nil
	}
	client, err := a.aliyun(wayApp, c.Push, massPush)
	if err != nil {
		return nil, err
	}
	return []notify.Provider{way(wayApp, push.New(client, app, push.Options{Simulated: simulated, Clock: a.Clock}), c.App)}, nil
}

// massPush is about what a call for a hundred people takes.
const massPush = 64 << 10

// aliyun is a client of one of the account's services, or of the simulator when there is no account. write is how
// much of a call goes out at once.
func (a *App) aliyun(id, endpoint string, write int) (*aliyun.Client, error) {
	c := a.Config.Aliyun
	o := call.Options{Endpoint: endpoint, KeyID: c.KeyID, KeySecret: c.KeySecret, Region: c.Region, Write: write}
	if c.KeyID == "" {
		o = call.Options{Endpoint: a.simulator.http, KeyID: simulatorKeyID, KeySecret: simulatorSecret, Region: c.Region, Write: write, Insecure: true}
	}
	client, err := aliyun.New(o)
	if err != nil {
		return nil, err
	}
	a.onStop(id, func(context.Context) error { return client.Close() })
	return client, nil
}
