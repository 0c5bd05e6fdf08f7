package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// demoFinding is a realistic, fictitious leak that reaches every station: graded larger, owed to two
// authorities and to the people.
func demoFinding(now time.Time) map[string]any {
	at := func(ago time.Duration) string { return now.Add(-ago).UTC().Format(time.RFC3339) }
	both := func(zh, en string) map[string]string { return map[string]string{"zh-Hans": zh, "en": en} }
	return map[string]any{
		"dedup_key": "siem-4711", "title": "订单导出接口越权访问 Order export interface read without authorisation",
		"summary": "An export interface of the order system answered without checking who asked. About 1.2 million customers' names, phone numbers and delivery addresses were read.",
		"source":  map[string]any{"tool": "siem", "id": "4711"},
		"facts": map[string]any{
			"first_signal_at": at(90 * time.Minute), "occurred_at": at(3 * time.Hour),
			"kind": "incident", "confirmed": true, "role": "pi_processor",
			"jurisdictions": map[string]any{"CN": 1200000, "HK": 0, "MO": 0, "TW": 0, "EEA": 0}, "processed_in": []string{"CN-SH"},
			"people": map[string]any{"count": 1200000, "certainty": "at_least", "under_14": 0, "under_18": 0},
			"data":   []string{"name", "phone", "address"}, "data_event": "leaked", "user_information": true,
			"encrypted_safe": false, "harm_prevented": false, "harm": "possible", "harm_severity": "ordinary",
			"systems":         []any{map[string]any{"name": "order-export", "cii": false, "mlps_level": 3, "province": "CN-SH"}},
			"crime_suspected": true, "loss_cny": 600000,
		},
		"cause": map[string]any{"text": both("订单导出接口的一次更新缺少权限校验。", "An update of the order export interface lacked an authorisation check."), "certainty": "suspected"},
		"measures": []any{
			map[string]any{"text": both("关闭该接口并撤回更新", "Closed the interface and withdrew the update"), "taken_at": at(80 * time.Minute), "effect": both("异常访问已停止", "The unauthorised reading stopped")},
			map[string]any{"text": both("保全访问日志并报案", "Preserved the access logs and reported to the police"), "taken_at": at(40 * time.Minute)},
		},
		"advice": []any{
			both("对自称客服、以退款或快递为由的来电和短信保持警惕，我们不会索要验证码或要求转账。", "Be wary of calls and texts about refunds or parcels: we never ask for codes or transfers."),
			both("如收到可疑联系，请拨打我们的客服热线核实。", "If a contact seems suspicious, check with our hotline."),
		},
		"remedies": []any{both("为受影响用户免费提供一年的来电防骚扰与身份风险提醒服务，可在应用内“安全中心”领取。", "One year of free call protection and identity alerts for everyone affected, in the app's Security Centre.")},
		"tags":     []string{"demo"},
	}
}

// writeAudience writes n fictitious people as NDJSON: most by e-mail, some by SMS or push first, a few whose
// first address fails. Domains and numbers are reserved for examples.
func writeAudience(w io.Writer, n int) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	for i := range n {
		p := map[string]any{
			"person_key": fmt.Sprintf("u-%07d", i), "name": fmt.Sprintf("演示用户%d", i), "jurisdiction": "CN", "zone": "Asia/Shanghai",
			"locale": []string{"zh-Hans", "zh-Hans", "zh-Hans", "en"}[i%4], "emails": []string{fmt.Sprintf("user%d@example.com", i)},
			"data": []string{"name", "phone", "address"},
		}
		switch {
		case i%10 == 3:
			p["phones"], p["channels"] = []string{fmt.Sprintf("+86139%08d", i)}, []string{"sms", "email"}
		case i%10 == 7:
			p["push"], p["channels"] = []any{map[string]any{"provider": "aliyun", "target": "DEVICE", "id": fmt.Sprintf("demo%028d", i)}}, []string{"push", "email"}
		case i%100 == 50: // a mailbox that no longer exists, and a phone that does
			p["emails"], p["phones"] = []string{fmt.Sprintf("nouser+%d@example.com", i)}, []string{fmt.Sprintf("+86139%08d", i)}
		case i%100 == 20: // a report of non-delivery comes later, and there is no other way
			p["emails"] = []string{fmt.Sprintf("bounce+%d@example.com", i)}
		}
		if err := enc.Encode(p); err != nil {
			return err
		}
	}
	return b.Flush()
}
