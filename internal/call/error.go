package call

import (
	"context"
	"errors"
	"regexp"
	"time"
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

// Error is a failed call. It keeps no text of the provider or its SDK: they repeat URLs and bodies, and those
// hold phone numbers, values and keys.
type Error struct {
	Provider  string
	Action    string
	Class     Class
	Code      string // provider's code, or a word of ours for failures without one
	RequestID string
	Status    int           // HTTP, 0 when there was no answer
	Window    time.Duration // flow control: the window the provider named, 0 unknown
	cause     error         // context errors only, so that errors.Is works
}

// Error names provider, action, code, class and request id.
func (e *Error) Error() string {
	s := "call " + e.Provider + " " + e.Action + ": " + e.Code + " (" + string(e.Class) + ")"
	if e.RequestID != "" {
		s += ", request " + e.RequestID
	}
	return s
}

// Unwrap is the context's error when the call was cancelled or timed out.
func (e *Error) Unwrap() error { return e.cause }

var errRedirect = errors.New("redirected")

// Fault is a failure of an action that the provider answered; code and request id are its own words, of which
// only what can be a code or an id is kept.
func (l *Line) Fault(action string, class Class, code, requestID string, status int) *Error {
	return &Error{Provider: l.provider, Action: action, Class: class, Code: Token(code), RequestID: Token(requestID), Status: status}
}

// Broken says what an error of the connection means: in doubt, unless it proves that nothing left.
func (l *Line) Broken(action string, err error) *Error {
	e := l.Fault(action, InDoubt, "no-answer", "", 0)
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

var notToken = regexp.MustCompile(`[^A-Za-z0-9._:^-]`)

// Token keeps what can be a code or an id and nothing that could carry personal data along.
func Token(s string) string {
	if len(s) > 80 || notToken.MatchString(s) {
		return "unprintable"
	}
	return s
}
