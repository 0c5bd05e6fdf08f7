package aliyun

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
)

// Class says what a failed call means. The words are those every channel uses.
type Class string

// The classes a call can end in. Business means the provider refused with a code of its own, which the
// channel's table classes.
const (
	Retry    Class = "RETRY"
	InDoubt  Class = "IN_DOUBT"
	Stop     Class = "STOP"
	Bug      Class = "BUG"
	Business Class = "BUSINESS"
)

// Error is a failed call. It keeps no text of provider or SDK: they repeat URLs, and URLs hold phone
// numbers, values and keys.
type Error struct {
	Action    string
	Class     Class
	Code      string // provider's code, or a word of ours for failures without one
	RequestID string
	Status    int           // HTTP, 0 when there was no answer
	Window    time.Duration // flow control: the window the provider named, 0 unknown
	cause     error         // context errors only, so that errors.Is works
}

// Error names action, code, class and request id.
func (e *Error) Error() string {
	s := "call aliyun " + e.Action + ": " + e.Code + " (" + string(e.Class) + ")"
	if e.RequestID != "" {
		s += ", request " + e.RequestID
	}
	return s
}

// Unwrap is the context's error when the call was cancelled or timed out.
func (e *Error) Unwrap() error { return e.cause }

// GatewayRule classes codes of the gateway that stands before every product.
type GatewayRule struct {
	Prefix string // of the code
	Class  Class
}

// Gateway is channels.md section 1.3 as data; the longest prefix wins.
var Gateway = []GatewayRule{
	{"Throttling", Retry},
	{"ServiceUnavailable", InDoubt},
	{"InternalError", InDoubt},
	{"SignatureNonceUsed", InDoubt}, // the earlier copy may have passed
	{"InvalidTimeStamp", Stop},
	{"IllegalTimestamp", Stop},
	{"SignatureDoesNotMatch", Stop},
	{"IncompleteSignature", Stop},
	{"InvalidAccessKeyId", Stop},
	{"Forbidden", Stop},
	{"AccountDisabled", Stop},
	{"MissingParameter", Bug},
	{"Missing", Bug},
	{"InvalidParameter", Bug},
	{"Invalid", Bug},
	{"UnsupportedOperation", Bug},
	{"NoSuchVersion", Bug},
	{"InvalidAction", Bug},
}

// classify gives the class of a code that came with an HTTP status.
func classify(status int, code string) Class {
	if strings.HasPrefix(code, "isv.") || strings.HasPrefix(code, "isp.") {
		return Business
	}
	best, class := -1, Class("")
	for _, r := range Gateway {
		if strings.HasPrefix(code, r.Prefix) && len(r.Prefix) > best {
			best, class = len(r.Prefix), r.Class
		}
	}
	switch {
	case class != "":
		return class
	case status >= 500, code == "":
		return InDoubt
	default:
		return Business
	}
}

// success checks an answer that came without an error: neither HTTP 200 nor a nil error is proof.
func success(action, code, message, requestID string, hasID bool) error {
	switch {
	case code == "OK" && hasID:
		return nil
	case code == "OK" || code == "":
		return &Error{Action: action, Class: InDoubt, Code: "empty-answer", RequestID: token(requestID), Status: http.StatusOK}
	default:
		return &Error{Action: action, Class: classify(http.StatusOK, code), Code: token(code), RequestID: token(requestID),
			Status: http.StatusOK, Window: window(message)}
	}
}

// translate turns any error of the SDK into ours.
func translate(action string, err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	var server *sdkerrors.ServerError
	if errors.As(err, &server) {
		code := token(server.ErrorCode())
		e := &Error{Action: action, Code: code, RequestID: token(server.RequestId()), Status: server.HttpStatus(), Window: window(server.Message())}
		e.Class = classify(e.Status, code)
		if code == "" {
			e.Code = "http-" + http.StatusText(e.Status)
			e.Code = strings.ToLower(strings.ReplaceAll(e.Code, " ", "-"))
		}
		return e
	}
	e := &Error{Action: action, Class: InDoubt, Code: "no-answer"}
	var client *sdkerrors.ClientError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Code, e.cause = "timeout", context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.Code, e.cause = "cancelled", context.Canceled
	case errors.Is(err, errRedirect):
		e.Class, e.Code = Stop, "redirected"
	case unsent(err):
		e.Class, e.Code = Retry, "unreachable"
	case errors.As(err, &client) && client.ErrorCode() == sdkerrors.JsonUnmarshalErrorCode:
		e.Code = "unreadable-answer"
	}
	return e
}

var notToken = regexp.MustCompile(`[^A-Za-z0-9._:^-]`)

// token keeps what can be a code or an id and nothing that could carry personal data along.
func token(s string) string {
	if len(s) > 64 || notToken.MatchString(s) {
		return "unprintable"
	}
	return s
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
