package aliyun

import (
	"errors"
	"net/http"
	"strings"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"

	"tocsin/internal/call"
)

// GatewayRule classes codes of the gateway that stands before every product.
type GatewayRule struct {
	Prefix string // of the code
	Class  call.Class
}

// Gateway is channels.md section 1.3 as data; the longest prefix wins.
var Gateway = []GatewayRule{
	{"Throttling", call.Retry},
	{"ServiceUnavailable", call.InDoubt},
	{"InternalError", call.InDoubt},
	{"SignatureNonceUsed", call.InDoubt}, // the earlier copy may have passed
	{"InvalidTimeStamp", call.Stop},
	{"IllegalTimestamp", call.Stop},
	{"SignatureDoesNotMatch", call.Stop},
	{"IncompleteSignature", call.Stop},
	{"InvalidAccessKeyId", call.Stop},
	{"Forbidden", call.Stop},
	{"AccountDisabled", call.Stop},
	{"MissingParameter", call.Bug},
	{"Missing", call.Bug},
	{"InvalidParameter", call.Bug},
	{"Invalid", call.Bug},
	{"UnsupportedOperation", call.Bug},
	{"NoSuchVersion", call.Bug},
	{"InvalidAction", call.Bug},
}

// classify gives the class of a code that came with an HTTP status.
func classify(status int, code string) call.Class {
	if strings.HasPrefix(code, "isv.") || strings.HasPrefix(code, "isp.") {
		return call.Business
	}
	best, class := -1, call.Class("")
	for _, r := range Gateway {
		if strings.HasPrefix(code, r.Prefix) && len(r.Prefix) > best {
			best, class = len(r.Prefix), r.Class
		}
	}
	switch {
	case class != "":
		return class
	case status >= 500, code == "":
		return call.InDoubt
	default:
		return call.Business
	}
}

// success checks an answer that came without an error: neither HTTP 200 nor a nil error is proof.
func (c *Client) success(action, code, message, requestID string, hasID bool) error {
	switch {
	case code == "OK" && hasID:
		return nil
	case code == "OK" || code == "":
		return c.Fault(action, call.InDoubt, "empty-answer", requestID, http.StatusOK)
	default:
		return c.refusal(action, code, message, requestID, http.StatusOK)
	}
}

func (c *Client) refusal(action, code, message, requestID string, status int) *call.Error {
	e := c.Fault(action, classify(status, call.Token(code)), code, requestID, status)
	e.Window = window(message)
	return e
}

// translate turns any error of the SDK or the connection into ours.
func (c *Client) translate(action string, err error) error {
	var server *sdkerrors.ServerError
	if errors.As(err, &server) {
		e := c.refusal(action, server.ErrorCode(), server.Message(), server.RequestId(), server.HttpStatus())
		if e.Code == "" {
			e.Code = "http-" + strings.ToLower(strings.ReplaceAll(http.StatusText(e.Status), " ", "-"))
		}
		return e
	}
	e := c.Broken(action, err)
	var client *sdkerrors.ClientError
	if errors.As(err, &client) && client.ErrorCode() == sdkerrors.JsonUnmarshalErrorCode && e.Code == "no-answer" {
		e.Code = "unreadable-answer"
	}
	return e
}

// window reads the level of a flow-control message, which the provider gives in words only.
func window(message string) time.Duration {
	switch {
	case strings.Contains(message, "分钟级"):
		return time.Minute
	case strings.Contains(message, "小时级"):
		return time.Hour
	case strings.Contains(message, "天级"):
		return 24 * time.Hour
	default:
		return 0
	}
}
