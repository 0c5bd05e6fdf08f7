package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"

	"github.com/gin-gonic/gin"
)

// Own style and script, and third-party scripts when `make assets` has fetched them.
//
//go:embed assets
var assetFiles embed.FS

const vendor = "assets/vendor"

// assets are the static files, each known under a name that changes with its content.
type assets struct {
	byName map[string]asset // name in the address
	names  map[string]string
	live   bool // third-party scripts are there
}

type asset struct {
	contentType string
	body        []byte
}

func loadAssets() (assets, error) {
	a := assets{byName: map[string]asset{}, names: map[string]string{}}
	for _, dir := range []string{"assets", vendor} {
		entries, err := fs.ReadDir(assetFiles, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return a, err
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			body, err := assetFiles.ReadFile(dir + "/" + e.Name())
			if err != nil {
				return a, err
			}
			sum := sha256.Sum256(body)
			ext := path.Ext(e.Name())
			name := e.Name()[:len(e.Name())-len(ext)] + "-" + hex.EncodeToString(sum[:6]) + ext
			a.names[e.Name()] = "/assets/" + name
			a.byName[name] = asset{mime.TypeByExtension(ext), body}
		}
	}
	a.live = a.names["htmx.min.js"] != "" && a.names["sse.js"] != ""
	return a, nil
}

// asset serves one file; its name fixes its content, so it may be kept for ever.
func (c *console) asset(g *gin.Context) {
	a, ok := c.assets.byName[g.Param("name")]
	if !ok {
		g.Status(http.StatusNotFound)
		return
	}
	g.Header("Cache-Control", "public, max-age=31536000, immutable")
	g.Header("X-Content-Type-Options", "nosniff")
	g.Data(http.StatusOK, a.contentType, a.body)
}
