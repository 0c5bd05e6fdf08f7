package aliyun

import (
	"context"
	"fmt"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/dysmsapi"

	"tocsin/internal/call"
)

// SMS is one text message to one mainland number.
type SMS struct {
	Phone    string // bare 11 digits
	Sign     string
	Template string
	Params   string // JSON object of strings; "" when the template has no variables
	OutID    string
}

// SendSMS submits one message and returns the provider's id of it.
func (c *Client) SendSMS(ctx context.Context, m SMS) (bizID string, err error) {
	const action = "SendSms"
	r, resp := dysmsapi.CreateSendSmsRequest(), dysmsapi.CreateSendSmsResponse()
	r.PhoneNumbers, r.SignName, r.TemplateCode, r.TemplateParam, r.OutId = m.Phone, m.Sign, m.Template, m.Params, m.OutID
	if err := c.call(ctx, action, r, resp); err != nil {
		return "", err
	}
	if err := c.success(action, resp.Code, resp.Message, resp.RequestId, resp.BizId != ""); err != nil {
		return "", err
	}
	return resp.BizId, nil
}

// SMSDetail is what the provider knows of one message. The text itself is left out.
type SMSDetail struct {
	OutID   string
	Status  int // 1 waiting, 2 failed, 3 delivered
	ErrCode string
}

// The bounds of a query: rows of a page, and pages that one number can fill on a day.
const (
	pageSize = 50
	maxPages = 20
)

// QuerySMS lists what the provider has for a number on a day (yyyymmdd, Beijing time), all pages of it.
func (c *Client) QuerySMS(ctx context.Context, phone, day string) ([]SMSDetail, error) {
	const action = "QuerySendDetails"
	var out []SMSDetail
	for page := 1; page <= maxPages; page++ {
		r, resp := dysmsapi.CreateQuerySendDetailsRequest(), dysmsapi.CreateQuerySendDetailsResponse()
		r.PhoneNumber, r.SendDate = phone, day
		r.PageSize, r.CurrentPage = integer(pageSize), integer(page)
		if err := c.call(ctx, action, r, resp); err != nil {
			return nil, err
		}
		if err := c.success(action, resp.Code, resp.Message, resp.RequestId, true); err != nil {
			return nil, err
		}
		rows := resp.SmsSendDetailDTOs.SmsSendDetailDTO
		for _, d := range rows {
			out = append(out, SMSDetail{OutID: d.OutId, Status: int(d.SendStatus), ErrCode: call.Token(d.ErrCode)})
		}
		if len(rows) < pageSize {
			return out, nil
		}
	}
	return nil, fmt.Errorf("query sms: %w", c.Fault(action, call.InDoubt, "too-many-pages", "", 0))
}
