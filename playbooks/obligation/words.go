package obligation

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/templates"
)

// filled is a text per locale, cut at its placeholders, to be filled with facts.
type filled map[string][]segment

// segment is a piece of fixed text or a placeholder: a fact's path, residents:<region>, grade:<scheme>.
type segment struct {
	text string
	fact int // index, -1 when it is none
	live string
	arg  string
}

// fill cuts words at {placeholders}, which must exist.
func (l *law) fill(at place, w words) (filled, []Fault) {
	out := filled{}
	var faults []Fault
	for _, locale := range sortedKeys(w) {
		for rest := w[locale]; rest != ""; {
			before, after, found := strings.Cut(rest, "{")
			out[locale] = append(out[locale], segment{text: before, fact: -1})
			if !found {
				break
			}
			name, tail, closed := strings.Cut(after, "}")
			s, ok := l.placeholder(name)
			if !closed || !ok {
				faults = append(faults, at.fault("unknown fact %q in the text", name))
			}
			out[locale] = append(out[locale], s)
			rest = tail
		}
	}
	return out, faults
}

func (l *law) placeholder(name string) (segment, bool) {
	if live, arg, ok := strings.Cut(name, ":"); ok {
		return segment{fact: -1, live: live, arg: arg}, live == "residents" && l.regions.known(arg) || live == "grade" && l.hasScheme(arg)
	}
	f, ok := l.vocabulary.byPath[name]
	if !ok {
		return segment{}, false
	}
	return segment{fact: f.index}, true
}

func (f filled) in(s *scope, locale string) string {
	segs := f[locale]
	if len(segs) == 1 && segs[0].fact < 0 && segs[0].live == "" {
		return segs[0].text
	}
	var b strings.Builder
	for _, seg := range segs {
		switch {
		case seg.fact >= 0:
			b.WriteString(show(s.facts.values[seg.fact], s.law.vocabulary.order[seg.fact].Is, locale))
		case seg.live == "residents":
			b.WriteString(show(s.facts.residents(s.law.regions, seg.arg), "number", locale))
		case seg.live == "grade":
			if g, ok := s.gradeBy(seg.arg); ok {
				b.WriteString(g.scheme.names(g.floor).in(locale))
			} else {
				b.WriteString(phrase("unknown", locale))
			}
		default:
			b.WriteString(seg.text)
		}
	}
	return b.String()
}

// phrases that the engine itself says.
var phrases = map[string]words{
	"unknown":  {"en": "not known", "zh-Hans": "未知"},
	"at least": {"en": "at least ", "zh-Hans": "至少 "},
	"at most":  {"en": "at most ", "zh-Hans": "至多 "},
	"to":       {"en": " to ", "zh-Hans": " 至 "},
	"true":     {"en": "yes", "zh-Hans": "是"},
	"false":    {"en": "no", "zh-Hans": "否"},
	"none":     {"en": "none", "zh-Hans": "无"},
	"incident": {"zh-Hans": "事件"}, "threat": {"zh-Hans": "威胁"}, "vulnerability": {"zh-Hans": "漏洞"},
	"leaked": {"zh-Hans": "泄露"}, "tampered": {"zh-Hans": "篡改"}, "lost": {"zh-Hans": "丢失"}, "stolen": {"zh-Hans": "被窃取"},
	"counterfeited": {"zh-Hans": "被假冒"}, "encrypted": {"zh-Hans": "被加密"}, "entrusted": {"zh-Hans": "受托人"},
	"pi_processor": {"zh-Hans": "个人信息处理者"}, "general": {"zh-Hans": "一般"}, "larger": {"zh-Hans": "较大"}, "major": {"zh-Hans": "重大"}, "extreme": {"zh-Hans": "特别重大"},
	"hours": {"zh-Hans": "小时"}, "cal-days": {"en": "calendar days", "zh-Hans": "日"}, "cal-months": {"en": "months", "zh-Hans": "个月"},
	string(Waiting): {"en": "waiting, no clock yet", "zh-Hans": "等待，尚未起算"}, string(AssessmentOpen): {"en": "open whether it applies", "zh-Hans": "是否适用尚待查明"},
	string(Running): {"zh-Hans": "计时中"}, string(Overdue): {"zh-Hans": "已逾期"},
}

var listJoin = words{"en": ", ", "zh-Hans": "、"}

func phrase(key, locale string) string {
	if s, ok := phrases[key][locale]; ok {
		return s
	}
	return key
}

// show writes a value for a reader.
func show(v val, is, locale string) string {
	switch is {
	case "number":
		switch {
		case v.known:
			return thousands(v.lo)
		case v.lo > 0 && v.hi >= infinity:
			return phrase("at least", locale) + thousands(v.lo)
		case v.lo > 0:
			return thousands(v.lo) + phrase("to", locale) + thousands(v.hi)
		case v.hi < infinity:
			return phrase("at most", locale) + thousands(v.hi)
		}
		return phrase("unknown", locale)
	case "flag":
		if v.known {
			return phrase(strconv.FormatBool(v.truth), locale)
		}
	case "texts", "words":
		if v.known && len(v.items) == 0 {
			return phrase("none", locale)
		}
		if v.known {
			names := make([]string, len(v.items))
			for i, item := range v.items {
				if names[i] = templates.Name(item.text, locale); names[i] == "" {
					names[i] = phrase(item.text, locale)
				}
				if !item.known {
					names[i] = phrase("unknown", locale)
				}
			}
			return strings.Join(names, listJoin[locale])
		}
	default:
		if v.known {
			return phrase(v.text, locale)
		}
	}
	return phrase("unknown", locale)
}

// thousands writes a number with separators.
func thousands(n float64) string {
	s := strconv.FormatFloat(n, 'f', -1, 64)
	whole, fraction, hasFraction := strings.Cut(s, ".")
	var groups []string
	for len(whole) > 3 {
		groups = append(groups, whole[len(whole)-3:])
		whole = whole[:len(whole)-3]
	}
	groups = append(groups, whole)
	slices.Reverse(groups)
	out := strings.Join(groups, ",")
	if hasFraction {
		out += "." + fraction
	}
	return out
}
