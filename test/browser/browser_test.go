// Package browser goes the whole way from sign-in to sent in a real browser, against the real binary.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// person is one signed-in colleague with a browser of their own.
type person struct {
	t    *testing.T
	ctx  context.Context
	base string
	axe  string
	name string
	mu   sync.Mutex
	said []string // console errors and violated policies
}

// chrome is the path of the browser.
func chrome(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Fatal("no browser: install Chromium (make tools) or set CHROME to its path")
	return ""
}

// browse starts a browser without sessions.
func browse(t *testing.T, base, axe, name string, width int64) *person {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chrome(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	t.Cleanup(cancel)
	p := &person{t: t, ctx: ctx, base: base, axe: axe, name: name}
	p.do(chromedp.EmulateViewport(width, 900))
	messages := chromedp.Console(ctx)
	go p.hear(messages)
	return p
}

// hear keeps what a page complains of: errors, and violated policies, which the log has as errors too. A form
// that is shown again with its faults is answered with a status that the browser logs.
func (p *person) hear(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		refused := m.Source == "network" && strings.Contains(m.Text, "status of 400")
		if !refused && (m.IsException() || m.Type == chromedp.ConsoleError || strings.Contains(m.Text, "Content Security Policy")) {
			p.mu.Lock()
			p.said = append(p.said, m.String()+" "+m.URL)
			p.mu.Unlock()
		}
	}
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.keep("failed")
		p.t.Fatalf("%s: %v at %s\n%s", p.name, err, p.at(), p.text("main"))
	}
}

func (p *person) at() string {
	at, _ := chromedp.Run(p.ctx, chromedp.Location())
	return at
}

// eval runs a script and returns what it gives.
func eval[T any](p *person, script string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script))
	require.NoError(p.t, err, script)
	return v
}

func (p *person) text(selector string) string {
	return eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// until waits for a page to say something; live pages change by themselves, and pages come and go meanwhile.
func (p *person) until(script string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script)); err == nil && done {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.keep("failed")
			p.t.Fatalf("%s waited for %s at %s\n%s", p.name, script, p.at(), p.text("main"))
		}
	}
}

func (p *person) open(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.base + path))
}

// press clicks what leads to another page and waits for it.
func (p *person) press(selector string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e) throw new Error("nothing to press"); window.here = true; e.click(); return true })()`, selector))
	p.until(`window.here === undefined && document.readyState === "complete"`)
}

func (p *person) fill(selector, value string) {
	p.t.Helper()
	p.do(chromedp.SetValue(selector, value))
}

// choose puts a file into a form.
func (p *person) choose(selector, name, content string) {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), name)
	require.NoError(p.t, os.WriteFile(file, []byte(content), 0o600))
	p.do(chromedp.SetUploadFiles(selector, []string{file}))
}

// unfold opens what is folded away.
func (p *person) unfold(selector string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e) throw new Error("nothing to unfold"); e.open = true; return true })()`, selector))
}

func (p *person) signIn(password string) {
	p.t.Helper()
	p.open("/sign-in")
	p.look("sign-in")
	p.do(chromedp.SendKeys("#login", p.name), chromedp.SendKeys("#password", password))
	p.press("main button.primary")
	require.Contains(p.t, p.text(".who"), " ", "signed in")
}

// look checks a page's accessibility and keeps a picture of it.
func (p *person) look(name string) {
	p.t.Helper()
	p.keep(name)
	eval[bool](p, `(() => {`+p.axe+`; return true })()`)
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"], iframes: false}).then(r => JSON.stringify(r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.target + " " + n.failureSummary).join(" | "))))`,
		chromedp.EvalAwaitPromise))
	require.NoError(p.t, err)
	var violations []string
	require.NoError(p.t, json.Unmarshal([]byte(found), &violations))
	require.Empty(p.t, violations, "%s at %s", name, p.at())
	wide := eval[int](p, `document.documentElement.scrollWidth - innerWidth`)
	require.LessOrEqual(p.t, wide, 0, "%s is wider than the screen", name)
}

// keep saves a picture where one is wanted.
func (p *person) keep(name string) {
	dir := os.Getenv("TOCSIN_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(p.t, err)
	require.NoError(p.t, os.MkdirAll(dir, 0o755))
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, name+"."+p.name+".png"), picture, 0o644))
}

// quiet holds that no page complained.
func (p *person) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Empty(p.t, p.said, "%s's browser complained", p.name)
}
