package config

import (
	"fmt"
	"net"
	"time"
)

// Way is what is configured alike for every provider: contracts and measured carriers differ.
type Way struct {
	Regions  []string `koanf:"regions"`    // countries whose people it may serve, ISO 3166-1 alpha-2, EEA or EU; none: all
	Rate     float64  `koanf:"rate"`       // messages a second; 0: as fast as it goes
	Gap      Duration `koanf:"person_gap"` // between two messages to one address, of whatever dispatch; 0: none is kept
	Price    float64  `koanf:"price"`      // of a message; of a segment of a short message
	Currency string   `koanf:"currency"`   // of the price, ISO 4217
}

// SMTP is a relay that mail leaves by. TLS is required.
type SMTP struct {
	Addr          string   `koanf:"addr"` // host:port; "" uses the simulator
	Username      string   `koanf:"username"`
	Password      string   `koanf:"password"`
	Hello         string   `koanf:"hello"`  // our own host name
	Bounce        string   `koanf:"bounce"` // domain of the return path
	Domain        string   `koanf:"domain"` // domain of message ids
	CAFile        string   `koanf:"ca_file"`
	Plain         bool     `koanf:"plain"` // without TLS, to a relay on this machine only
	Connections   int      `koanf:"connections"`
	PerConnection int      `koanf:"per_connection"` // messages before a connection is closed; 0: no limit
	ReplyTime     Duration `koanf:"reply_time"`     // how long it may take to answer
	SuccessDSN    bool     `koanf:"success_dsn"`    // ask for word of arrival as well
	DKIM          []DKIM   `koanf:"dkim"`
	Domains       []Domain `koanf:"domains"`
	Way           `koanf:",squash"`
}

// DKIM signs mail here. An RSA key costs about 2 ms a message; a relay can sign instead.
type DKIM struct {
	Domain   string `koanf:"domain"`
	Selector string `koanf:"selector"`
	KeyFile  string `koanf:"key_file"` // PEM, Ed25519 or RSA
}

// Domain limits what goes to one recipient domain.
type Domain struct {
	Name string  `koanf:"name"`
	Rate float64 `koanf:"rate"` // messages a second
}

// Aliyun is the account for SMS and push.
type Aliyun struct {
	KeyID         string `koanf:"key_id"` // "" uses the simulator
	KeySecret     string `koanf:"key_secret"`
	Region        string `koanf:"region"`
	SMS           string `koanf:"sms_endpoint"`
	International string `koanf:"international_endpoint"` // of SMS to other numbers than +86; "" sends none
	Push          string `koanf:"push_endpoint"`
	PushAppKey    string `koanf:"push_app_key"`
	Mainland      Way    `koanf:"mainland"`
	Abroad        Way    `koanf:"abroad"`
	App           Way    `koanf:"app"`
}

// Tencent is the second account for SMS, used when the first one stops.
type Tencent struct {
	SecretID  string `koanf:"secret_id"` // "" is not used
	SecretKey string `koanf:"secret_key"`
	Region    string `koanf:"region"`
	Endpoint  string `koanf:"endpoint"`
	AppID     string `koanf:"app_id"`
	Way       `koanf:",squash"`
}

// Bounces is where undeliverable mail comes back to, besides the callback.
type Bounces struct {
	Listen   string  `koanf:"listen"` // host:port of our own SMTP door for the domain smtp.bounce; "" opens none
	CertFile string  `koanf:"cert_file"`
	KeyFile  string  `koanf:"key_file"`
	Mailbox  Mailbox `koanf:"mailbox"`
}

// Mailbox is an IMAP account that bounces are collected from.
type Mailbox struct {
	Addr     string   `koanf:"addr"` // host:port, TLS; "" is not used
	Username string   `koanf:"username"`
	Password string   `koanf:"password"`
	Folder   string   `koanf:"folder"`
	CAFile   string   `koanf:"ca_file"`
	Every    Duration `koanf:"every"`
}

// providers returns what is wrong with the ways out.
func (c *Config) providers() (faults []error) {
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for name, s := range map[string]SMTP{"smtp": c.SMTP, "smtp_second": c.Second} {
		if s.Addr == "" {
			continue
		}
		if s.Hello == "" || s.Bounce == "" || s.Domain == "" {
			bad("%s: with addr also set hello, bounce and domain", name)
		}
		if s.ReplyTime < Duration(time.Second) || s.ReplyTime > Duration(10*time.Minute) {
			bad("%s.reply_time: 1s to 10m", name)
		}
		if s.Plain && !loopback(s.Addr) {
			bad("%s.plain: only to a relay on this machine (127.0.0.1 or ::1)", name)
		}
		for _, d := range s.Domains {
			if d.Name == "" || d.Rate <= 0 {
				bad("%s.domains: each needs name and a rate above 0", name)
			}
		}
		for _, k := range s.DKIM {
			if k.Domain == "" || k.Selector == "" || k.KeyFile == "" {
				bad("%s.dkim: each needs domain, selector and key_file", name)
			}
		}
	}
	if c.Second.Addr != "" && c.SMTP.Addr == "" {
		bad("smtp_second: set smtp first")
	}
	if (c.Aliyun.KeyID == "") != (c.Aliyun.KeySecret == "") {
		bad("aliyun: key_id and key_secret go together")
	}
	if t := c.Tencent; t.SecretID != "" && (t.SecretKey == "" || t.AppID == "") {
		bad("tencent: with secret_id also set secret_key and app_id")
	}
	if (c.Bounces.CertFile == "") != (c.Bounces.KeyFile == "") {
		bad("bounces: cert_file and key_file go together")
	}
	if m := c.Bounces.Mailbox; m.Addr != "" && (m.Username == "" || m.Password == "") {
		bad("bounces.mailbox: with addr also set username and password")
	}
	for name, w := range map[string]Way{
		"smtp": c.SMTP.Way, "smtp_second": c.Second.Way, "aliyun.mainland": c.Aliyun.Mainland, "aliyun.abroad": c.Aliyun.Abroad,
		"aliyun.app": c.Aliyun.App, "tencent": c.Tencent.Way,
	} {
		if w.Gap < 0 || w.Gap > Duration(time.Hour) {
			bad("%s.person_gap: 0s to 1h", name)
		}
		if w.Rate < 0 || w.Price < 0 || w.Price > 0 && len(w.Currency) != 3 {
			bad("%s: rate and price are not negative, and a price has a currency such as CNY", name)
		}
	}
	return faults
}

// loopback reports whether an address is on this machine.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// secrets are read from a file when they are given as @file, and are never printed.
func (c *Config) secrets() []*string {
	return []*string{
		&c.SMTP.Password, &c.Second.Password, &c.Aliyun.KeySecret, &c.Tencent.SecretKey, &c.Bounces.Mailbox.Password,
	}
}

// Masked is the configuration as it may be shown.
func (c Config) Masked() Config {
	secrets := c.secrets()
	if c.Database.Driver == "postgres" {
		secrets = append(secrets, &c.Database.DSN)
	}
	for _, s := range secrets {
		if *s != "" {
			*s = "…"
		}
	}
	return c
}
