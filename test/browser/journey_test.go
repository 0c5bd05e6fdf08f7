package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const people = 300

// links finds documents of a kind on the incident's page: ntc or rpt.
const links = `[...document.querySelectorAll('#document-list a[href*="/documents/%s"]')].map(a => a.getAttribute("href"))`

// TestFromSignInToSent is what a responder and two approvers do in one night.
func TestFromSignInToSent(t *testing.T) {
	h := start(t, fmt.Sprint(people))
	checker := axe(t)
	shen := browse(t, h.base, checker, "shen", 1280) // works the incident
	lin := browse(t, h.base, checker, "lin", 390)    // approves, on a phone
	zhou := browse(t, h.base, checker, "zhou", 1280) // approves

	shen.signIn(h.passwords["shen"])
	shen.look("incidents")
	shen.press("a.incident")
	require.Contains(t, shen.at(), h.incident)
	shen.until(fmt.Sprintf(links, "ntc") + `.length > 0`)
	shen.look("incident-new")

	decideAwareness(shen)
	completeTask(shen, h)
	lin.signIn(h.passwords["lin"])
	zhou.signIn(h.passwords["zhou"])
	notice := eval[[]string](shen, fmt.Sprintf(links, "ntc"))[0]
	submitNotice(shen, notice)
	refuseOwn(shen, notice)
	approve(lin, notice, true)
	approve(zhou, notice, false)
	dispatch(shen, notice)

	report := firstReport(shen, h)
	submitReport(shen, report)
	approve(lin, report, false)
	approveIfNeeded(zhou, report)
	file(shen, report)

	shen.open(h.incident)
	shen.look("incident-sent")
	shen.open(h.incident + "/timeline")
	shen.look("timeline")
	shen.open("/tasks")
	shen.look("tasks")
	inChinese(lin, h)
	for _, p := range []*person{shen, lin, zhou} {
		p.quiet()
	}
}

func decideAwareness(p *person) {
	p.fill("#aware_reason", "The on-call engineer confirmed the export to the incident lead.")
	p.press("#decide-aware button.primary")
	require.Contains(p.t, p.text(".flash.done"), "时限")
	require.NotContains(p.t, p.text("#clock-list"), "暂定")
}

func completeTask(p *person, h house) {
	p.open(h.incident + "#tasks")
	p.press(`#task-list form button.primary`)
	require.NotEmpty(p.t, p.text(".flash.done"))
}

func submitNotice(p *person, notice string) {
	p.open(notice)
	p.look("notice-draft")
	for _, channel := range []string{"push", "sms", "email", "announcement"} {
		p.open(notice + "?locale=en&channel=" + channel)
		p.until(`document.querySelector("iframe.preview")?.src.includes("channel=` + channel + `")`)
		p.do(chromedp.WaitReady("iframe.preview"))
	}
	p.look("notice-preview")
	p.press("#decision form button.primary")
	require.Contains(p.t, p.at(), "done=submitted", p.text("main"))
	p.look("notice-submitted")
}

// refuseOwn holds that who submitted sees no way to approve.
func refuseOwn(p *person, document string) {
	p.open(document)
	require.Zero(p.t, eval[int](p, `document.querySelectorAll('form[action$="/approve"]').length`))
}

func approve(p *person, document string, first bool) {
	p.open("/approvals")
	p.look("approvals")
	p.press(`a[href="` + document + `"]`)
	p.look("approve")
	digest := p.text("code.digest")
	require.Len(p.t, digest, 64)
	eval[bool](p, `document.querySelector('input[name=read]').click(), true`)
	p.press(`form[action$="/approve"] button.primary`)
	require.Contains(p.t, p.at(), "done=appro", p.text("main"))
	require.Equal(p.t, digest, p.text("code.digest"))
	if first {
		require.Contains(p.t, p.text("#approvals"), "（您）")
	}
}

// approveIfNeeded gives the second approval where the policy asks for one.
func approveIfNeeded(p *person, document string) {
	p.open(document)
	if eval[bool](p, `!!document.querySelector('form[action$="/approve"]')`) {
		approve(p, document, false)
	}
}

func dispatch(p *person, notice string) {
	p.open(notice)
	p.press(`#decision a.primary`)
	p.look("release")
	require.Contains(p.t, p.text("main"), fmt.Sprint(people))
	eval[bool](p, `document.querySelector('input[name=sure]').click(), true`)
	p.press("button.danger.solid")
	require.Contains(p.t, p.at(), "/dispatches/dsp_")
	p.keep("dispatch-running")
	p.until(`document.querySelector("#progress .badge").className.includes("disp-done")`)
	p.look("dispatch-done")
	legend := eval[[]int](p, `[...document.querySelectorAll(".legend strong")].map(e => Number(e.textContent.replace(/\D/g, "")))`)
	sum := 0
	for _, n := range legend {
		sum += n
	}
	require.Equal(p.t, people, sum, "the states add up to the audience")

	p.fill("#who", "user1@example.com")
	p.press("#search button")
	require.Contains(p.t, p.text("#search table"), "2", "person no. 2")
	require.NotContains(p.t, p.at(), "user1")
	p.look("search")
}

func firstReport(p *person, h house) string {
	p.open(h.incident)
	reports := eval[[]string](p, fmt.Sprintf(links, "rpt"))
	require.NotEmpty(p.t, reports)
	return reports[0]
}

// submitReport says "not yet known" where the law allows it, writes the rest, and submits.
func submitReport(p *person, report string) {
	for _, locale := range []string{"zh-Hans", "en"} {
		p.open(report + "?locale=" + locale)
		p.look("report-" + locale)
		missing := eval[int](p, `(() => {
			const blocks = [...document.querySelectorAll(".block.short")];
			for (const b of blocks) {
				const open = b.querySelector("input[type=checkbox]");
				if (open) { open.checked = true; continue; }
				b.querySelector("textarea").value = "本项由响应人员核实后填写。 Checked and written by the responder.";
			}
			return blocks.length;
		})()`)
		if missing > 0 {
			p.press("form.editor button.primary")
			require.Contains(p.t, p.at(), "done=saved", p.text("main"))
		}
	}
	p.open(report)
	p.press("#decision form button.primary")
	require.Contains(p.t, p.at(), "done=submitted", p.text("main"))
}

func file(p *person, report string) {
	p.open(report)
	p.press(`form[action$="/filings"] button.primary`) // without what must be given
	require.NotEmpty(p.t, p.text(".flash.bad"))
	p.look("filing-refused")
	p.fill("#f-receipt", "CAC-2026-000123")
	p.fill("#f-contact", "Duty desk")
	p.press(`form[action$="/filings"] button.primary`)
	require.Contains(p.t, p.at(), "done=filed", p.text("main"))
	require.Contains(p.t, p.text(".filings"), "CAC-2026-000123")
	p.look("filed")
}

// inChinese looks at the main pages on a phone, in the other language and in the dark.
func inChinese(p *person, h house) {
	for _, choice := range []string{`button[value=en]`, `button[value=dark]`} {
		p.press(choice)
	}
	require.Equal(p.t, "en", eval[string](p, `document.documentElement.lang`))
	p.open(h.incident)
	p.look("incident-dark-en")
	p.open("/")
	p.look("incidents-dark-en")
}
