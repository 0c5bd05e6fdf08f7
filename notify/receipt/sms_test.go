package receipt

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/notify/codes"
)

func TestReportsFromAbroad(t *testing.T) {
	body := `[
	 {"To":"85251234567","SendDate":"Thu, 25 Nov 2021 10:27:00 +0800","ReceiveDate":"Thu, 25 Nov 2021 10:27:33 +0800","Status":"1","ErrorCode":"success","ErrorDescription":"success","TaskId":"1.1.sms.a","SmsSize":"1","MessageId":"123"},
	 {"Status":"2","ErrorCode":"UNDELIV","TaskId":"1.2.sms.a","MessageId":"124"},
	 {"Status":"6","ErrorCode":"EXPIRED","TaskId":"1.3.sms.a"},
	 {"Status":"3","TaskId":"1.4.sms.a"}, {"Status":"1"}, 7, {"Status":1,"TaskId":"x"}]`
	got, ack, _, err := decode("aliyun-sms-intl", "application/json", []byte(body))
	require.NoError(t, err)
	require.JSONEq(t, `{"code":0,"msg":"received"}`, string(ack))
	want := []notify.Receipt{
		{Provider: "aliyun-intl", OutID: "1.1.sms.a", ProviderID: "123", Class: notify.ClassDelivered, Code: "success", At: time.Date(2021, 11, 25, 2, 27, 33, 0, time.UTC)},
		{Provider: "aliyun-intl", OutID: "1.2.sms.a", ProviderID: "124", Class: notify.ClassRcptSoft, Code: "UNDELIV"},
		{Provider: "aliyun-intl", OutID: "1.3.sms.a", Class: notify.ClassRcptSoft, Code: "EXPIRED"},
	}
	require.Empty(t, cmp.Diff(want, got))
	one, _, _, err := decode("aliyun-sms-intl", "application/json", []byte(` {"Status":"2","ErrorCode":"UNDELIV","TaskId":"1.2.sms.a","MessageId":"124"} `))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want[1:2], one), "one report outside an array")
}

func TestReportsFromTencent(t *testing.T) {
	body := `[
	 {"user_receive_time":"2015-10-17 08:03:04","nationcode":"86","mobile":"13900000001","report_status":"SUCCESS","errmsg":"DELIVRD","description":"用户短信送达成功","sid":"5000:1"},
	 {"nationcode":"86","mobile":"13900000002","report_status":"FAIL","errmsg":"MK:0001","sid":"5000:2"},
	 {"nationcode":"86","mobile":"13900000003","report_status":"LATER","sid":"5000:3"},
	 {"mobile":"13900000003","report_status":"SUCCESS","sid":"5000:3"}, {"nationcode":"86","mobile":"13900000003","report_status":"SUCCESS"}, null]`
	got, ack, _, err := decode("tencent-sms", "application/json", []byte(body))
	require.NoError(t, err)
	require.JSONEq(t, `{"result":0,"errmsg":"OK"}`, string(ack))
	require.Empty(t, cmp.Diff([]notify.Receipt{
		{Provider: "tencent", Address: "+8613900000001", ProviderID: "5000:1", Class: notify.ClassDelivered, Code: "DELIVRD", At: time.Date(2015, 10, 17, 0, 3, 4, 0, time.UTC)},
		{Provider: "tencent", Address: "+8613900000002", ProviderID: "5000:2", Class: notify.ClassRcptPerm, Code: "MK:0001"},
	}, got))
}

// Every code of the tables as Aliyun's report of a failure brings it.
func TestEveryReportedCode(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	for _, table := range []codes.Table{codes.Carrier, codes.Submission} {
		for _, r := range table.Rules {
			want := r.Class
			if want == notify.ClassDelivered {
				want = notify.ClassRcptSoft // with a flag that says failed
			}
			got, _, _, err := NewDecoder(c).Decode("aliyun-sms", "", []byte(`[{"success":false,"err_code":"`+r.Code+`","out_id":"a"}]`))
			require.NoError(t, err)
			wanted := notify.Receipt{Provider: "aliyun", OutID: "a", Class: want, Code: r.Code}
			if want == notify.ClassRetryAt {
				wanted.RetryAt = c.Now().Add(r.Wait)
			}
			require.Equal(t, []notify.Receipt{wanted}, got)
		}
	}
}

