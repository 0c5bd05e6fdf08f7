package obligation

// saying is what explanations themselves say, per locale.
var saying = map[string]words{
	"grade":     {"en": "Grade", "zh-Hans": "分级"},
	"atmost":    {"en": "at most %s while facts are open", "zh-Hans": "事实未明时最高可能为%s"},
	"decided":   {"en": "decided", "zh-Hans": "已确定"},
	"flagged":   {"en": "a broad reading of the text decided %s: a person should look", "zh-Hans": "%s 依宽泛解释成立：需人员判断"},
	"duty":      {"en": "Duty", "zh-Hans": "义务"},
	"to.whom":   {"en": "to", "zh-Hans": "对象"},
	"because":   {"en": "because", "zh-Hans": "理由"},
	"law":       {"en": "law", "zh-Hans": "依据"},
	"article":   {"en": "%s, %s", "zh-Hans": "《%s》%s"},
	"sure":      {"en": "confidence", "zh-Hans": "可靠程度"},
	"note":      {"en": "note", "zh-Hans": "说明"},
	"clock":     {"en": "clock", "zh-Hans": "时限"},
	"state":     {"en": "state", "zh-Hans": "状态"},
	"says":      {"en": "must say", "zh-Hans": "内容"},
	"open.item": {"en": "may be left open at first", "zh-Hans": "可暂缺"},
	"possible":  {"en": "an exemption could apply, a person decides", "zh-Hans": "可能适用的豁免，由人员决定"},
	"exempt":    {"en": "exemption, not met by the facts known", "zh-Hans": "豁免（已知事实不满足）"},
	"lifts":     {"en": "lifts", "zh-Hans": "免除"},
	"keeps":     {"en": "never lifts", "zh-Hans": "不免除"},
	"hold":      {"en": "an authority may ask for a delay", "zh-Hans": "主管机关可以要求暂缓"},
	"nohold":    {"en": "this law lets nobody stop the clock", "zh-Hans": "该法未允许任何机关暂停时限"},
	"near_miss": {"en": "Does not apply", "zh-Hans": "不适用"},
	"undecided": {"en": "Not decided", "zh-Hans": "尚未确定"},
	"off":       {"en": "Off", "zh-Hans": "未启用"},
	"changes":   {"en": "would change it", "zh-Hans": "可能改变结论的事实"},
	"now":       {"en": "%s: now %s", "zh-Hans": "%s：现为%s"},
	"open":      {"en": "Open questions", "zh-Hans": "待查问题"},
	"decides":   {"en": "decides", "zh-Hans": "决定"},
	"change":    {"en": "Time alone changes this answer at", "zh-Hans": "仅随时间推移，答案将改变于"},
	"nothing":   {"en": "No duty applies.", "zh-Hans": "没有适用的义务。"},
	"customer":  {"en": "Customer %s, told at %s", "zh-Hans": "客户 %s，告知时间 %s"},

	// The clock's arithmetic.
	"waits":     {"en": "no clock yet: it waits for %s", "zh-Hans": "尚未起算：等待%s"},
	"from":      {"en": "starts with %s: %s = %s", "zh-Hans": "自%s起算：%s = %s"},
	"instead":   {"en": "starts with %s; that is not recorded, so it counts from %s: %s = %s", "zh-Hans": "自%s起算；该时间未记录，改自%s：%s = %s"},
	"tool":      {"en": "provisional, until a person decides when we became aware", "zh-Hans": "暂定，待人员认定知悉时间"},
	"earliest":  {"en": "the time is imprecise: its earliest instant counts", "zh-Hans": "时间不精确：按最早时刻计算"},
	"sum":       {"en": "%s + %s = %s", "zh-Hans": "%s + %s = %s"},
	"skips":     {"en": "not counted: %s", "zh-Hans": "不计入：%s"},
	"worked":    {"en": "counted, because worked in place of a day off: %s", "zh-Hans": "计入（调休上班）：%s"},
	"cap":       {"en": "but not later than %s after %s = %s", "zh-Hans": "但不迟于自%[2]s起 %[1]s = %[3]s"},
	"uncapped":  {"en": "the limit of %s after %s had run out before the clock started (%s): it does not count", "zh-Hans": "自%[2]s起 %[1]s 的上限在起算前已届满（%[3]s）：不适用"},
	"moved":     {"en": "the last day is not worked (%s): the law moves it to %s", "zh-Hans": "最后一日非工作日（%s）：依法顺延至 %s"},
	"hour":      {"en": "the hour of the event is not counted, so the law's own limit runs to %s", "zh-Hans": "事件发生的小时不计入，法定期限至 %s"},
	"set":       {"en": "%s = %s", "zh-Hans": "%s = %s"},
	"unset":     {"en": "no date is recorded yet: %s", "zh-Hans": "尚未记录日期：%s"},
	"taken":     {"en": "not later than the duty %s: its deadline is taken", "zh-Hans": "不迟于义务 %s：取其期限"},
	"lender":    {"en": "waits for the clock of the duty %s", "zh-Hans": "等待义务 %s 的时限"},
	"maybe":     {"en": "it is not known whether this period applies: the earlier instant is shown", "zh-Hans": "尚不清楚该期限是否适用：按较早时刻显示"},
	"gap":       {"en": "the earliest it can be, every later day taken as worked: %s", "zh-Hans": "可能的最早时刻（其后各日均按工作日计）：%s"},
	"deadline":  {"en": "deadline %s (%s) = %s", "zh-Hans": "截止 %s（%s）= %s"},
	"limit":     {"en": "legal limit %s = %s; we alarm on the deadline", "zh-Hans": "法定最迟 %s = %s；我们按截止时间提醒"},
	"own":       {"en": "own target %s (ours, not the law's)", "zh-Hans": "自定目标 %s（非法定）"},
	"nonumber":  {"en": "the law gives no number: %s", "zh-Hans": "法律未规定具体时限：%s"},
	"voluntary": {"en": "voluntary: a reminder, never overdue", "zh-Hans": "自愿：仅作提醒，不会逾期"},
	"repeats":   {"en": "owed again each time what starts it happens again", "zh-Hans": "起算事由再次发生时须再次履行"},
	"to":        {"en": "%s to %s", "zh-Hans": "%s 至 %s"},
	"named":     {"en": "%s (%s)", "zh-Hans": "%s（%s）"},
	"weekend":   {"en": "weekend", "zh-Hans": "周末"},
}

