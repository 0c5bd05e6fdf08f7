package incident

import (
	"context"
	"errors"
	"net/http"
)

// ProblemDocument is the answer to a refused request (RFC 9457), the same over HTTP and NATS. It never
// holds the offending value or an internal error's text.
type ProblemDocument struct {
	Type   string    `json:"type"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail,omitempty"`
	Errors []Problem `json:"errors,omitempty"`
	// RetryAfter is in seconds; 0 when trying again does not help.
	RetryAfter int `json:"retry_after,omitempty"`
}

var faultStatus = map[FaultKind]int{
	Invalid: http.StatusBadRequest, Unauthorized: http.StatusUnauthorized, Forbidden: http.StatusForbidden,
	NotFound: http.StatusNotFound, Conflict: http.StatusConflict, Stale: http.StatusPreconditionFailed,
	Reused: http.StatusUnprocessableEntity, TooLarge: http.StatusRequestEntityTooLarge,
	Unsupported: http.StatusUnsupportedMediaType, Busy: http.StatusServiceUnavailable,
}

// Explain turns an error into the answer a user reads. Internal errors become a 500 that says nothing;
// the caller logs them.
func Explain(err error) ProblemDocument {
	var f *Fault
	switch {
	case errors.As(err, &f):
		status := faultStatus[f.Kind]
		d := ProblemDocument{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: f.Message, Errors: f.Problems}
		if f.Kind == Busy {
			d.RetryAfter = 5
		}
		return d
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ProblemDocument{Type: "about:blank", Title: "Service Unavailable", Status: http.StatusServiceUnavailable,
			Detail: "it took too long; nothing is known to be stored, send it again with the same key", RetryAfter: 5}
	}
	return ProblemDocument{Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError),
		Status: http.StatusInternalServerError, Detail: "internal error; the log has it under the request id"}
}
