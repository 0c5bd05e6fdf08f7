package app

import (
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// DemoProfile is the fictitious organisation of demonstrations: an online shop in Shanghai that promises what
// its cloud operator's statement promises.
func DemoProfile(operator string) obligation.Profile {
	return obligation.Profile{
		Operator: operator, Roles: []string{"network_operator", "pi_processor", "nd_processor"}, Sectors: []string{"internet"},
		Establishments: []string{"CN-SH"}, Commitments: "tencent-cloud",
		Registrations: map[string]any{"cn_telecom_licence": false, "cn_ecommerce_platform": false, "cn_industrial_internet": false,
			"cn_xb_certified": false, "cn_listed": false, "dora": false, "nis2": false, "us_sec": false},
		Channels: []string{templates.Push, templates.SMS, templates.Email, templates.Announcement},
		Org: templates.Organisation{
			Name: map[string]string{"zh-Hans": "示例商城（上海）有限公司", "en": "Example Mall (Shanghai) Co., Ltd."},
			Contact: map[string]string{
				"zh-Hans": "客服热线 400-000-0000（每日 8:00 至 22:00）；个人信息保护负责人邮箱 privacy@example.com；上海市示例路 1 号",
				"en":      "Hotline 400-000-0000 (daily 8:00 to 22:00); personal-information officer privacy@example.com; 1 Example Road, Shanghai",
			},
			Site: "www.example.com", Sender: "security@example.com", SMSSign: "示例商城", SMSTemplate: "SMS_000000001",
			SMSProviders: map[string]templates.SMSForm{
				wayTencent: {Sign: "示例商城", Template: "1000001", Order: []string{"ref", "code"}},
			},
			Zone: "Asia/Shanghai", Reporter: "周明 400-000-0000",
		},
	}
}
