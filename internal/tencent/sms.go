package tencent

import (
	"context"
	"net/http"
	"time"

	"tocsin/internal/call"
)

// SMS is one text message to one number.
type SMS struct {
	Phone    string // E.164
	AppID    string
	Sign     string
	Template string
	Params   []string // in the template's positions
	OutID    string   // below 512 bytes
}

type sendRequest struct {
	PhoneNumberSet   []string
	SmsSdkAppId      string   //nolint:revive,staticcheck // the provider's name
	TemplateId       string   //nolint:revive,staticcheck // the provider's name
	SignName         string   `json:",omitempty"`
	TemplateParamSet []string `json:",omitempty"`
	SessionContext   string   `json:",omitempty"`
}

type sendAnswer struct {
	SendStatusSet []struct{ SerialNo, Code string }
	RequestID     string `json:"RequestId"`
}

// SendSMS submits one message and returns the provider's id of it. The provider takes 200 numbers a call, but
// one set of parameters for all of them.
func (c *Client) SendSMS(ctx context.Context, m SMS) (serialNo string, err error) {
	const action = "SendSms"
	var a sendAnswer
	err = c.call(ctx, action, sendRequest{PhoneNumberSet: []string{m.Phone}, SmsSdkAppId: m.AppID, TemplateId: m.Template, SignName: m.Sign,
		TemplateParamSet: m.Params, SessionContext: m.OutID}, &a)
	if err != nil {
		return "", err
	}
	if len(a.SendStatusSet) == 1 {
		switch s := a.SendStatusSet[0]; {
		case s.Code == "Ok" && s.SerialNo != "":
			return s.SerialNo, nil
		case s.Code != "Ok" && s.Code != "":
			return "", c.Fault(action, call.Business, s.Code, a.RequestID, http.StatusOK)
		}
	}
	return "", c.Fault(action, call.InDoubt, "empty-answer", a.RequestID, http.StatusOK)
}

// Status is word of one message, as its receipt would bring it.
type Status struct {
	SerialNo, SessionContext string
	ReportStatus             string // SUCCESS | FAIL
	Description              string // the carrier's code
}

type pullRequest struct {
	BeginTime, EndTime int64
	Offset, Limit      int
	PhoneNumber        string
	SmsSdkAppId        string //nolint:revive,staticcheck // the provider's name
}

const maxPull = 100

// Statuses is the word that has come of a number's messages, of the last seven days at most. It does not list
// messages that nothing has come of yet, and names ours only if the account has that switched on.
func (c *Client) Statuses(ctx context.Context, appID, phone string, from, to time.Time) ([]Status, error) {
	var a struct{ PullSmsSendStatusSet []Status }
	err := c.call(ctx, "PullSmsSendStatusByPhoneNumber",
		pullRequest{BeginTime: from.Unix(), EndTime: to.Unix(), Limit: maxPull, PhoneNumber: phone, SmsSdkAppId: appID}, &a)
	for i := range a.PullSmsSendStatusSet {
		a.PullSmsSendStatusSet[i].Description = call.Token(a.PullSmsSendStatusSet[i].Description)
	}
	return a.PullSmsSendStatusSet, err
}
