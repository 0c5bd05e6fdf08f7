package aliyun

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/push"
)

// MaxTargets is how many devices one push may name.
const MaxTargets = 1000

// Notice is one push notification for devices, kept for those offline.
type Notice struct {
	AppKey  string
	Devices []string // at most MaxTargets
	Title   string
	Body    string
	Label   string // ours, shown in the provider's statistics and used as collapse key; may be empty
	Expires time.Time
}

// Push sends one notification and returns the provider's id of it. Queued is all it means: a device that
// does not exist is no error.
func (c *Client) Push(ctx context.Context, n Notice) (messageID string, err error) {
	const action = "Push"
	err = c.call(ctx, action, func(ctx context.Context) error {
		client, err := push.NewClientWithOptions(c.opt.Region, c.config(ctx), c.provider)
		if err != nil {
			return err
		}
		client.Domain = c.opt.Endpoint
		client.SetReadTimeout(time.Minute)
		client.SetCloseTrace(true)
		r := push.CreatePushRequest()
		r.AppKey = requests.Integer(n.AppKey)
		r.PushType, r.DeviceType = "NOTICE", "ALL"
		r.Target, r.TargetValue = "DEVICE", strings.Join(n.Devices, ",")
		r.Title, r.Body, r.JobKey = n.Title, n.Body, n.Label
		r.IOSApnsEnv = "PRODUCT"
		r.IOSNotificationCollapseId = n.Label
		r.StoreOffline = requests.NewBoolean(true)
		r.ExpireTime = n.Expires.UTC().Format("2006-01-02T15:04:05Z")
		resp, err := client.Push(r)
		if err != nil {
			return err
		}
		messageID = resp.MessageId
		return success(action, "OK", "", resp.RequestId, resp.MessageId != "")
	})
	if err != nil {
		return "", err
	}
	return messageID, nil
}

func integer(n int) requests.Integer { return requests.Integer(strconv.Itoa(n)) }
