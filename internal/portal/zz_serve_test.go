package portal_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
	"tocsin/notify"
	"tocsin/templates"
	"time"
)

func TestZServe(t *testing.T) {
	if os.Getenv("ZSERVE") == "" {
		return
	}
	h := open(t)
	cat, _ := templates.Load()
	raw := func(l string) templates.Message {
		mk := map[string][]templates.Passage{
			"en": {
				{Block: "circumstances", Text: "Example Mall had a security incident. We have confirmed that information about our users was disclosed to people who should not have it.\n\nIt happened on 28 February 2026. We became aware of it on 1 March 2026 at 02:00 (Beijing time). Number of people affected: at least 1,200,000."},
				{Block: "kinds-of-data", Text: "The following kinds of information are involved:\n\n- name\n- phone number\n- delivery address"},
				{Block: "measures", Text: "- 1 March 2026, 02:30: Switched off the faulty interface\n- 1 March 2026, 04:00: Replaced every key of the interface"},
				{Block: "advice", Text: "We suggest, in this order:\n\n- In the coming months: be careful with unexpected calls, text messages and emails. Do not open links, do not share security codes, do not transfer money.\n- Treat anyone who mentions this incident and asks for a password, a security code, a photo of a document or money as a fraud, and do not reply."},
				{Block: "contact", Text: "Hotline 400-000-0000 (daily 8:00 to 22:00)"}},
			"zh-Hans": {
				{Block: "circumstances", Text: "示例商城（上海）有限公司发生了一起安全事件。我们已经确认，用户的信息被不应看到的人获取。\n\n事件发生于2026年2月28日。我们于2026年3月1日02:00（北京时间）获知此事。受影响人数：至少1,200,000人。"},
				{Block: "kinds-of-data", Text: "涉及以下种类的信息：\n\n- 姓名\n- 电话号码\n- 收货地址"},
				{Block: "measures", Text: "- 2026年3月1日02:30：关闭了有问题的接口\n- 2026年3月1日04:00：更换了接口的全部密钥"},
				{Block: "advice", Text: "建议按以下顺序：\n\n- 近几个月：对陌生电话、短信和邮件多加小心，不点链接，不透露验证码，不转账；拿不准时可拨打反诈专线 96110。\n- 凡是以这次事件为由索要密码、验证码、证件照片或钱款的，都请当作诈骗，不要理会。"},
				{Block: "contact", Text: "客服热线 400-000-0000（每日 8:00 至 22:00）"}},
		}
		m, err := cat.Compile(templates.Content{Template: "cn/announcement", Subject: map[string]string{"zh-Hans": "关于个人信息安全事件的公告", "en": "Public notice of a personal information security incident"}, Locales: mk}, h.org, "announcement", l)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	h.live[0].Messages = []notify.FrozenMessage{{Message: raw("en")}, {Message: raw("zh-Hans")}}
	b := h.live[0]
	b.No, b.Notice, b.LiveAt = "2XV9-KM4T", "ntc_0", start.Add(-40*24*time.Hour)
	h.live = append(h.live, b)
	gin.SetMode(gin.ReleaseMode)
	go func() {}()
	srv := http.Server{Addr: "127.0.0.1:18999", Handler: h.engine}
	go srv.ListenAndServe()
	time.Sleep(8 * time.Minute)
}
