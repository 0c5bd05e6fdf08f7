package playbooks

// Reasons of decisions and of what they do to duties, stored as those of duties are.
const (
	ReasonExempt        = "exempt by decision"
	ReasonHeld          = "held at the request of an authority"
	ReasonLaterAccepted = "the later deadline was accepted"
	ReasonReleased      = "ended by decision"
	ReasonReplaced      = "replaced by a later hold"
	ReasonOwedNow       = "the facts now give this duty, or leave it open"
	ReasonDutyEnded     = "the duty lapsed or was met"
	ReasonExpired       = "its time is over"
	ReasonClockMoved    = "the derived clock has changed"
	ReasonDecisionEnded = "the decision it would end has ended"
	ReasonNoHoldNow     = "the law no longer lets this duty be held"
	ReasonAssessment    = "the assessment of the duty has changed"
	ReasonRegraded      = "the grade has changed"
	ReasonRuledOut      = "the exemption is ruled out now"
	ReasonGroundGone    = "the condition of the exemption no longer holds"
	ReasonTold          = "told by hand"
	ReasonAnswered      = "the letter was answered"

	// ConflictHold stands on a duty that an authority asks to hold, although its law stops no clock.
	ConflictHold = "an authority asks to wait, but the law of this duty stops no clock"
	// ConflictUndecided stands on one whose law would let it be held, until two persons have decided that.
	ConflictUndecided = "an authority asks to wait, and nobody has decided yet: the clock runs on"
)

var decidedChinese = map[string]string{
	ReasonExempt:        "经决定适用豁免",
	ReasonHeld:          "应主管机关要求暂缓",
	ReasonLaterAccepted: "已接受较晚的期限",
	ReasonReleased:      "经决定终止",
	ReasonReplaced:      "已由后一项暂缓决定取代",
	ReasonOwedNow:       "按现有事实该义务成立或尚待查明",
	ReasonDutyEnded:     "该义务已不再适用或已履行",
	ReasonExpired:       "已到期",
	ReasonClockMoved:    "推算的期限已变更",
	ReasonDecisionEnded: "拟终止的决定已终止",
	ReasonNoHoldNow:     "法律不再允许暂缓该义务",
	ReasonAssessment:    "该义务的评估已变更",
	ReasonRegraded:      "事件级别已变更",
	ReasonRuledOut:      "现已排除适用该豁免",
	ReasonGroundGone:    "豁免条件不再成立",
	ReasonTold:          "已人工告知",
	ReasonAnswered:      "来函已答复",
	ConflictHold:        "主管机关要求暂缓，但该义务所依据的法律不停止计时",
	ConflictUndecided:   "主管机关要求暂缓，尚未作出决定：期限继续计算",
}
