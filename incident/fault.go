package incident

import (
	"errors"
	"fmt"
	"strings"
)

// FaultKind says which sort of answer a fault deserves; the doors map it to a status in one place.
type FaultKind string

// The kinds of fault and the HTTP answer each becomes (design section 6).
const (
	Invalid      FaultKind = "invalid"      // 400, with problems
	Forbidden    FaultKind = "forbidden"    // 403
	NotFound     FaultKind = "not_found"    // 404: not there or not yours, the same answer
	Conflict     FaultKind = "conflict"     // 409: the state does not allow it
	Stale        FaultKind = "stale"        // 412: If-Match does not match
	Reused       FaultKind = "reused"       // 422: Idempotency-Key with another body
	TooLarge     FaultKind = "too_large"    // 413
	Unsupported  FaultKind = "unsupported"  // 415: unknown format or type
	Busy         FaultKind = "busy"         // 503 with Retry-After: store down or shedding
	Unauthorized FaultKind = "unauthorized" // 401
)

// Problem is one thing that is wrong in an input: where (RFC 6901 pointer), which rule, in words.
// It never holds the offending value, which may be personal data.
type Problem struct {
	Pointer string `json:"pointer"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// Fault is an error whose message a user may read. Everything else is internal and goes to the log only.
type Fault struct {
	Kind     FaultKind
	Message  string // what is wrong and what to do
	Problems []Problem
}

// Error is the safe message, with the problems' pointers and rules.
func (f *Fault) Error() string {
	if len(f.Problems) == 0 {
		return f.Message
	}
	parts := make([]string, len(f.Problems))
	for i, p := range f.Problems {
		parts[i] = p.Pointer + ": " + p.Message
	}
	return f.Message + " (" + strings.Join(parts, "; ") + ")"
}

// NewFault makes a fault from a format string whose arguments must be safe to show.
func NewFault(kind FaultKind, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// InvalidInput makes the fault of an input with the given problems.
func InvalidInput(problems []Problem) *Fault {
	return &Fault{Kind: Invalid, Message: "the input has faults; nothing was stored", Problems: problems}
}

// IsFault reports whether err is, or wraps, a fault of the kind.
func IsFault(err error, kind FaultKind) bool {
	var f *Fault
	return errors.As(err, &f) && f.Kind == kind
}
