package aliyun

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/call"
)

// heard answers each call with a body and keeps what was asked.
func heard(t *testing.T, body string) (*Client, *url.Values) {
	var got url.Values
	return client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = r.Form
		fmt.Fprint(w, body)
	})), &got
}

func TestGlobeOnTheWire(t *testing.T) {
	c, got := heard(t, `{"ResponseCode":"OK","ResponseDescription":"The SMS Send Request was accepted","MessageId":"100","RequestId":"r"}`)
	id, err := c.SendGlobe(t.Context(), Globe{To: "85251234567", From: "Acme", Text: "a & b", OutID: "o-1"})
	require.NoError(t, err)
	require.Equal(t, "100", id)
	for name, want := range map[string]string{"Action": "SendMessageToGlobe", "Version": "2018-05-01", "To": "85251234567", "From": "Acme",
		"Message": "a & b", "Type": "NOTIFY", "TaskId": "o-1"} {
		require.Equal(t, want, got.Get(name), name)
	}
	for body, want := range map[string]call.Error{
		`{"ResponseCode":"OK","RequestId":"r"}`:                   {Class: call.InDoubt, Code: "empty-answer"},
		`{"Code":"OK","MessageId":"1"}`:                           {Class: call.InDoubt, Code: "empty-answer"},
		`{"ResponseCode":"isv.NOT_SUPPORTED_COUNTRY"}`:            {Class: call.Business, Code: "isv.NOT_SUPPORTED_COUNTRY"},
		`{"ResponseCode":"MOBILE_NUMBER_ILLEGAL"}`:                {Class: call.Business, Code: "MOBILE_NUMBER_ILLEGAL"},
		`{"ResponseCode":"BUSINESS_LIMIT_CONTROL_MINUTE"}`:        {Class: call.Business, Code: "BUSINESS_LIMIT_CONTROL_MINUTE"},
		`{"ResponseCode":"OK","MessageId":{"unexpected":"shape"}`: {Class: call.InDoubt, Code: "unreadable-answer"},
	} {
		c, _ := heard(t, body)
		_, err := c.SendGlobe(t.Context(), Globe{To: "1", Text: "x"})
		var e *call.Error
		require.ErrorAs(t, err, &e, body)
		require.Equal(t, want.Class, e.Class, body)
		require.Equal(t, want.Code, e.Code, body)
	}
}

func TestMassPushOnTheWire(t *testing.T) {
	c, got := heard(t, `{"RequestId":"r","MessageIds":{"MessageId":["500","501"]}}`)
	app := App{Key: "24680", Vendor: Vendor{Android: "a", Huawei: "h", HuaweiCategory: "ACCOUNT", VivoCategory: "ACCOUNT", Send: "huawei,vivo"}}
	expires := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	notices := []Notice{{Devices: []string{"d1"}, Title: "t1", Body: "b1", Label: "1.2.push.x"}, {Devices: []string{"d2"}, Title: "t2", Body: "b2", Label: strings.Repeat("x", 33)}}
	ids, err := c.MassPush(t.Context(), app, notices, expires, "00000000-0000-4000-8000-000000000000")
	require.NoError(t, err)
	require.Equal(t, []string{"500", "501"}, ids)
	for name, want := range map[string]string{
		"Action": "MassPush", "Version": "2016-08-01", "AppKey": "24680", "IdempotentToken": "00000000-0000-4000-8000-000000000000",
		"PushTask.1.TargetValue": "d1", "PushTask.1.Target": "DEVICE", "PushTask.1.PushType": "NOTICE", "PushTask.1.DeviceType": "ALL",
		"PushTask.1.Title": "t1", "PushTask.1.Body": "b1", "PushTask.1.JobKey": "1-2-push-x", "PushTask.1.iOSNotificationCollapseId": "1.2.push.x",
		"PushTask.1.StoreOffline": "true", "PushTask.1.ExpireTime": "2026-01-02T02:04:05Z", "PushTask.1.iOSApnsEnv": "PRODUCT",
		"PushTask.2.TargetValue": "d2", "PushTask.2.JobKey": "", "PushTask.2.AndroidNotificationChannel": "a",
		"PushTask.2.AndroidNotificationHuaweiChannel": "h", "PushTask.2.AndroidMessageHuaweiCategory": "ACCOUNT", "PushTask.2.SendChannels": "huawei,vivo",
	} {
		require.Equal(t, want, got.Get(name), name)
	}
	require.False(t, got.Has("PushTask.3.Title"))

	c, _ = heard(t, `{"RequestId":"r","MessageIds":{"MessageId":["500"]}}`)
	_, err = c.MassPush(t.Context(), app, notices, expires, "")
	require.ErrorContains(t, err, "IN_DOUBT", "an id short: nobody can say whose")

	c, got = heard(t, `{"RequestId":"r","MessageId":"7"}`)
	id, err := c.Push(t.Context(), app, Notice{Devices: []string{"d1", "d2"}, Title: "t", Body: "b"}, expires, "k")
	require.NoError(t, err)
	require.Equal(t, "7", id)
	for name, want := range map[string]string{"TargetValue": "d1,d2", "AndroidMessageVivoCategory": "ACCOUNT", "ExpireTime": "2026-01-02T02:04:05Z", "IdempotentToken": "k", "JobKey": ""} {
		require.Equal(t, want, got.Get(name), name)
	}
}

// What a body takes over from the task before it is what it would have written itself.
func TestEachTaskSaysItsOwn(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "示例 a&b=c", "*~+%/"})
	rapid.Check(t, func(r *rapid.T) {
		var notices []Notice
		for i := range rapid.IntRange(1, 12).Draw(r, "tasks") {
			notices = append(notices, Notice{Devices: []string{fmt.Sprint("d", i)}, Title: text.Draw(r, "title"), Body: text.Draw(r, "body"), Label: text.Draw(r, "label")})
		}
		got, err := url.ParseQuery(string(App{}.tasks(notices, time.Now())))
		require.NoError(r, err)
		for i, n := range notices {
			task := fmt.Sprintf("PushTask.%d.", i+1)
			require.Equal(r, n, Notice{[]string{got.Get(task + "TargetValue")}, got.Get(task + "Title"), got.Get(task + "Body"), got.Get(task + "iOSNotificationCollapseId")})
			require.Equal(r, "ALL", got.Get(task+"DeviceType"))
		}
	})
}
