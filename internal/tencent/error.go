package tencent

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"regexp"
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

// Error is a failed call. It keeps no text of the provider, which may repeat numbers and values.
type Error struct {
	Action    string
	Class     Class
	Code      string // provider's code, or a word of ours for failures without one
	RequestID string
	Status    int   // HTTP, 0 when there was no answer
	cause     error // context errors only, so that errors.Is works
}

// Error names action, code, class and request id.
func (e *Error) Error() string {
	s := "call tencent " + e.Action + ": " + e.Code + " (" + string(e.Class) + ")"
	if e.RequestID != "" {
		s += ", request " + e.RequestID
	}
	return s
}

// Unwrap is the context's error when the call was cancelled or timed out.
func (e *Error) Unwrap() error { return e.cause }

var errRedirect = errors.New("redirected")

// translate turns an error of the connection into ours.
func translate(action string, err error) error {
	e := &Error{Action: action, Class: InDoubt, Code: "no-answer"}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Code, e.cause = "timeout", context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.Code, e.cause = "cancelled", context.Canceled
	case errors.Is(err, errRedirect):
		e.Class, e.Code = Stop, "redirected"
	case unsent(err):
		e.Class, e.Code = Retry, "unreachable"
	}
	return e
}

// unsent reports whether an error proves that no byte of the request left.
func unsent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &record) || errors.As(err, &cert)
}

var notToken = regexp.MustCompile(`[^A-Za-z0-9._:-]`)

// token keeps what can be a code or an id and nothing that could carry personal data along.
func token(s string) string {
	if len(s) > 80 || notToken.MatchString(s) {
		return "unprintable"
	}
	return s
}
