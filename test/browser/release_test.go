package browser

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// told are the people of the file that is uploaded: two of its lines cannot be taken, one is there twice.
const (
	told      = 500
	firstWave = 250
)

// affected is a file of people; some mailboxes do not exist, some people are children.
func affected() string {
	var b strings.Builder
	b.WriteString("person_key,email,phone,locale,jurisdiction,minor,guardian1_email,data\n")
	for i := range told {
		switch {
		case i%100 == 50:
			fmt.Fprintf(&b, "k-%d,nouser+%d@example.com,,zh-Hans,CN,,,name\n", i, i)
		case i%50 == 7:
			fmt.Fprintf(&b, "k-%d,,,zh-Hans,CN,true,guardian%d@example.com,name\n", i, i)
		default:
			fmt.Fprintf(&b, "k-%d,person%d@example.com,,%s,CN,,,name;phone\n", i, i, []string{"zh-Hans", "en"}[i%2])
		}
	}
	b.WriteString("k-a,not an address,,zh-Hans,CN,,,name\nk-b,,12,zh-Hans,CN,,,name\nk-1,person1@example.com,,en,CN,,,name\n")
	return b.String()
}

// upload brings a file of people in, and returns the page of its audience.
func upload(p *person, h house) string {
	p.open(h.incident + "#audience")
	p.unfold("#import")
	p.choose("#audience-file", "affected.csv", affected())
	eval[bool](p, `(() => { const x = XMLHttpRequest.prototype, send = x.send; x.send = function () { x.send = send; setTimeout(() => this.onerror(), 50) }; document.querySelector("#import form button.primary").click(); return true })()`)
	p.until(`document.querySelector("#import .sending p").innerText.includes("连接中断") && !document.querySelector("#import form button.primary").disabled`)
	p.press("#import form button.primary")
	require.Contains(p.t, p.at(), "/audiences/aud_", p.text("main"))
	require.Contains(p.t, p.text("#counts"), fmt.Sprint(told))
	require.Contains(p.t, p.text("#aud-segments"), "监护人")
	require.Contains(p.t, p.text("#rejects"), "503")
	p.look("audience")
	page, _, _ := strings.Cut(p.at(), "?")
	rejects := eval[string](p, `(() => { const x = new XMLHttpRequest(); x.open("GET", document.querySelector("#rejects a[download]").href, false); x.send(); return x.responseText })()`)
	require.Equal(p.t, 4, strings.Count(rejects, "\n"), rejects)
	return strings.TrimPrefix(page, p.base)
}

// planned reads the plan of a notice, is refused a first wave that is none, and sets one.
func planned(p *person, notice string) {
	p.open(notice)
	require.NotEmpty(p.t, p.text("#release-plan .verdict-word"))
	require.Contains(p.t, p.text("#release-plan"), fmt.Sprint(told))
	require.Contains(p.t, p.text("#release-plan"), "CNY", "what it costs")
	p.unfold("#course-edit")
	p.look("course-edit")
	p.fill("#c-canary", "100")
	p.press("#course-edit button.primary")
	require.Contains(p.t, p.text("#course-edit .problem"), "250")
	p.fill("#c-canary", fmt.Sprint(firstWave))
	p.fill("#c-watch", "15")
	p.fill(`#course-edit select[name="watch.unit"]`, "s")
	p.press("#course-edit button.primary")
	require.Contains(p.t, p.at(), "done=course", p.text("main"))
	require.Contains(p.t, p.text("#course-said"), fmt.Sprint(firstWave))
}

// release presses the last button before what cannot be taken back.
func release(p *person, notice string, count int) string {
	p.open(notice)
	p.press(`#decision a.primary`)
	p.look("release")
	require.Contains(p.t, p.text("main"), fmt.Sprint(count))
	eval[bool](p, `document.querySelector('input[name=sure]').click(), true`)
	p.press("button.danger.solid")
	require.Contains(p.t, p.at(), "/dispatches/dsp_")
	return strings.TrimPrefix(p.at(), p.base)
}