// countWords are the units of the counting rules.
var countWords = map[string]words{
	"hours": {"en": "hours", "zh-Hans": "小时"}, "eu-hours": {"en": "hours", "zh-Hans": "小时"}, "dora": {"en": "hours", "zh-Hans": "小时"},
	"cal-days": {"en": "calendar days", "zh-Hans": "日"}, "eu-days": {"en": "calendar days", "zh-Hans": "日"}, "jp-days": {"en": "calendar days", "zh-Hans": "日"},
	"year-days":  {"en": "calendar days after the end of the year", "zh-Hans": "日（自当年年末起）"},
	"cal-months": {"en": "months", "zh-Hans": "个月"}, "eu-months": {"en": "months", "zh-Hans": "个月"},
	"eu-months-national": {"en": "months", "zh-Hans": "个月"}, "dora-months": {"en": "months", "zh-Hans": "个月"},
	"sec-bd": {"en": "business days of the Commission", "zh-Hans": "个委员会工作日"}, "us-bd": {"en": "federal business days", "zh-Hans": "个联邦工作日"},
	"br-bd": {"en": "business days", "zh-Hans": "个工作日"}, "cn-wd": {"en": "working days", "zh-Hans": "个工作日"},
}

// countNotes say how a rule counts, where the sum alone does not.
var countNotes = map[string]words{
	"cal-days": firstDayOut, "eu-days": firstDayOut, "year-days": nil, "cn-wd": firstDayOut, "br-bd": firstDayOut, "us-bd": firstDayOut, "sec-bd": firstDayOut,
	"jp-days":    {"en": "the day of knowledge is day 1; the period ends with the last day", "zh-Hans": "知悉当日为第 1 日；期间至最后一日终了"},
	"cal-months": sameNumber, "eu-months": sameNumber, "eu-months-national": sameNumber, "dora-months": sameNumber,
}

var (
	firstDayOut = words{"en": "the first day is not counted; the period ends with the last day", "zh-Hans": "首日不计入；期间至最后一日终了"}
	sameNumber  = words{"en": "to the end of the day of the same number, else of the month's last day", "zh-Hans": "至对应日终了，无对应日的至月末日终了"}
)

// urgencyWords are the law's words for a duty without a number.
var urgencyWords = map[string]words{
	"immediate":           {"en": "immediately (立即)", "zh-Hans": "立即"},
	"prompt":              {"en": "promptly (及时)", "zh-Hans": "及时"},
	"within":              {"en": "within the period", "zh-Hans": "期限内"},
	"as-provided":         {"en": "as provided (按照规定)", "zh-Hans": "按照规定"},
	"contract":            {"en": "as promised", "zh-Hans": "按承诺"},
	"without-undue-delay": {"en": "without undue delay", "zh-Hans": "不得无故拖延"},
	"as-ordered":          {"en": "as ordered", "zh-Hans": "按命令"},
	"voluntary":           {"en": "voluntary", "zh-Hans": "自愿"},
}

// confidenceMeans says what the mark of a rule is worth.
var confidenceMeans = map[string]words{
	"V2": {"en": "full text read, the same in two independent places", "zh-Hans": "已读全文，并在两处独立来源核对一致"},
	"V1": {"en": "full text read in one place", "zh-Hans": "已在一处来源读全文"},
	"V":  {"en": "official text read", "zh-Hans": "已读官方文本"},
	"S":  {"en": "from secondary sources, the text itself not read: confirm with counsel", "zh-Hans": "据二手资料，未读原文：请向法律顾问确认"},
	"K":  {"en": "background knowledge, not read again: confirm with counsel", "zh-Hans": "据背景知识，未重新查阅：请向法律顾问确认"},
	"M":  {"en": "from memory, not confirmed: confirm with counsel", "zh-Hans": "凭记忆，未经核实：请向法律顾问确认"},
}

// profileWords name what conditions read of the operator's profile.
var profileWords = map[string]words{
	"profile.roles":            {"en": "the operator's roles", "zh-Hans": "运营者的身份"},
	"profile.sectors":          {"en": "the operator's sectors", "zh-Hans": "运营者的行业"},
	"profile.establishments":   {"en": "where the operator is established", "zh-Hans": "运营者的设立地"},
	"profile.networks":         {"en": "where the networks hit are", "zh-Hans": "受影响网络所在地"},
	"promise.notice":           {"en": "a promise to users in the operator's statement", "zh-Hans": "运营者声明中对用户的承诺"},
	"promise.report":           {"en": "a promise of reports in the operator's statement", "zh-Hans": "运营者声明中的报告承诺"},
	"promise.user_information": {"en": "the statement covers user information", "zh-Hans": "声明覆盖用户信息"},
}
