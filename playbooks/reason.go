package playbooks

import (
	"strings"

	"tocsin/templates"
)

// Reasons of duties and steps, as stored: English words, then after ": " ids and fact paths, never values.
// Say puts them into a reader's language.
const (
	EarlierStands  = "the earlier deadline stands until a person accepts the later one with a reason"
	FactsChanged   = "facts changed"
	ProfileChanged = "the operator's profile changed"
	RulesChanged   = "the rules changed"
	TimeWentOn     = "time passed"

	ReasonCondition = "the step's condition does not hold"
	ReasonUnknown   = "waits for facts that are still unknown"
	ReasonAfter     = "waits for another step"
	ReasonNoDuty    = "no such duty"
	ReasonLapsed    = "the duty no longer applies"
	ReasonAssess    = "it is still open whether the duty applies"
	ReasonNoClock   = "the duty's clock has not started"
	ReasonOnHold    = "the duty is on hold"
	ReasonDrafting  = "the draft is being made"
	ReasonWithdrawn = "the document was withdrawn"
	ReasonComplete  = "nothing was left open"
	ReasonMet       = "met"
	ReasonReturned  = "the authority returned the report"
	ReasonVoluntary = "voluntary: begins when somebody undertakes it"
)

var chinese = map[string]string{
	EarlierStands:   "在有人说明理由接受较晚的期限之前，仍以较早的期限为准",
	FactsChanged:    "事实已变更",
	ProfileChanged:  "运营者档案已变更",
	RulesChanged:    "规则已更新",
	TimeWentOn:      "时间推移",
	ReasonCondition: "步骤的条件不成立",
	ReasonUnknown:   "等待尚未查明的事实",
	ReasonAfter:     "等待其他步骤",
	ReasonNoDuty:    "没有相应义务",
	ReasonLapsed:    "该义务不再适用",
	ReasonAssess:    "该义务是否适用尚待查明",
	ReasonNoClock:   "该义务的期限尚未起算",
	ReasonOnHold:    "该义务已暂缓",
	ReasonDrafting:  "正在生成草稿",
	ReasonWithdrawn: "文书已撤回",
	ReasonComplete:  "没有遗留未知事项",
	ReasonMet:       "已履行",
	ReasonReturned:  "报告被主管部门退回",
	ReasonVoluntary: "自愿事项，有人决定办理后开始",
}

// Say is a stored reason in a reader's language, with the facts it names in words; what is no reason of
// ours comes back as it is.
func Say(reason, locale string) string {
	said, rest, more := strings.Cut(reason, ": ")
	translated, ours := chinese[said]
	if !ours {
		translated, ours = decidedChinese[said]
	}
	if !ours {
		return reason
	}
	colon, comma := ": ", ", "
	if strings.HasPrefix(locale, "zh") {
		said, colon, comma = translated, "：", "、"
		locale = "zh-Hans"
	}
	if !more {
		return said
	}
	named := strings.Split(rest, ", ")
	for i, id := range named {
		named[i] = templates.FactName(id, locale)
	}
	return said + colon + strings.Join(named, comma)
}