// dispatch sends a first wave, pauses and resumes while it is watched, takes a provider out of use and back,
// and sees the rest follow. It returns the page of the dispatch.
func dispatch(p *person, notice string) string {
	sent := release(p, notice, told)
	p.keep("dispatch-running")
	p.until(`document.querySelector(".phase-now")?.innerText.includes("观察") ?? false`)
	p.look("dispatch-watching")
	p.unfold("#pause")
	p.fill("#pause-reason", "先核对首批退信")
	p.press("#pause button.primary")
	require.Contains(p.t, p.text(".why-paused"), "先核对首批退信")
	p.look("dispatch-paused")

	pauseProvider(p)
	p.open(sent)
	require.Contains(p.t, p.text("#bars"), "邮件中继")
	p.look("dispatch-provider-paused")
	p.open("/providers")
	p.unfold("#resume-relay")
	p.press("#resume-relay button")
	require.Contains(p.t, p.at(), "done=provider-resume", p.text("main"))

	p.open(sent)
	p.unfold("#resume")
	p.press("#resume button.primary")
	p.until(`document.querySelector("#progress .badge").className.includes("disp-done")`)
	p.look("dispatch-done")
	sum := 0
	for _, n := range eval[[]int](p, `[...document.querySelectorAll("#progress .legend strong")].map(e => Number(e.textContent.replace(/\D/g, "")))`) {
		sum += n
	}
	require.Equal(p.t, told, sum, "the states add up to the audience")
	return sent
}

func pauseProvider(p *person) {
	p.open("/providers")
	p.look("providers")
	p.unfold("#pause-relay")
	p.fill("#why-relay", "更换证书")
	p.press("#pause-relay button")
	require.Contains(p.t, p.at(), "done=provider-pause", p.text("main"))
	require.Contains(p.t, p.text("#relay"), "已暂停")
	p.look("provider-paused")
}

// proved finds one person, takes the proof, and has everything counted again.
func proved(p *person) {
	p.fill("#who", "person1@example.com")
	p.press("#search button")
	require.Contains(p.t, p.text("#found .told"), "k-1", "the person")
	require.NotContains(p.t, p.at(), "person1")
	p.look("search")
	proof := eval[string](p, `(() => { const x = new XMLHttpRequest(); x.open("GET", document.querySelector("#found a[download]").href, false); x.send(); return x.getResponseHeader("Content-Disposition") + x.responseText })()`)
	require.Contains(p.t, proof, "attachment")
	require.Contains(p.t, proof, `"recipient": 1`)
	require.NotContains(p.t, proof, "person1@")

	p.do(chromedp.Click(`form[action*="/recount"] button`))
	p.until(`document.querySelector("#recounted")?.className.includes("done") ?? false`)
	p.look("recounted")
}

// added tells people who were found later: the same words, approved for them alone.
func added(p, first, second *person, sent string) {
	p.open(sent)
	p.unfold("#add")
	p.choose("#missing-file", "later.csv", "person_key,email\nk-1,person1@example.com\nl-1,later1@example.com\nl-2,later2@example.com\n")
	p.press("#add form button.primary")
	require.Contains(p.t, p.text("#counts"), "2")
	p.look("addition-audience")
	p.press(`form[action$="/additions"] button.primary`)
	require.Contains(p.t, p.at(), "done=extended", p.text("main"))
	addition, _, _ := strings.Cut(strings.TrimPrefix(p.at(), p.base), "?")
	p.look("addition")
	approve(first, addition, false)
	approveIfNeeded(second, addition)
	release(p, addition, 2)
	p.until(`document.querySelector("#progress .badge").className.includes("disp-done")`)
	p.open(sent)
	require.Contains(p.t, p.text("#missing-list"), "2 人")
	p.look("dispatch-and-addition")
}
