// Package config is the one validated configuration: defaults, then a YAML file, then the environment.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/goccy/go-yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Config holds every setting. Each key is also an environment variable: http.addr is TOCSIN_HTTP__ADDR.
type Config struct {
	Operator   string    `koanf:"operator"` // id of the organisation this installation serves
	Law        string    `koanf:"law"`      // directory of the operator's own rules, on top of the built-in ones; "" for none
	Data       string    `koanf:"data"`     // directory of database, keys, bus and journals
	KeyFile    string    `koanf:"key_file"` // key-encryption key; default <data>/key
	HTTP       HTTP      `koanf:"http"`
	Database   Database  `koanf:"database"`
	Bus        Bus       `koanf:"bus"`
	SMTP       SMTP      `koanf:"smtp"`
	Second     SMTP      `koanf:"smtp_second"` // relay used when the first one stops
	Aliyun     Aliyun    `koanf:"aliyun"`
	Tencent    Tencent   `koanf:"tencent"`
	Bounces    Bounces   `koanf:"bounces"`
	ImportDir  string    `koanf:"import_dir"`  // where audiences on the server may be imported from; "" is not offered
	WorkerAddr string    `koanf:"worker_addr"` // where a worker process answers /livez, /readyz and /metrics; "" opens none
	Workers    int       `koanf:"workers"`     // fan-out workers in this process
	Lease      Duration  `koanf:"lease"`       // how long a dead worker's part of a dispatch waits for another
	Simulator  Simulator `koanf:"simulator"`
	LogLevel   string    `koanf:"log_level"` // debug info warn error
}

// Duration is written as 90s or 2m30s.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// HTTP is the one door that listens.
type HTTP struct {
	Addr      string   `koanf:"addr"`
	PublicURL string   `koanf:"public_url"` // as people type it; default http://<addr>
	MaxBody   int64    `koanf:"max_body"`   // bytes of an API request; audience imports are streamed without limit
	Proxies   []string `koanf:"proxies"`    // addresses of trusted reverse proxies
}

// Database is SQLite in the data directory, or PostgreSQL.
type Database struct {
	Driver string `koanf:"driver"` // sqlite | postgres
	DSN    string `koanf:"dsn"`
}

// Bus is the in-process NATS server unless a URL names a cluster.
type Bus struct {
	Listen string `koanf:"listen"` // host:port to open the embedded server to the outside; "" opens none
	URL    string `koanf:"url"`
}

// Simulator stands in for providers that are not configured.
type Simulator struct {
	URL  string `koanf:"url"` // of a `tocsin simulator` process; "" runs it inside
	SMTP string `koanf:"smtp"`
	CA   string `koanf:"ca_file"`
}

// textGap is what Tencent demands between two messages to one number unless its console says otherwise.
const textGap = Duration(30 * time.Second)

// Default is the embedded installation on this machine.
func Default() Config {
	return Config{
		Operator: "acme", Data: "data", Workers: 4, Lease: Duration(time.Minute), LogLevel: "info",
		HTTP:     HTTP{Addr: "127.0.0.1:8080", MaxBody: 4 << 20},
		Database: Database{Driver: "sqlite"},
		SMTP:     SMTP{Connections: 16, ReplyTime: Duration(2 * time.Minute)},
		Second:   SMTP{Connections: 16, ReplyTime: Duration(2 * time.Minute)},
		Aliyun: Aliyun{
			Region: "cn-hangzhou", SMS: "dysmsapi.aliyuncs.com", Push: "cloudpush.aliyuncs.com", Mainland: Way{Regions: []string{"CN"}, Gap: textGap}, Abroad: Way{Gap: textGap},
		},
		Tencent: Tencent{Region: "ap-guangzhou", Endpoint: "sms.tencentcloudapi.com", Way: Way{Regions: []string{"CN"}, Gap: textGap}},
		Bounces: Bounces{Mailbox: Mailbox{Folder: "INBOX", Every: Duration(time.Minute)}},
	}
}

// Load reads defaults, the file at path ("" for none) and the environment, lets data win when it is given,
// and validates the whole.
func Load(path string, environ []string, data string) (Config, error) {
	k := koanf.New(".")
	if path != "" {
		if err := k.Load(file.Provider(path), yamlParser{}); err != nil {
			return Config{}, fmt.Errorf("read configuration %s: %w", path, err)
		}
	}
	if err := k.Load(env.Provider(".", env.Opt{
		Prefix:      "TOCSIN_",
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(key, v string) (string, any) {
			if key == "TOCSIN_URL" || key == "TOCSIN_TOKEN" { // of the commands that call a service
				return "", nil
			}
			return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(key, "TOCSIN_")), "__", "."), v
		},
	}), nil); err != nil {
		return Config{}, fmt.Errorf("read environment: %w", err)
	}
	c := Default()
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		ErrorUnused: true, WeaklyTypedInput: true, TagName: "koanf", Result: &c,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(mapstructure.TextUnmarshallerHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		return Config{}, fmt.Errorf("configuration has keys or values that do not fit: %w", err)
	}
	if data != "" {
		c.Data = data
	}
	if err := Secrets(c.secrets()...); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// Validate fills what follows from other settings and returns every fault at once.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Operator == "" || strings.ContainsAny(c.Operator, " ./*>\t") {
		bad("operator: give a short id without blanks, dots or wildcards")
	}
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.Data, "key")
	}
	if _, _, err := net.SplitHostPort(c.HTTP.Addr); err != nil {
		bad("http.addr: give host:port")
	}
	if _, _, err := net.SplitHostPort(c.WorkerAddr); c.WorkerAddr != "" && err != nil {
		bad("worker_addr: give host:port")
	}
	switch c.Database.Driver {
	case "sqlite":
		if c.Database.DSN == "" {
			c.Database.DSN = filepath.Join(c.Data, "tocsin.db")
		}
	case "postgres":
		if c.Database.DSN == "" {
			bad("database.dsn: PostgreSQL needs one, such as postgres://user@host/db")
		}
	default:
		bad("database.driver: sqlite or postgres")
	}
	if c.Workers < 0 || c.Workers > 256 {
		bad("workers: 0 to 256")
	}
	if c.Lease < Duration(time.Second) || c.Lease > Duration(time.Hour) {
		bad("lease: 1s to 1h")
	}
	return errors.Join(append(errs, c.providers()...)...)
}

// Simulated reports whether no provider is real. Only then the simulator stands in, for all of them: among real
// ones it would say of people that they were told.
func (c *Config) Simulated() bool {
	return c.SMTP.Addr == "" && c.Aliyun.KeyID == "" && c.Tencent.SecretID == ""
}

// StopLimit bounds a clean stop.
const StopLimit = 20 * time.Second

// Secrets reads each secret given as @file from that file, so that it need not stand in the environment.
func Secrets(values ...*string) error {
	for _, v := range values {
		if name, ok := strings.CutPrefix(*v, "@"); ok {
			b, err := os.ReadFile(name)
			if err != nil {
				return fmt.Errorf("read secret file: %w", err)
			}
			*v = strings.TrimSpace(string(b))
		}
	}
	return nil
}

// yamlParser lets koanf read YAML through the library the rest of Tocsin uses.
type yamlParser struct{}

func (yamlParser) Unmarshal(b []byte) (map[string]any, error) {
	m := map[string]any{}
	return m, yaml.Unmarshal(b, &m)
}

func (yamlParser) Marshal(m map[string]any) ([]byte, error) { return yaml.Marshal(m) }
