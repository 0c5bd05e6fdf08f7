package browser

import (
	"fmt"
	"maps"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const people = 20 // of the demonstration itself

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
	duty := decide(shen, lin, h)
	activatePlan(shen, h)
	letter(shen, h)
	shen.open(h.incident)
	notice := eval[[]string](shen, fmt.Sprintf(links, "ntc"))[0]
	audience := upload(shen, h)
	planned(shen, notice)
	submitNotice(shen, notice)
	refuseOwn(shen, notice)
	approve(lin, notice, true)
	approveIfNeeded(zhou, notice)
	sent := dispatch(shen, notice)
	proved(shen)
	added(shen, lin, zhou, sent)

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
	for name, path := range map[string]string{"reasons": h.incident + "/reasons", "customers": h.incident + "/customers", "rules": h.incident + "/rules", "law": "/law", "profile": "/profile"} {
		zhou.open(path)
		zhou.look(name)
	}
	inEnglish(lin, h, duty, map[string]string{"audience": audience, "dispatch": sent, "notice": notice, "providers": "/providers"})
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

// dutyTo finds a duty on the incident's page by its addressee.
func dutyTo(p *person, h house, addressee string) string {
	p.open(h.incident)
	duty := eval[string](p, fmt.Sprintf(`[...document.querySelectorAll('#clock-list a[href^="/duties/"]')].find(a => a.closest("article, a.line").innerText.includes(%q))?.getAttribute("href") ?? ""`, addressee))
	require.NotEmpty(p.t, duty, "a duty to %s", addressee)
	return duty
}

// decide has one person propose that individuals need not be told, and another confirm it; then a fact reopens it.
// It returns the duty.
func decide(first, second *person, h house) string {
	first.open(h.incident)
	first.fill(`[id="fact-harm_prevented"] select`, "true")
	first.press(`[id="fact-harm_prevented"] form button.primary`)
	duty := dutyTo(first, h, "受影响的个人")
	first.open(duty)
	first.look("duty")
	first.fill("#exempt-reason", "密钥始终安全保管，泄露的数据无法读取。")
	first.press("#exempt form button.primary")
	require.Contains(first.t, first.at(), "done=proposed", first.text("main"))
	require.Zero(first.t, eval[int](first, `document.querySelectorAll('button[value=confirm]').length`), "the first person cannot be the second")

	second.open(duty)
	second.look("duty-to-confirm")
	second.press(`button[value=confirm]`)
	require.Contains(second.t, second.at(), "done=confirmed", second.text("main"))
	require.Contains(second.t, second.text("#duty-head"), "豁免")

	first.open(h.incident)
	first.fill(`[id="fact-harm_prevented"] select`, "false")
	first.press(`[id="fact-harm_prevented"] form button.primary`)
	first.open(duty)
	require.Contains(first.t, first.text("#decision-list"), "已自动重新打开")
	require.NotContains(first.t, first.text("#duty-head .badges"), "豁免")
	first.look("duty-reopened")
	return duty
}

func activatePlan(p *person, h house) {
	p.open(h.incident + "/response")
	p.look("response")
	p.fill("#p-name", "网络安全事件应急预案")
	p.fill("#p-version", "3")
	p.fill("#p-level", "II")
	p.press("#activate form button.primary")
	require.Contains(p.t, p.text("#plan-now"), "网络安全事件应急预案")
}

// letter records what an authority asks, and the answer.
func letter(p *person, h house) {
	p.open(h.incident + "/response")
	p.fill("#l-kind", "questions")
	p.fill("#l-authority", eval[string](p, `document.querySelector("#l-authority option[value^='provincial-cac']").value`))
	p.fill("#l-reference", "沪网信函〔2026〕7号")
	p.fill("#l-text", "受影响人数是多少？")
	p.fill("#l-due", eval[string](p, `document.querySelector("#l-received").value.replace(/^\d+/, y => Number(y) + 1)`))
	p.press("#new-letter form button.primary")
	require.Contains(p.t, p.text("#letter-list"), "沪网信函")
	p.look("letter")
	p.fill(`#letter-list input[name=via]`, "公函")
	p.press(`#letter-list form button.primary`)
	require.Contains(p.t, p.text("#letter-list"), "已答复")
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

// inEnglish looks at the main pages on a phone, in the other language and in the dark.
func inEnglish(p *person, h house, duty string, more map[string]string) {
	for _, choice := range []string{`button[value=en]`, `button[value=dark]`} {
		p.press(choice)
	}
	require.Equal(p.t, "en", eval[string](p, `document.documentElement.lang`))
	p.open(h.incident)
	p.look("incident-dark-en")
	maps.Copy(more, map[string]string{"duty": duty, "response": h.incident + "/response", "law": "/law?q=gdpr", "incidents": "/"})
	for name, path := range more {
		p.open(path)
		p.look(name + "-dark-en")
	}
}
