package simulator

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const pushVersion = "2016-08-01"

func tasks(n, targets int) func(url.Values) {
	return func(p url.Values) {
		p.Set("AppKey", "1")
		for i := 1; i <= n; i++ {
			list := make([]string, targets)
			for j := range list {
				list[j] = fmt.Sprintf("d%d.%d", i, j)
			}
			for k, v := range map[string]string{"Target": "DEVICE", "TargetValue": strings.Join(list, ","), "PushType": "NOTICE", "DeviceType": "ANDROID",
				"Title": "t", "Body": "b", "JobKey": fmt.Sprintf("1-%d-push-a", i)} {
				p.Set(fmt.Sprintf("PushTask.%d.%s", i, k), v)
			}
		}
	}
}

func TestMassPushLimits(t *testing.T) {
	s, _ := started(t, Options{})
	a := ask(t, s, "MassPush", pushVersion, tasks(100, 2))
	require.Len(t, a["MessageIds"].(map[string]any)["MessageId"], 100)
	require.Equal(t, 1, s.Journal.Count("push", "d7.1", "1.7.push.a"))
	require.EqualValues(t, 200, s.Journal.Summary().Channels["push"].Deliveries)
	for name, c := range map[string]struct {
		change func(url.Values)
		code   string
	}{
		"tasks":   {tasks(101, 1), "InvalidPushTask.Format"},
		"product": {tasks(11, 1000), "InvalidPushTask.Format"},
		"targets": {tasks(1, 1001), "InvalidTargetValue.Format"},
		"one bad": {func(p url.Values) { tasks(3, 1)(p); p.Set("PushTask.2.Body", strings.Repeat("字", 600)) }, "InvalidBody.Format"},
	} {
		require.Equal(t, c.code, ask(t, s, "MassPush", pushVersion, c.change)["Code"], name)
	}
	require.EqualValues(t, 200, s.Journal.Summary().Channels["push"].Deliveries)
}

// The same token gives the first result for 15 minutes, also when its answer was lost; two calls at once are
// both sent.
func TestIdempotentToken(t *testing.T) {
	s, fake := started(t, Options{})
	const token = "00000000-0000-4000-8000-0000000000AB"
	call := func(value string) map[string]any {
		return ask(t, s, "PushV2", pushVersion, func(p url.Values) {
			p.Set("AppKey", "1")
			p.Set("IdempotentToken", value)
			p.Set("PushTask", `{"Target":{"Type":"DEVICE","Value":"d1","Platform":"ANDROID"},"Notification":{"Title":"t","Body":"b"},"Options":{"JobKey":"1-1-push-a"}}`)
		})
	}
	require.Equal(t, "InvalidIdempotentToken.Format", call("mine")["Code"])
	first := call(token)
	require.Equal(t, first["MessageId"], call(strings.ToLower(token))["MessageId"])
	require.Equal(t, 1, s.Journal.Count("push", "d1", "1.1.push.a"))
	fake.Advance(tokenLife + time.Second)
	require.NotEqual(t, first["MessageId"], call(token)["MessageId"])
	require.Equal(t, 2, s.Journal.Count("push", "d1", ""))

	s.Fail(Fault{Channel: "push", Delay: 100 * time.Millisecond, Times: 1})
	const other = "00000000-0000-4000-8000-0000000000cd"
	slow := make(chan map[string]any)
	go func() { slow <- call(other) }()
	require.Eventually(t, func() bool { return s.Journal.Count("push", "d1", "") == 3 }, 5*time.Second, time.Millisecond, "the first is under way")
	require.NotEqual(t, call(other)["MessageId"], (<-slow)["MessageId"])
	require.Equal(t, 4, s.Journal.Count("push", "d1", ""))
}

// A message made first gets its targets later, for a day; sums come the day after.
func TestTargetsLater(t *testing.T) {
	s, fake := started(t, Options{})
	made := ask(t, s, "Push", pushVersion, func(p url.Values) {
		pushParams(p)
		p.Set("Action", "Push")
		p.Set("Target", "TBD")
		p.Del("TargetValue")
	})
	id := made["MessageId"].(string)
	require.Zero(t, s.Journal.Summary().Channels["push"].Accepted)
	more := func(devices string) any {
		return ask(t, s, "ContinuouslyPush", pushVersion, values("AppKey", "1", "MessageId", id, "Target", "DEVICE", "TargetValue", devices))["Code"]
	}
	require.Nil(t, more("d1,d2,gone3"))
	require.Equal(t, "InvalidTargetValue.Format", more(strings.Repeat("d,", 1000)+"d"))
	require.EqualValues(t, 2, s.Journal.Summary().Channels["push"].Accepted)
	require.EqualValues(t, 1, s.Journal.Summary().Channels["push"].Dropped)
	stat := func() []any {
		a := ask(t, s, "QueryPushStatByMsg", pushVersion, values("AppKey", "1", "MessageId", id))
		return a["PushStats"].(map[string]any)["PushStat"].([]any)
	}
	require.Empty(t, stat(), "today's are not there")
	fake.Advance(24 * time.Hour)
	require.EqualValues(t, 3, stat()[0].(map[string]any)["SentCount"], "the dropped one counts as sent")
	fake.Advance(time.Second)
	require.Equal(t, "InvalidMessageId.Format", more("d4"), "a day is over")
}

// Pushes to everybody keep their distance.
func TestPushToEverybody(t *testing.T) {
	s, fake := started(t, Options{})
	all := func() any {
		return ask(t, s, "Push", pushVersion, func(p url.Values) { pushParams(p); p.Set("Target", "ALL"); p.Set("TargetValue", "ALL") })["Code"]
	}
	require.Nil(t, all())
	require.Equal(t, "Throttling.User", all())
	for range 9 {
		fake.Advance(time.Second)
		require.Nil(t, all())
	}
	fake.Advance(time.Second)
	require.Equal(t, "Throttling.User", all(), "ten in ten minutes")
	fake.Advance(10 * time.Minute)
	require.Nil(t, all())
}
