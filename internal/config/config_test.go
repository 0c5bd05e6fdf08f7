package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "tocsin.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEnvironmentWinsOverFileAndFileOverDefaults(t *testing.T) {
	c, err := Load(write(t, "operator: shop\nhttp:\n  addr: 127.0.0.1:1\n  proxies: [10.0.0.1]\n"),
		[]string{"TOCSIN_HTTP__ADDR=127.0.0.1:2", "TOCSIN_HTTP__MAX_BODY=10", "TOCSIN_TOKEN=tcs_x", "HOME=/"}, "/var/lib/tocsin")
	require.NoError(t, err)
	require.Equal(t, "shop", c.Operator)
	require.Equal(t, "127.0.0.1:2", c.HTTP.Addr)
	require.EqualValues(t, 10, c.HTTP.MaxBody)
	require.Equal(t, []string{"10.0.0.1"}, c.HTTP.Proxies)
	require.Equal(t, "/var/lib/tocsin/key", c.KeyFile)
	require.Equal(t, "/var/lib/tocsin/tocsin.db", c.Database.DSN)
	require.True(t, c.Simulated())
}

func TestATypoStopsTheStart(t *testing.T) {
	_, err := Load(write(t, "operater: shop\n"), nil, "")
	require.ErrorContains(t, err, "operater")
	_, err = Load("", []string{"TOCSIN_HTTP__PORT=1"}, "")
	require.ErrorContains(t, err, "port")
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	_, err := Load("", []string{"TOCSIN_OPERATOR=a.b", "TOCSIN_DATABASE__DRIVER=postgres", "TOCSIN_SMTP__ADDR=mx:25", "TOCSIN_ALIYUN__KEY_ID=x", "TOCSIN_WORKERS=900"}, "")
	for _, want := range []string{"operator", "database.dsn", "smtp", "aliyun", "workers"} {
		require.ErrorContains(t, err, want)
	}
}

func TestSecretsMayStandInFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("s3cret\n"), 0o600))
	c, err := Load("", []string{"TOCSIN_ALIYUN__KEY_ID=x", "TOCSIN_ALIYUN__KEY_SECRET=@" + secret}, "")
	require.NoError(t, err)
	require.Equal(t, "s3cret", c.Aliyun.KeySecret)
}

func TestFaultsOfProvidersAreNamed(t *testing.T) {
	_, err := Load(write(t, `
smtp: {addr: "relay.example.com:25", hello: a.example, bounce: b.example, domain: a.example, plain: true, price: 1, dkim: [{domain: a.example}]}
smtp_second: {addr: "second.example.com:25", reply_time: 1ms}
tencent: {secret_id: x}
bounces: {cert_file: x, mailbox: {addr: "mail.example.com:993"}}
`), nil, "")
	for _, want := range []string{"smtp.plain", "smtp.dkim", "smtp: rate and price", "smtp_second", "smtp_second.reply_time", "tencent", "bounces: cert_file", "bounces.mailbox"} {
		require.ErrorContains(t, err, want)
	}
	c, err := Load(write(t, "smtp: {addr: \"127.0.0.1:25\", hello: a.example, bounce: b.example, domain: a.example, plain: true, rate: 50, regions: [CN, EEA]}\n"), nil, "")
	require.NoError(t, err)
	require.Equal(t, Way{Regions: []string{"CN", "EEA"}, Rate: 50}, c.SMTP.Way)
	require.Equal(t, []string{"CN"}, c.Aliyun.Mainland.Regions, "the mainland's provider serves the mainland's people unless it is told otherwise")
}

// Every key stands in the operator's guide: by itself, or under a group written as group.*.
func TestEveryKeyIsInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operator.md")
	require.NoError(t, err)
	var walk func(prefix string, of reflect.Type)
	walk = func(prefix string, of reflect.Type) {
		for f := range of.Fields() {
			tag := f.Tag.Get("koanf")
			switch {
			case tag == ",squash":
				walk(prefix, f.Type)
			case f.Type.Kind() == reflect.Struct:
				if !strings.Contains(string(guide), "`"+prefix+tag+".*`") {
					walk(prefix+tag+".", f.Type)
				}
			case prefix == "tencent." && (tag == "rate" || tag == "price" || tag == "currency"), prefix+tag == "bounces.key_file":
			default:
				require.Contains(t, string(guide), "| `"+prefix+tag+"` |")
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
}
