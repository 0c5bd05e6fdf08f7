package receipt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/clock"
	"tocsin/notify"
)

// decode reads one callback by itself.
func decode(name, contentType string, body []byte) (receipts []notify.Receipt, ack []byte, ackType string, err error) {
	return NewDecoder(clock.System{}).Decode(name, contentType, body)
}

const id = "1.2s.email.abcdefghijklmnop"

func TestBounces(t *testing.T) {
	want := map[string]*notify.Receipt{
		"dead.eml":             {Class: notify.ClassRcptPerm, Code: "5.1.1"},
		"verp-upper.eml":       {Class: notify.ClassRcptSoft, Code: "4.4.7"},
		"frequency.eml":        {Class: notify.ClassRetryAt, Code: "5.0.0"},
		"honeypot.eml":         {Class: notify.ClassRcptPerm, Code: "5.0.0/honeypot"},
		"content.eml":          {Class: notify.ClassStop, Code: "5.7.1"},
		"delayed.eml":          {Class: notify.ClassAccepted, Code: "4.2.0"},
		"delivered.eml":        {Class: notify.ClassDelivered, Code: "2.0.0"},
		"full.eml":             {Class: notify.ClassRcptSoft, Code: "5.2.2"},
		"returned-headers.eml": {Class: notify.ClassRcptPerm, Code: "5.1.10"},
		"gbk.eml":              {Class: notify.ClassRcptPerm, Code: "5.1.1"},
		"auto-reply.eml":       nil,
		"nobody.eml":           nil,
	}
	files, err := filepath.Glob("testdata/*.eml")
	require.NoError(t, err)
	require.Len(t, files, len(want))
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			got, ack, _, err := decode("smtp-dsn", "message/rfc822", body)
			require.NoError(t, err)
			require.NotEmpty(t, ack)
			w := want[filepath.Base(file)]
			if w == nil {
				require.Empty(t, got)
				return
			}
			w.OutID, w.At = id, time.Date(2026, 3, 1, 4, 0, 5, 0, time.UTC)
			require.Empty(t, cmp.Diff([]notify.Receipt{*w}, got))
		})
	}
}

func TestBareReport(t *testing.T) {
	whole, err := os.ReadFile("testdata/dead.eml")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(whole), "\r\n\r\n")
	got, _, _, err := decode("smtp-dsn", `multipart/report; report-type=delivery-status; boundary="=_b"`, []byte(body))
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, id, got[0].OutID)
}

func TestDeepNestingEnds(t *testing.T) {
	var b strings.Builder
	for range 200 {
		b.WriteString("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n")
	}
	got, _, _, err := decode("smtp-dsn", "message/rfc822", []byte(b.String()))
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestSMSReports(t *testing.T) {
	body := `[
	 {"phone_number":"13900000001","send_time":"2026-03-01 12:00:00","report_time":"2026-03-01 12:00:05","success":true,"err_code":"DELIVERED","err_msg":"ok","sms_size":"1","biz_id":"900^0","out_id":"1.1.sms.a"},
	 {"phone_number":"13900000002","success":"maybe","out_id":7},
	 {"phone_number":"13900000003","report_time":"soon","success":false,"err_code":"MK:0001","biz_id":"900^1","out_id":"1.3.sms.a"},
	 "nonsense",
	 {"success":false,"err_code":"XX:9999","err_msg":"?","out_id":"1.4.sms.a"},
	 {"success":false,"err_code":"isv.AMOUNT_NOT_ENOUGH","out_id":"1.5.sms.a"},
	 {"success":true,"err_code":"DELIVRD","biz_id":"x"}
	]`
	got, ack, ackType, err := decode("aliyun-sms", "application/json", []byte(body))
	require.NoError(t, err)
	require.JSONEq(t, `{"code":0,"msg":"received"}`, string(ack))
	require.Equal(t, "application/json", ackType)
	require.Empty(t, cmp.Diff([]notify.Receipt{
		{Provider: "aliyun", OutID: "1.1.sms.a", ProviderID: "900^0", Class: notify.ClassDelivered, Code: "DELIVERED", At: time.Date(2026, 3, 1, 4, 0, 5, 0, time.UTC)},
		{Provider: "aliyun", OutID: "1.3.sms.a", ProviderID: "900^1", Class: notify.ClassRcptPerm, Code: "MK:0001"},
		{Provider: "aliyun", OutID: "1.4.sms.a", Class: notify.ClassRcptSoft, Code: "XX:9999"},
		{Provider: "aliyun", OutID: "1.5.sms.a", Class: notify.ClassStop, Code: "isv.AMOUNT_NOT_ENOUGH"},
	}, got))
}

func TestRefusals(t *testing.T) {
	_, _, _, err := decode("carrier-pigeon", "", nil)
	require.True(t, incident.IsFault(err, incident.NotFound))
	_, _, _, err = decode("aliyun-sms", "", []byte(`{"phone_number":"13900000001"`))
	require.True(t, incident.IsFault(err, incident.Invalid))
	require.NotContains(t, err.Error(), "13900000001")
	_, _, _, err = decode("smtp-dsn", "text/html", nil)
	require.True(t, incident.IsFault(err, incident.Invalid))
	_, _, _, err = decode("aliyun-sms", "", make([]byte, maxBody+1))
	require.True(t, incident.IsFault(err, incident.TooLarge))
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add("smtp-dsn", "message/rfc822", body)
	}
	f.Add("smtp-dsn", "multipart/report; boundary=b", []byte("--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\n--b--"))
	f.Add("aliyun-sms", "application/json", []byte(`[{"success":false,"err_code":"黑名单","out_id":"a"}]`))
	f.Fuzz(func(t *testing.T, name, contentType string, body []byte) {
		receipts, _, _, err := decode(name, contentType, body)
		if err != nil {
			require.Empty(t, receipts)
		}
		for _, r := range receipts {
			require.NotEmpty(t, r.OutID)
			require.NotEmpty(t, r.Class)
		}
	})
}
