package aliyun

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/push"
)

// The bounds of the push product: targets of one push, tasks of one mass push.
const (
	MaxTargets = 1000
	MaxTasks   = 100
)

// App is where pushes go and how phones' makers are asked to show them.
type App struct {
	Key    string
	Vendor Vendor
}

// Vendor names what an app has registered with the makers of phones. Without the right channel or category a
// maker drops a notice, or shows it among advertisements.
type Vendor struct {
	Android, Huawei, Honor, Xiaomi, Vivo                              string // notification channels
	HuaweiCategory, VivoCategory, OppoCategory, HarmonyCategory, Send string // categories; the makers' channels to use
}

// Notice is one push notification, kept for devices that are offline.
type Notice struct {
	Devices []string // at most MaxTargets; of a mass push one
	Title   string
	Body    string
	Label   string // ours, shown in the provider's logs and used as collapse key; may be empty
}

// Push sends one notification and returns the provider's id of it. Queued is all it means: a device that
// does not exist is no error. token is a UUID: the provider answers a repeat within 15 minutes with its first
// answer.
func (c *Client) Push(ctx context.Context, app App, n Notice, expires time.Time, token string) (messageID string, err error) {
	const action = "Push"
	r, resp := push.CreatePushRequest(), push.CreatePushResponse()
	r.AppKey = requests.Integer(app.Key)
	r.PushType, r.DeviceType, r.Target = "NOTICE", "ALL", "DEVICE"
	r.TargetValue = strings.Join(n.Devices, ",")
	r.Title, r.Body, r.JobKey = n.Title, n.Body, jobKey(n.Label)
	r.IOSApnsEnv, r.IOSNotificationCollapseId = "PRODUCT", n.Label
	r.StoreOffline, r.ExpireTime = requests.NewBoolean(true), stamp(expires)
	v := app.Vendor
	r.AndroidNotificationChannel, r.AndroidNotificationHuaweiChannel, r.AndroidNotificationHonorChannel = v.Android, v.Huawei, v.Honor
	r.AndroidNotificationXiaomiChannel, r.AndroidNotificationVivoChannel = v.Xiaomi, v.Vivo
	r.AndroidMessageHuaweiCategory, r.AndroidMessageVivoCategory, r.AndroidMessageOppoCategory = v.HuaweiCategory, v.VivoCategory, v.OppoCategory
	r.HarmonyCategory, r.SendChannels = v.HarmonyCategory, v.Send
	setToken(r.QueryParams, token)
	if err := c.call(ctx, action, r, resp); err != nil {
		return "", err
	}
	return resp.MessageId, c.success(action, "OK", "", resp.RequestId, resp.MessageId != "")
}

// MassPush sends up to MaxTasks notifications that differ and returns the provider's id of each, in order.
func (c *Client) MassPush(ctx context.Context, app App, notices []Notice, expires time.Time, token string) (messageIDs []string, err error) {
	const action = "MassPush"
	r, resp := &requests.RpcRequest{}, push.CreateMassPushResponse()
	r.InitWithApiInfo("Push", "2016-08-01", action, "", "")
	r.QueryParams["AppKey"] = app.Key
	r.SetContent(app.tasks(notices, expires))
	setToken(r.QueryParams, token)
	if err := c.call(ctx, action, r, resp); err != nil {
		return nil, err
	}
	ids := resp.MessageIds.MessageId
	return ids, c.success(action, "OK", "", resp.RequestId, len(ids) == len(notices))
}

// tasks is the body of a mass push: the fields of every task in the order in which they are signed. The SDK's
// struct has a hundred of them, which would be searched, copied into a map and sorted for each person.
func (a App) tasks(notices []Notice, expires time.Time) []byte {
	size := 0
	for _, n := range notices {
		size += 3*(len(n.Title)+len(n.Body)) + 2*len(n.Label)
	}
	b := make([]byte, 0, size+len(notices)*taskSize)
	until := stamp(expires)
	var before [taskFields]written
	for _, i := range signingOrder {
		if i >= len(notices) {
			continue
		}
		number := strconv.Itoa(i + 1)
		for k, f := range a.task(&notices[i], until) {
			if f.value == "" {
				continue
			}
			b = append(append(append(b, "PushTask."...), number...), '.')
			b = append(append(b, f.name...), '=')
			if w := &before[k]; w.value == f.value {
				b = append(b, b[w.from:w.to]...)
			} else {
				w.value, w.from = f.value, len(b)
				b = encode(b, f.value)
				w.to = len(b)
			}
			b = append(b, '&')
		}
	}
	return bytes.TrimSuffix(b, []byte{'&'})
}

const (
	taskSize   = 600 // about what names and fixed values of a task take
	taskFields = 21
)

// written is where a field's value stands in a body, encoded: most are the same in the next task.
type written struct {
	value    string
	from, to int
}

// signingOrder are the places of a call's tasks as their numbers are sorted: 1, 10, 100, 11, 12 and so on.
var signingOrder = func() (order []int) {
	for i := range MaxTasks {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(strconv.Itoa(a+1), strconv.Itoa(b+1)) })
	return order
}()

type field struct{ name, value string }

// task is one task's fields, in the order of their names.
func (a App) task(n *Notice, until string) [taskFields]field {
	v := &a.Vendor
	return [...]field{
		{"AndroidMessageHuaweiCategory", v.HuaweiCategory}, {"AndroidMessageOppoCategory", v.OppoCategory}, {"AndroidMessageVivoCategory", v.VivoCategory},
		{"AndroidNotificationChannel", v.Android}, {"AndroidNotificationHonorChannel", v.Honor}, {"AndroidNotificationHuaweiChannel", v.Huawei},
		{"AndroidNotificationVivoChannel", v.Vivo}, {"AndroidNotificationXiaomiChannel", v.Xiaomi},
		{"Body", n.Body}, {"DeviceType", "ALL"}, {"ExpireTime", until}, {"HarmonyCategory", v.HarmonyCategory}, {"JobKey", jobKey(n.Label)},
		{"PushType", "NOTICE"}, {"SendChannels", v.Send}, {"StoreOffline", "true"}, {"Target", "DEVICE"}, {"TargetValue", strings.Join(n.Devices, ",")},
		{"Title", n.Title}, {"iOSApnsEnv", "PRODUCT"}, {"iOSNotificationCollapseId", n.Label},
	}
}

// setToken adds a parameter that the SDK's version of the API does not know yet.
func setToken(params map[string]string, token string) {
	if token != "" {
		params["IdempotentToken"] = token
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// jobKey is a label as the provider's logs take it: letters, digits, _ and -, at most 32 of them. One that
// does not fit is left out; nothing hangs on it.
func jobKey(label string) string {
	if len(label) > 32 {
		return ""
	}
	return strings.ReplaceAll(label, ".", "-")
}

func integer(n int) requests.Integer { return requests.Integer(strconv.Itoa(n)) }
