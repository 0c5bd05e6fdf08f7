package acceptance

import "time"

// profile is the operator's.
var profile = map[string]any{
	"operator": "acme", "roles": []string{"network_operator", "pi_processor"}, "sectors": []string{"internet"},
	"establishments": []string{"CN-SH"}, "registrations": map[string]any{}, "commitments": "tencent-cloud",
	"channels": []string{"push", "sms", "email", "announcement"},
	"org": map[string]any{
		"name":    map[string]string{"zh-Hans": "示例商城（上海）有限公司", "en": "Example Mall (Shanghai) Co., Ltd."},
		"contact": map[string]string{"zh-Hans": "客服热线 400-000-0000", "en": "Hotline 400-000-0000"},
		"site":    "www.example.com", "sender": "security@example.com", "sms_sign": "示例商城", "sms_template": "SMS_000000001",
		"zone": "Asia/Shanghai", "reporter": "周明 400-000-0000",
	},
}

// leak is a complete finding that is owed to people and to two authorities.
func leak(key string) map[string]any {
	both := func(zh, en string) map[string]string { return map[string]string{"zh-Hans": zh, "en": en} }
	at := time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339)
	return map[string]any{
		"dedup_key": key, "title": "Order export read", "source": map[string]any{"tool": "siem", "id": key},
		"facts": map[string]any{
			"first_signal_at": at, "occurred_at": at, "kind": "incident", "confirmed": true, "role": "pi_processor",
			"jurisdictions": map[string]any{"CN": 1200000}, "processed_in": []string{"CN-SH"},
			"people": map[string]any{"count": 1200000, "certainty": "at_least", "under_14": 0},
			"data":   []string{"name", "phone"}, "data_event": "leaked", "user_information": true, "encrypted_safe": false, "harm": "possible",
		},
		"cause":    map[string]any{"text": both("接口缺少权限校验。", "An interface lacked a check."), "certainty": "suspected"},
		"measures": []any{map[string]any{"text": both("关闭接口", "Closed the interface"), "taken_at": at}},
		"advice":   []any{both("警惕可疑来电。", "Be wary of suspicious calls.")},
		"remedies": []any{both("免费提醒服务一年。", "A year of free alerts.")},
	}
}
