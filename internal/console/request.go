package console

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tocsin/incident"
	"tocsin/playbooks"
)

// request is one request with who makes it.
type request struct {
	*gin.Context
	*console
	*viewer
	named map[string]string // those to whom duties of the incidents at hand are owed
}

func (r *request) ctx() context.Context { return r.Request.Context() }

// incident reads one whole, and keeps the names of those to whom its duties are owed.
func (r *request) incident(id incident.ID) (playbooks.View, error) {
	v, err := r.Playbooks.Incident(r.ctx(), r.scope, id)
	r.know(v.Duties)
	return v, err
}

// page makes the frame of a page; key is that of its title.
func (r *request) page(key string) page {
	p := page{viewer: r.viewer, Title: r.tr(key), Back: r.Request.URL.Path, Simulator: r.Simulator, Live: r.assets.live}
	if r.Request.Method != http.MethodGet {
		p.Back = "/"
	}
	p.Troubles = r.troubles()
	if done := r.Query("done"); done != "" {
		p.Done = r.words[r.Locale]["done."+done]
	}
	return p
}

func (r *request) show(status int, name string, model any) {
	var b bytes.Buffer
	if err := r.looks.render(&b, r.Locale, name, model); err != nil {
		r.Log.ErrorContext(r.ctx(), "page was not rendered", "page", name, "error", err)
		r.String(http.StatusInternalServerError, "%s", r.tr("fault.internal"))
		return
	}
	r.Data(status, "text/html; charset=utf-8", b.Bytes())
}

// done goes on to a page after something was done there; what names the message that the page shows.
func (r *request) done(path, what string) error {
	path, anchor, _ := strings.Cut(path, "#")
	if what != "" {
		path += "?done=" + url.QueryEscape(what)
	}
	if anchor != "" {
		path += "#" + anchor
	}
	r.Redirect(http.StatusSeeOther, path)
	return nil
}

// fault is a refusal as a page shows it.
type fault struct {
	Status   int
	Message  string
	Problems []incident.Problem
}

// fault explains an error that a person can do something about; nil for internal ones.
func (r *request) fault(err error) *fault {
	d := incident.Explain(err)
	if d.Status == http.StatusInternalServerError {
		return nil
	}
	f := &fault{Status: d.Status, Message: r.said(d.Detail), Problems: d.Errors}
	for i, p := range f.Problems {
		f.Problems[i].Message = r.said(p.Message)
	}
	return f
}

// said puts a message of the house into the viewer's language, where it is known. What a message begins or ends
// with may be known alone: after it stand the facts to settle, before it a state.
func (r *request) said(message string) string {
	known := func(text string) string { return r.words[r.Locale]["said."+text] }
	if text := known(message); text != "" {
		return text
	}
	begin, end, _ := strings.Cut(message, ": ")
	if text := known(end); text != "" {
		return text
	}
	text := known(begin)
	if text == "" {
		return message
	}
	facts := strings.Split(end, ", ")
	for i, path := range facts {
		facts[i] = r.factName(path)
	}
	return text + r.tr("list.colon") + strings.Join(facts, r.tr("list.comma"))
}

type faultModel struct {
	page
	Status int
	Text   string
}

// refuse answers an error with a page of its own.
func (r *request) refuse(err error) {
	m := &faultModel{page: r.page("fault.title"), Status: http.StatusInternalServerError, Text: r.tr("fault.internal")}
	if f := r.fault(err); f != nil {
		m.Status, m.Text = f.Status, f.Message
	} else {
		r.Log.ErrorContext(r.ctx(), "page failed", "route", r.FullPath(), "error", err)
	}
	if m.Status == http.StatusServiceUnavailable {
		r.Header("Retry-After", "5")
	}
	r.show(m.Status, "fault", m)
}

// form is what a person typed, kept while a fault is shown beside it.
type form struct {
	Values url.Values
	*fault
}

// Or is what was typed, or what stands there otherwise.
func (f *form) Or(name, otherwise string) string {
	if f != nil && f.Values.Has(name) {
		return f.Values.Get(name)
	}
	return otherwise
}

// Picked tells whether a choice was made, or stands otherwise.
func (f *form) Picked(name, value string, otherwise bool) bool {
	if f == nil || f.Values == nil {
		return otherwise
	}
	for _, v := range f.Values[name] {
		if v == value {
			return true
		}
	}
	return false
}

// At lists what is wrong at, or below, a pointer.
func (f *form) At(pointer string) []string {
	if f == nil || f.fault == nil {
		return nil
	}
	var out []string
	for _, p := range f.Problems {
		if p.Pointer == pointer || strings.HasPrefix(p.Pointer, pointer+"/") {
			out = append(out, p.Message)
		}
	}
	return out
}

// moved points the faults of a list at the rows of the form that it was read from.
func (f *form) moved(list string, rows []int) {
	for i, p := range f.Problems {
		rest, ok := strings.CutPrefix(p.Pointer, list)
		number, field, _ := strings.Cut(rest, "/")
		if n, err := strconv.Atoi(number); ok && err == nil && n < len(rows) {
			f.Problems[i].Pointer = list + strconv.Itoa(rows[n]) + "/" + field
		}
	}
}

// forms are the forms of one page that hold faults, by name.
type forms map[string]*form

// Form is the form of a name; nil, which answers as an untouched one, when nothing is wrong.
func (f forms) Form(name string) *form { return f[name] }

// rejected keeps a form for its page to be shown again; nil for errors that are no fault of the form.
func (r *request) rejected(name string, err error) forms {
	f := r.fault(err)
	if f == nil || f.Status == http.StatusNotFound {
		return nil
	}
	return forms{name: {Values: r.Request.PostForm, fault: f}}
}