func reports(delivered, rejected int) []byte {
	all := strings.Repeat(`{"success":true,"err_code":"DELIVERED","out_id":"a"},`, delivered) + strings.Repeat(`{"success":false,"err_code":"REJECTD","out_id":"b"},`, rejected)
	return []byte("[" + strings.TrimSuffix(all, ",") + "]")
}

// Refusals for content stop their provider by their share of the last five minutes, not by themselves.
func TestShareOfContentRefusals(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	d := NewDecoder(c)
	last := func(provider string, delivered, rejected int) notify.Class {
		got, _, _, err := d.Decode(provider, "", reports(delivered, rejected))
		require.NoError(t, err)
		return got[len(got)-1].Class
	}
	require.Equal(t, notify.ClassRcptSoft, last("aliyun-sms", 0, 50), "too few to mean anything")
	c.Advance(6 * time.Minute)
	require.Equal(t, notify.ClassRcptSoft, last("aliyun-sms", 980, 20), "2 % is not more than 2 %")
	require.Equal(t, notify.ClassStop, last("aliyun-sms", 0, 5))
	c.Advance(4 * time.Minute)
	require.Equal(t, notify.ClassStop, last("aliyun-sms", 0, 1), "still within five minutes")
	c.Advance(2 * time.Minute)
	require.Equal(t, notify.ClassRcptSoft, last("aliyun-sms", 200, 1), "what is older no longer counts")
}

// The window's sums are those of a list of all that was counted.
func TestShareAgainstList(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var s share
		now := time.Unix(1_772_323_200, 0)
		type event struct {
			step    int64
			suspect bool
		}
		var all []event
		for range rapid.IntRange(1, 60).Draw(r, "events") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 29, 30, 31, 299, 300, 3000}).Draw(r, "wait")) * time.Second)
			e := event{now.UnixNano() / int64(shareStep), rapid.Bool().Draw(r, "suspect")}
			all = append(all, e)
			s.count(now, e.suspect)
			total, refusals := 0, 0
			for _, x := range all {
				if x.step > e.step-shareSteps {
					total++
					if x.suspect {
						refusals++
					}
				}
			}
			require.Equal(r, [2]int{total, refusals}, [2]int{s.total, s.refusals})
		}
	})
}

// Whatever stands among the reports, the sound ones are taken and each has a class that is known outside.
func TestAnyReports(t *testing.T) {
	junk := rapid.SampledFrom([]string{`null`, `7`, `"x"`, `[]`, `{}`, `{"out_id":5}`, `{"success":"yes","out_id":"z"}`, `{"Status":null}`, `{"sid":{}}`})
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"aliyun-sms", "aliyun-sms-intl", "tencent-sms"}).Draw(r, "provider")
		var parts []string
		sound := 0
		for range rapid.IntRange(0, 12).Draw(r, "elements") {
			if rapid.Bool().Draw(r, "junk") {
				parts = append(parts, junk.Draw(r, "what"))
				continue
			}
			sound++
			code, err := json.Marshal(rapid.String().Draw(r, "code"))
			require.NoError(r, err)
			parts = append(parts, fmt.Sprintf(`{"success":false,"err_code":%s,"err_msg":%[1]s,"out_id":"o","Status":"2","ErrorCode":%[1]s,"TaskId":"o","nationcode":"86",
				"mobile":"13900000001","report_status":"FAIL","errmsg":%[1]s,"sid":"s"}`, code))
		}
		got, _, _, err := decode(name, "", []byte("["+strings.Join(parts, ",")+"]"))
		require.NoError(r, err)
		require.Len(r, got, sound)
		for _, x := range got {
			require.NotEqual(r, suspect, x.Class)
			require.NotEmpty(r, x.Class)
		}
	})
}
