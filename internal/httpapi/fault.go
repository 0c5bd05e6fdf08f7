package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"tocsin/incident"
)

// refusal is a problem document as huma wants it.
type refusal struct{ incident.ProblemDocument }

func (r *refusal) Error() string             { return r.Detail }
func (r *refusal) GetStatus() int            { return r.Status }
func (r *refusal) ContentType(string) string { return "application/problem+json" }
func (r *refusal) GetHeaders() http.Header {
	if r.RetryAfter == 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(r.RetryAfter)}}
}

// newError replaces huma's: it never repeats the offending value and answers 400, not 422, to invalid input.
func newError(status int, message string, errs ...error) huma.StatusError {
	r := &refusal{incident.ProblemDocument{Type: "about:blank", Status: status, Detail: message}}
	if status == http.StatusUnprocessableEntity {
		r.Status = http.StatusBadRequest
	}
	if status >= http.StatusInternalServerError {
		r.Detail = "internal error"
	}
	r.Title = http.StatusText(r.Status)
	for _, e := range errs {
		var d *huma.ErrorDetail
		if errors.As(e, &d) && status < http.StatusInternalServerError {
			r.Errors = append(r.Errors, incident.Problem{Pointer: pointer(d.Location), Rule: "schema", Message: d.Message})
		}
	}
	return r
}

// pointer turns huma's location (body.facts[0].path, query.limit) into a JSON pointer.
func pointer(location string) string {
	location = strings.TrimPrefix(location, "body")
	location = strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(location)
	if location != "" && !strings.HasPrefix(location, "/") {
		location = "/" + location
	}
	return location
}

// fail explains an error to the caller; what is internal goes to the log, with the operation and no values.
func (a *api) fail(ctx context.Context, operation string, err error) error {
	d := incident.Explain(err)
	if d.Status == http.StatusInternalServerError {
		a.Log.ErrorContext(ctx, "operation failed", "operation", operation, "error", err)
	}
	return &refusal{d}
}

func (a *api) refuse(ctx huma.Context, err error) {
	r := &refusal{incident.Explain(err)}
	if r.Status == http.StatusInternalServerError {
		a.Log.ErrorContext(ctx.Context(), "request refused", "operation", ctx.Operation().OperationID, "error", err)
	}
	for k, v := range r.GetHeaders() {
		ctx.SetHeader(k, v[0])
	}
	if r.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", "Bearer")
	}
	ctx.SetHeader("Content-Type", r.ContentType(""))
	ctx.SetStatus(r.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(r) // the caller has gone when this fails
}

// Refuse answers a plain gin request with the same kind of document.
func Refuse(c *gin.Context, err error) {
	d := incident.Explain(err)
	if d.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(d.RetryAfter))
	}
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(d.Status, d)
}

func contentLength(ctx huma.Context) int64 {
	n, err := strconv.ParseInt(ctx.Header("Content-Length"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// version reads an If-Match header: a quoted number, or "" for none (0).
func version(ifMatch string) (int64, error) {
	ifMatch = strings.Trim(strings.TrimPrefix(ifMatch, "W/"), `"`)
	if ifMatch == "" || ifMatch == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(ifMatch, 10, 64)
	if err != nil {
		return 0, incident.InvalidInput([]incident.Problem{{Pointer: "/header/If-Match", Rule: "form", Message: "must be the ETag of the last answer"}})
	}
	return n, nil
}

func etag(n int64) string { return `"` + strconv.FormatInt(n, 10) + `"` }
