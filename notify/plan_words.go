package notify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/templates"
)

// planWords are what a plan tells people; ‹value› and ‹people› stand for what it is about.
var planWords = map[string]map[string]string{
	"ladder": {"zh-Hans": "假设每个渠道失败的比例不超过 ‹value›，超过即自动暂停；失败者转入下一渠道。", "en": "Assumes that each channel fails for no more than ‹value›, beyond which the dispatch pauses itself; those go on to the next channel."},
	"waits":  {"zh-Hans": "假设在 ‹value› 上没有人在等待时间内给出送达回执，全部转入下一渠道。", "en": "Assumes that nobody's arrival on ‹value› is confirmed within the wait, so that all are sent to on the next channel as well."},
	"tail":   {"zh-Hans": "最后回执的时间按渠道的最长值计：短信 72 小时，邮件 48 小时，推送 72 小时。", "en": "Counts the longest that a last word takes: 72 hours for SMS, 48 for e-mail, 72 for push."},

	"region":        {"zh-Hans": "居住在 ‹value› 的 ‹people› 人没有任何可用的服务商：没有服务商服务该地区，也没有记录跨境传输的法律依据。", "en": "No provider may serve ‹people› people who live in ‹value›: none serves that region, and no legal basis of a transfer is recorded."},
	"mainland":      {"zh-Hans": "‹people› 人只有大陆手机号，没有服务商能发到。", "en": "No provider reaches ‹people› people who have a mainland mobile number only."},
	"abroad":        {"zh-Hans": "‹people› 人只有境外号码，没有服务商能发到。", "en": "No provider reaches ‹people› people who have a number outside the mainland only."},
	"landline":      {"zh-Hans": "‹people› 人只有固定电话，收不到短信。", "en": "‹people› people have a landline number only, where no short message arrives."},
	"no-provider":   {"zh-Hans": "渠道 ‹value› 没有配置服务商。", "en": "No provider is configured for ‹value›."},
	"paused":        {"zh-Hans": "服务商 ‹value› 已暂停，‹people› 人在等它恢复。", "en": "Provider ‹value› is paused; ‹people› people wait for it."},
	"rate-unknown":  {"zh-Hans": "服务商 ‹value› 的速率既未配置也未测得，无法计算完成时间。", "en": "The rate of provider ‹value› is neither configured nor measured, so that no time can be given."},
	"price-unknown": {"zh-Hans": "服务商 ‹value› 没有配置价格，费用未计入。", "en": "No price is configured for provider ‹value›; its messages are not in the cost."},
	"unreachable":   {"zh-Hans": "计划中的任何渠道都到达不了 ‹people› 人：准备替代通知。", "en": "No channel of the plan reaches ‹people› people: prepare a substitute notice."},
	"nobody":        {"zh-Hans": "受众为空。", "en": "The audience is empty."},

	"cannot":       {"zh-Hans": "无法在期限前发完。", "en": "The plan cannot finish in time."},
	"tight":        {"zh-Hans": "能在期限前发完，但最后的退信可能在期限之后才到。", "en": "Everybody is sent to in time, but the last bounces can come after the deadline."},
	"start-now":    {"zh-Hans": "立即开始发送。", "en": "Start now."},
	"email-first":  {"zh-Hans": "‹people› 人有邮箱：先发邮件。", "en": "‹people› people have a mailbox: add e-mail, and put it first."},
	"publish-page": {"zh-Hans": "先发布公告页面。", "en": "Publish the page first."},
	"slowest":      {"zh-Hans": "最慢的是服务商 ‹value›：向其申请更高速率，或增加第二家服务商。", "en": "Provider ‹value› is the slowest: ask it for a higher rate, or add a second one."},
	"own-rate":     {"zh-Hans": "限制速度的是本次发送自己的设置（‹value›）：提高或取消该上限。", "en": "What holds it back is this dispatch's own limit on ‹value›: raise it, or take it away."},
	"canary":       {"zh-Hans": "受众超过一万人：建议先发给一小批人（例如 250 人），观察后再继续。", "en": "More than 10,000 people: send to a first wave, such as 250, and watch it before the rest follows."},
	"quiet":        {"zh-Hans": "现在是 ‹people› 人的夜间：到 ‹value› 之前不发短信。", "en": "It is night for ‹people› people: they are not disturbed until ‹value›."},
}

func planNote(code, value string, people int64) PlanNote {
	n := PlanNote{Code: code, Value: value, People: people, Text: map[string]string{}}
	for locale := range planWords[code] {
		n.Text[locale] = n.Say(locale, value, fmt.Sprint(people))
	}
	return n
}

// Say is the note with its value and number of people as a reader knows them.
func (n PlanNote) Say(locale, value, people string) string {
	return strings.NewReplacer("‹value›", value, "‹people›", people).Replace(planWords[n.Code][locale])
}

// problem notes what is wrong, once for each value.
func (p *planner) problem(code, value string, people int64) {
	if i := slices.IndexFunc(p.out.Problems, func(n PlanNote) bool { return n.Code == code && n.Value == value }); i >= 0 {
		people += p.out.Problems[i].People
		p.out.Problems = slices.Delete(p.out.Problems, i, i+1)
	}
	p.out.Problems = append(p.out.Problems, planNote(code, value, people))
}

func (p *planner) advice(code, value string, people int64) {
	p.out.Advice = append(p.out.Advice, planNote(code, value, people))
}

// advise says what a person can do about it, and what was taken for granted.
func (p *planner) advise() {
	o, d := &p.out, p.doc
	if p.personal() {
		o.Assumptions = append(o.Assumptions, planNote("ladder", fmt.Sprintf("%g %%", 100*d.Course.Limit.orDefault().Failed), 0), planNote("tail", "", 0))
		for _, c := range slices.Sorted(maps.Keys(d.Course.Waits)) {
			o.Assumptions = append(o.Assumptions, planNote("waits", c, 0))
		}
		if o.People == 0 {
			p.problem("nobody", "", 0)
		}
	}
	if o.Unreachable > 0 {
		p.problem("unreachable", "", o.Unreachable)
	}
	if o.Verdict != Finishes {
		p.hurry()
	}
	if o.People > suggestCanaryOver && d.Course.Canary == 0 {
		p.advice("canary", "", 0)
	}
}

// hurry advises on a plan that does not finish well before its deadline.
func (p *planner) hurry() {
	p.advice(string(p.out.Verdict), "", 0)
	p.advice("start-now", "", 0)
	mail := p.people.ByChannel[templates.Email]
	var slowest WayPlan
	var on string
	for _, c := range p.out.Channels {
		if c.Channel == templates.Email {
			mail -= c.First // they have it first already
		}
		for _, l := range c.Providers {
			if l.Seconds > slowest.Seconds {
				slowest, on = l, c.Channel
			}
		}
	}
	if mail > 0 && p.out.Verdict == Cannot {
		p.advice("email-first", "", mail)
	}
	if !slices.Contains(p.doc.Channels, templates.Announcement) {
		p.advice("publish-page", "", 0)
	}
	switch {
	case p.out.Verdict != Cannot || slowest.ID == "":
	case slowest.RateFrom == "course":
		p.advice("own-rate", on, 0)
	default:
		p.advice("slowest", slowest.ID, 0)
	}
}
