package aliyun

import (
	"context"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
)

// Globe is one text message to a number outside the mainland.
type Globe struct {
	To    string // country code and number, no plus sign
	From  string // sender id; "" for the account's own
	Text  string
	OutID string // comes back as the receipt's task id
}

// globeAnswer is what the international product answers, in a shape of its own.
type globeAnswer struct {
	*responses.BaseResponse
	ResponseCode        string `json:"ResponseCode"`
	ResponseDescription string `json:"ResponseDescription"`
	RequestID           string `json:"RequestId"`
	MessageID           string `json:"MessageId"`
}

// SendGlobe submits one message and returns the provider's id of it. It is paid for from here on, delivered
// or not.
func (c *Client) SendGlobe(ctx context.Context, m Globe) (messageID string, err error) {
	const action = "SendMessageToGlobe"
	r := &requests.RpcRequest{}
	r.InitWithApiInfo("Dysmsapi", "2018-05-01", action, "", "")
	for name, value := range map[string]string{"To": m.To, "From": m.From, "Message": m.Text, "Type": "NOTIFY", "TaskId": m.OutID} {
		if value != "" {
			r.QueryParams[name] = value
		}
	}
	resp := &globeAnswer{BaseResponse: &responses.BaseResponse{}}
	if err := c.call(ctx, action, r, resp); err != nil {
		return "", err
	}
	if err := c.success(action, resp.ResponseCode, resp.ResponseDescription, resp.RequestID, resp.MessageID != ""); err != nil {
		return "", err
	}
	return resp.MessageID, nil
}
