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
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	_ = time.Second
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
		do := func(acts ...chromedp.Action[chromedp.Void]) {
			if err := chromedp.Do(ctx, acts...); err != nil {
				t.Fatal(s.name, err)
			}
		}
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		if err != nil {
			t.Fatal(err)
		}
		do(chromedp.EmulateViewport(s.w, 844), chromedp.Navigate(u+s.url))
		if s.code != "" {
			do(chromedp.SendKeys("#code", s.code), chromedp.Click("button"), chromedp.WaitVisible(".answer"))
		}
		wide, err := chromedp.Run(ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth"))
		if err != nil {
			t.Fatal(err)
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		t.Log(s.name, wide)
		os.WriteFile("/tmp/portal/"+s.name+".png", png, 0o600)
	}
}
