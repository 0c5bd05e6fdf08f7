// Package layers holds the import rule of docs/ARCHITECTURE.md: a package imports only lower layers.
package layers

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layers from the bottom up. A package stands in the layer of its longest matching prefix.
var layers = map[string]int{
	"tocsin/incident/evidence": 1, "tocsin/internal/clock": 1, "tocsin/internal/config": 1, "tocsin/internal/seal": 1,
	"tocsin/internal/bus": 1, "tocsin/internal/call": 1, "tocsin/internal/aliyun": 1, "tocsin/internal/tencent": 1,
	"tocsin/incident":  2,
	"tocsin/templates": 3, "tocsin/internal/access": 3,
	"tocsin/playbooks/obligation": 4, "tocsin/notify": 4,
	"tocsin/playbooks":       5,
	"tocsin/incident/intake": 6, "tocsin/notify/fanout": 6, "tocsin/notify/channel": 6, "tocsin/notify/receipt": 6,
	"tocsin/internal/store": 6, "tocsin/internal/outbox": 6, "tocsin/internal/watch": 6, "tocsin/internal/httpapi": 6,
	"tocsin/internal/natsapi": 6, "tocsin/internal/console": 6, "tocsin/internal/portal": 6, "tocsin/internal/simulator": 6,
	"tocsin/internal/app": 7,
	"tocsin/cmd":          8,
	"tocsin/test":         9,
}

// doors of layer 6 may mount these rooms of layer 6, and no other.
var doors = map[string]bool{"tocsin/internal/httpapi": true, "tocsin/internal/natsapi": true, "tocsin/internal/console": true, "tocsin/internal/portal": true}
var mountable = map[string]bool{"tocsin/incident/intake": true, "tocsin/notify/receipt": true}

// clouds share, within layer 1, how a call is carried.
var clouds = map[string]string{"tocsin/internal/aliyun": "tocsin/internal/call", "tocsin/internal/tencent": "tocsin/internal/call"}

// walls name who alone may import a module, with the reason.
var walls = []struct {
	module string
	only   []string
	why    string
}{
	{"github.com/aliyun/alibaba-cloud-sdk-go", []string{"tocsin/internal/aliyun"}, "its defects are walled in"},
	{"github.com/jordan-wright/email", []string{"tocsin/notify/channel/email"}, "its defects are walled in"},
	{"github.com/gin-gonic/gin", []string{"tocsin/internal/httpapi", "tocsin/internal/console", "tocsin/internal/portal", "tocsin/internal/app"}, "the domain does not know HTTP"},
	{"github.com/nats-io/", []string{"tocsin/internal/bus"}, "the domain does not know NATS"},
	{"github.com/emersion/go-imap", []string{"tocsin/notify/receipt/inbox"}, "only bounces come from a mailbox"},
	{"database/sql", []string{"tocsin/internal/store"}, "the domain does not know SQL"},
	{"modernc.org/sqlite", []string{"tocsin/internal/store"}, "the domain does not know SQL"},
	{"github.com/jackc/pgx", []string{"tocsin/internal/store"}, "the domain does not know SQL"},
}

// pure packages reach neither network, disk, clock nor randomness of their own.
var pure = map[string][]string{
	"tocsin/incident/evidence":    {"net", "net/http", "os", "database/sql"},
	"tocsin/playbooks/obligation": {"net", "net/http", "os", "database/sql"},
}

type pkg struct {
	ImportPath  string
	Imports     []string
	TestImports []string
	Module      *struct{ Path string }
}

func list(t *testing.T) []pkg {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports", "tocsin/...").Output()
	require.NoError(t, err)
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		require.NoError(t, dec.Decode(&p))
		pkgs = append(pkgs, p)
	}
	require.NotEmpty(t, pkgs)
	return pkgs
}

func layerOf(path string) (name string, layer int) {
	for prefix, l := range layers {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > len(name) {
			name, layer = prefix, l
		}
	}
	return name, layer
}

func TestPackagesImportOnlyLowerLayers(t *testing.T) {
	for _, p := range list(t) {
		from, layer := layerOf(p.ImportPath)
		require.NotZero(t, layer, "%s stands in no layer: add it to docs/ARCHITECTURE.md and here", p.ImportPath)
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, "tocsin/") {
				continue
			}
			to, below := layerOf(imp)
			switch {
			case below < layer, strings.HasPrefix(imp, p.ImportPath+"/"), from == to, layer == 9:
			case doors[from] && mountable[to], clouds[from] == to:
			default:
				t.Errorf("%s (layer %d) imports %s (layer %d)", p.ImportPath, layer, imp, below)
			}
		}
		if layer == 8 {
			for _, imp := range p.Imports {
				to, below := layerOf(imp)
				if below == 6 {
					t.Errorf("%s imports %s: cmd reaches rooms through internal/app", p.ImportPath, to)
				}
			}
		}
	}
}

func TestLibrariesStayBehindTheirWalls(t *testing.T) {
	for _, p := range list(t) {
		from, layer := layerOf(p.ImportPath)
		for _, imp := range p.Imports {
			for _, w := range walls {
				if strings.HasPrefix(imp, w.module) && layer != 9 && !contains(w.only, from, p.ImportPath) {
					t.Errorf("%s imports %s: only %v may, because %s", p.ImportPath, imp, w.only, w.why)
				}
			}
			for _, forbidden := range pure[p.ImportPath] {
				if imp == forbidden {
					t.Errorf("%s imports %s: it is pure", p.ImportPath, imp)
				}
			}
		}
	}
}

func contains(only []string, names ...string) bool {
	for _, o := range only {
		for _, n := range names {
			if o == n || strings.HasPrefix(n, o+"/") {
				return true
			}
		}
	}
	return false
}
