package portal_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func TestZShot(t *testing.T) {
	if os.Getenv("ZSHOT") == "" {
		return
	}
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	actx, c0 := chromedp.NewExecAllocator(context.Background(), o...)
	defer c0()
	ctx, c1 := chromedp.NewContext(actx)
	defer c1()
	ctx, c2 := context.WithTimeout(ctx, 100*time.Second)
	defer c2()
	u := "http://127.0.0.1:18999"
	for _, s := range []struct {
		name, url, code string
		w         int64
		dark      bool
	}{
		{"p-notices-zh", "/notices?lang=zh-Hans", "", 390, false},
		{"p-notice-en-dark", "/notices/7K3M-Q2RD?lang=en", "", 390, true},
		{"p-yes-zh", "/check?lang=zh-Hans", code, 390, false},
		{"p-no-en-dark", "/check?lang=en", "wrong", 390, true},
		{"d-check-zh", "/check?lang=zh-Hans", "", 1280, false},
		{"d-yes-en", "/check?lang=en", code, 1280, false},
		{"d-no-zh", "/check?lang=zh-Hans", "wrong", 1280, false},
		{"d-notice-zh-dark", "/notices/7K3M-Q2RD?lang=zh-Hans", "", 1280, true},
		{"d-404-en", "/notices/xxx?lang=en", "", 1280, false},
	} {
		scheme := "light"
		if s.dark {
			scheme = "dark"
		}
		var png []byte
		acts := []chromedp.Action{
			emulation.SetDeviceMetricsOverride(s.w, 844, 1, s.w < 500),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Navigate(u + s.url),
		}
		if s.code != "" {
			acts = append(acts, chromedp.SendKeys("#code", s.code), chromedp.Click("button"), chromedp.WaitVisible(".answer"))
		}
		var wide int
		acts = append(acts, chromedp.Evaluate("document.documentElement.scrollWidth", &wide), chromedp.FullScreenshot(&png, 100))
		if err := chromedp.Run(ctx, acts...); err != nil {
			t.Fatal(s.name, err)
		}
		t.Log(s.name, wide)
		os.WriteFile("/tmp/portal/"+s.name+".png", png, 0o600)
	}
}
