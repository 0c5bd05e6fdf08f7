package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

//go:embed look
var look embed.FS

// pages are the looks: one template for each page, each with the same frame, and two files.
type pages struct {
	templates map[string]*template.Template
	files     map[string][]byte
	version   string // of the files, in their addresses, so that a browser keeps them for good
}

func loadPages() (pages, error) {
	p := pages{templates: map[string]*template.Template{}, files: map[string][]byte{}}
	for _, name := range []string{"notices", "notice", "check", "message"} {
		t, err := template.ParseFS(look, "look/frame.html", "look/"+name+".html")
		if err != nil {
			return p, fmt.Errorf("read page: %w", err)
		}
		p.templates[name] = t
	}
	sum := sha256.New()
	for _, name := range []string{"portal.css", "portal.svg"} {
		b, err := look.ReadFile("look/" + name)
		if err != nil {
			return p, fmt.Errorf("read page: %w", err)
		}
		p.files[name] = b
		sum.Write(b)
	}
	p.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return p, nil
}

func (p *pages) file(name, contentType string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
		c.Data(http.StatusOK, contentType, p.files[name])
	}
}

// list shows the live announcements, newest first.
func (p *portal) list(c *gin.Context) {
	s, err := p.stock(c.Request.Context())
	if err != nil {
		p.unavailable(c, "list announcements", err)
		return
	}
	v := p.view(c, s)
	v.Title = "notices.title"
	v.describe(s)
	public(c)
	p.show(c, http.StatusOK, "notices", v)
}

// notice shows one announcement.
func (p *portal) notice(c *gin.Context) {
	s, err := p.stock(c.Request.Context())
	if err != nil {
		p.unavailable(c, "show announcement", err)
		return
	}
	v := p.view(c, s)
	a := s.find(c.Param("no"))
	if a == nil {
		private(c)
		v.Heading, v.Text = "notice.none.heading", "notice.none.text"
		p.show(c, http.StatusNotFound, "message", v)
		return
	}
	v.open(*a, s)
	public(c)
	p.show(c, http.StatusOK, "notice", v)
}

// ask shows the form of the check page. A code in the address would stand in histories and logs, so none
// is read from there.
func (p *portal) ask(c *gin.Context) {
	s, err := p.stock(c.Request.Context())
	if err != nil {
		p.unavailable(c, "show check page", err)
		return
	}
	v := p.view(c, s)
	v.Title = "check.title"
	private(c)
	p.show(c, http.StatusOK, "check", v)
}

const mostForm = 4 << 10

// check answers whether a code is from a notice of ours. There is one answer for every code of a notice and
// one for everything else, and neither repeats what was entered.
func (p *portal) check(c *gin.Context) {
	private(c)
	s, err := p.stock(c.Request.Context())
	if err != nil {
		p.unavailable(c, "check code", err)
		return
	}
	v := p.view(c, s)
	if !p.limit.allow(c.ClientIP(), p.Clock.Now()) {
		c.Header("Retry-After", "60")
		v.Heading, v.Text = "limited.heading", "limited.text"
		p.show(c, http.StatusTooManyRequests, "message", v)
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostForm)
	code := c.PostForm("code") // unreadable or too long: empty, which is no code
	a, ok, err := p.Notify.Genuine(c.Request.Context(), p.Operator, code)
	if err != nil {
		p.unavailable(c, "check code", err)
		return
	}
	v.Title, v.Answer = "check.title", "no"
	switch number := s.find(code); {
	case ok:
		v.Answer = "yes"
		v.about(*a, s)
	case number != nil: // public, so that saying so tells nothing
		v.Answer = "number"
		v.about(*number, s)
	}
	p.show(c, http.StatusOK, "check", v)
}

// show renders a page whole before any of it leaves.
func (p *portal) show(c *gin.Context, status int, page string, v *view) {
	var b bytes.Buffer
	if err := p.pages.templates[page].ExecuteTemplate(&b, "frame.html", v); err != nil {
		p.Log.ErrorContext(c.Request.Context(), "render page", "page", page, "error", err)
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Header("Content-Language", v.Locale)
	send(c, status, "text/html; charset=utf-8", b.Bytes())
}

// send answers, or says that the visitor has it already.
func send(c *gin.Context, status int, contentType string, body []byte) {
	if status == http.StatusOK && c.Writer.Header().Get("Cache-Control") != "no-store" {
		sum := sha256.Sum256(body)
		tag := `"` + hex.EncodeToString(sum[:12]) + `"`
		c.Header("ETag", tag)
		if c.GetHeader("If-None-Match") == tag {
			c.Status(http.StatusNotModified)
			return
		}
	}
	c.Data(status, contentType, body)
}
