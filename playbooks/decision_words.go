package playbooks

import (
	"slices"
	"strings"
	"time"

	"tocsin/templates"
)

// The titles of tasks to decide, before the duty's own.
var (
	toConfirm = map[DecisionKind]map[string]string{
		DecideExempt:    {"zh-Hans": "确认或驳回豁免：", "en": "Confirm or refuse the exemption: "},
		DecideNotNotify: {"zh-Hans": "确认或驳回“不通知”决定：", "en": "Confirm or refuse not to notify: "},
		DecideHold:      {"zh-Hans": "确认或驳回暂缓：", "en": "Confirm or refuse the hold: "},
		DecideDeadline:  {"zh-Hans": "确认或驳回较晚的期限：", "en": "Confirm or refuse the later deadline: "},
		DecideRelease:   {"zh-Hans": "确认或驳回终止豁免或暂缓：", "en": "Confirm or refuse to end the exemption or hold: "},
	}
	again = map[string]string{"zh-Hans": "重新决定：", "en": "Decide again: "}
)

// reopens says in words what ends a decision by itself.
func (d Decision) reopens() (out []map[string]string) {
	say := func(zh, en string) { out = append(out, map[string]string{"zh-Hans": zh, "en": en}) }
	switch d.Kind {
	case DecideExempt:
		say("豁免条件不再成立或被排除；决定所依据的事实："+d.factNames("zh-Hans"),
			"The condition of the exemption no longer holds, or is ruled out. The facts it rests on: "+d.factNames("en"))
		say("该义务是否适用成为待查问题，或者待查问题有了结论", "It becomes open whether the duty applies, or that is settled")
	case DecideNotNotify:
		say("事实使该义务成立，或者使其是否成立成为待查问题；决定所依据的事实："+d.factNames("zh-Hans"),
			"The facts give the duty, or leave open whether they do. The facts it rests on: "+d.factNames("en"))
	case DecideHold:
		until := ""
		if d.ExpiresAt != nil {
			until = d.ExpiresAt.UTC().Format(time.RFC3339)
		}
		say("到期自动终止："+until, "It ends by itself at "+until)
		return out
	default:
		return nil
	}
	if len(d.Grades) > 0 {
		say("事件级别变更", "The grade of the incident changes")
	}
	return out
}

func (d Decision) factNames(locale string) string {
	var names []string
	for _, f := range d.Facts {
		if name := templates.FactName(f.Path, locale); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if locale == "en" {
		return strings.Join(names, ", ")
	}
	return strings.Join(names, "、")
}
