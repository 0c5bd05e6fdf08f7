package console

import (
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/notify"
)

type audienceRow struct {
	ID, Name, Format, Error, Incident                          string
	Base, File                                                 string
	State                                                      notify.AudienceState
	Rows, Affected, Total, Rejected, Duplicates, Dropped, Line int64
	Channels                                                   []channelCount
	Roles                                                      []channelCount // recipients by in whose place they are told, when not all for themselves
	Root                                                       string
	Frozen, Resumable, Waiting                                 bool
	At                                                         *moment
	Reading                                                    *reading // while it is imported
}

type channelCount struct {
	Channel string
	Count   int64
}

// reading is how an import gets on.
type reading struct {
	Percent     string // of the file; "" when its size is not known
	Width       float64
	Bytes, Size string
	Rate        string
	ETA         *moment
}

func (r *request) audienceRow(a notify.Audience) audienceRow {
	row := audienceRow{ID: a.ID, Name: a.Name, Format: a.Format, Error: r.said(a.Error), Incident: string(a.Incident), Base: a.Base, File: a.File, State: a.State,
		Rows: a.Rows, Affected: a.Affected, Total: a.Total, Rejected: a.Rejected, Duplicates: a.Duplicates, Dropped: a.Dropped, Line: a.At.Lines, Root: a.Root, Frozen: a.Frozen,
		Resumable: a.State == notify.Broken && a.Resumable, Waiting: a.Waiting, At: r.at(&a.CreatedAt)}
	for _, ch := range sorted(a.ByChannel) {
		row.Channels = append(row.Channels, channelCount{ch, a.ByChannel[ch]})
	}
	row.Roles = roles(a.Segments)
	if a.State == notify.Importing {
		row.Reading = r.reading(a)
	}
	return row
}

// roles counts recipients by in whose place they are told; none when everybody is told in person.
func roles(all []notify.Segment) (out []channelCount) {
	n := map[string]int64{}
	for _, s := range all {
		if s.Kind == "role" {
			n[s.Value] += s.People
		}
	}
	if len(n) == 0 || len(n) == 1 && n["person"] > 0 {
		return nil
	}
	for _, role := range []string{"person", notify.RoleGuardian, notify.RoleNextOfKin} {
		if n[role] > 0 {
			out = append(out, channelCount{role, n[role]})
		}
	}
	return out
}

// Untaken is how many lines and addresses are listed with what is wrong with them.
func (row audienceRow) Untaken() int64 { return row.Rejected + row.Duplicates + row.Dropped }

func (r *request) reading(a notify.Audience) *reading {
	rate, eta := a.Pace()
	out := &reading{Bytes: bytesText(a.Bytes), ETA: r.until(eta)}
	if rate >= 1 {
		out.Rate = strconv.FormatFloat(math.Round(rate), 'f', 0, 64)
	}
	if a.Size > 0 {
		share := min(1, float64(a.Bytes)/float64(a.Size))
		out.Size, out.Percent, out.Width = bytesText(a.Size), strconv.Itoa(int(100*share)), 1000*share
	}
	return out
}

// bytesText is an amount of data as people read it.
func bytesText(n int64) string {
	v, units := float64(n), []string{"B", "KB", "MB", "GB", "TB"}
	for v >= 1000 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	digits := 0
	if v < 10 && len(units) < 5 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[0]
}

// importAudience streams an uploaded file of people into a new audience, or goes on with one that was
// interrupted.
func (r *request) importAudience() error {
	src, err := r.audienceFile()
	var a notify.Audience
	if err == nil {
		a, err = r.Notify.ImportFrom(r.ctx(), r.scope, incident.ID(r.Param("id")), src)
	}
	switch {
	case a.Resumable: // the file broke off
		return r.done("/audiences/"+a.ID+"#resume", "")
	case err != nil:
		return r.again("audience", err)
	}
	return r.done("/audiences/"+a.ID, "imported")
}

// audienceFile finds the file in the form without keeping it. What is said of it stands before it.
func (r *request) audienceFile() (src notify.Source, err error) {
	parts, err := r.Request.MultipartReader()
	if err != nil {
		return src, incident.NewFault(incident.Unsupported, "an audience is imported as csv or ndjson")
	}
	said := url.Values{}
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) || err == nil && p.FormName() == "file" && p.FileName() == "" {
			return src, incident.InvalidInput([]incident.Problem{{Pointer: "/file", Rule: "required", Message: r.tr("audience.choose")}})
		}
		if err != nil {
			return src, err
		}
		if p.FormName() != "file" {
			value, err := io.ReadAll(io.LimitReader(p, maxField))
			if err != nil {
				return src, err
			}
			said.Set(p.FormName(), string(value))
			continue
		}
		size, _ := strconv.ParseInt(said.Get("size"), 10, 64) // scripts say it; without, there is no ETA
		return notify.Source{Name: p.FileName(), Format: notify.FormatOf(p.FileName()), Reader: p, Size: max(0, size),
			Resume: said.Get("resume"), Base: said.Get("base")}, nil
	}
}

const maxField = 200 // bytes of what a form says of its file

// importFile has a file on the server imported in the background.
func (r *request) importFile() error {
	a, err := r.Notify.ImportFile(r.ctx(), r.scope, incident.ID(r.Param("id")), r.PostForm("file"), r.PostForm("base"), r.PostForm("resume"))
	if err != nil {
		return r.again("audience", err)
	}
	return r.done("/audiences/"+a.ID, "importing")
}

type audienceModel struct {
	page
	Row      audienceRow
	Segments []segmentGroup
	Rejects  []notify.Reject
	MayRead  bool
	More     int64
	Adds     []documentRow // dispatched notices that this audience can be added to
	Drafts   []documentRow // notices that can be planned for it
}

const rejectsAtOnce = 200

// audiencePage shows an import with the lines that were not taken.
func (r *request) audiencePage() error {
	a, err := r.Notify.Audience(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	m := &audienceModel{page: r.page("audience.title"), Row: r.audienceRow(a), Segments: r.segmentGroups(a.Segments), MayRead: r.Can("people")}
	m.Title, m.Nav, m.Listen = a.Name, "incidents", string(a.Incident)
	if a.State == notify.Importing {
		m.Refresh = 3
	}
	if m.MayRead {
		after, _ := strconv.ParseInt(r.Query("after"), 10, 64)
		if m.Rejects, m.More, err = r.rejects(a.ID, after); err != nil {
			return err
		}
	}
	if err = r.addressed(m, a); err != nil {
		return err
	}
	r.show(http.StatusOK, "audience", m)
	return nil
}

// rejects is a page of what was not taken of an import, and the line after which there is more; 0: there is none.
func (r *request) rejects(id string, after int64) (page []notify.Reject, more int64, err error) {
	page, err = r.Notify.Rejects(r.ctx(), r.scope, id, after, rejectsAtOnce)
	if err == nil && len(page) >= rejectsAtOnce {
		more = page[len(page)-1].Line
	}
	for i, reject := range page {
		page[i].Message = r.said(reject.Message)
		switch reject.Rule {
		case notify.AddressDropped:
			page[i].Message = r.tr("audience.dropped-why", "why", page[i].Message)
		case notify.ValueDropped:
			page[i].Message = r.tr("audience.unknown-why", "why", page[i].Message)
		}
	}
	return page, more, err
}

// rejectsFile streams the lines that were not taken, for whoever mends the file.
func (r *request) rejectsFile() error {
	page, more, err := r.rejects(r.Param("id"), 0)
	if err != nil {
		return err
	}
	r.attach("text/csv; charset=utf-8", r.Param("id")+"-rejects.csv")
	out := csv.NewWriter(r.Writer)
	err = out.Write([]string{"line", "column", "pointer", "rule", "message"})
	for err == nil && len(page) > 0 {
		for _, reject := range page {
			err = cmp.Or(err, out.Write([]string{strconv.FormatInt(reject.Line, 10), strconv.FormatInt(reject.Column, 10), cell(reject.Pointer), reject.Rule, reject.Message}))
		}
		if page = page[:0]; err == nil && more > 0 {
			page, more, err = r.rejects(r.Param("id"), more)
		}
	}
	out.Flush()
	r.cut(cmp.Or(err, out.Error()))
	return nil
}

// cell keeps a column's name that somebody chose from being read as a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t", rune(text[0])) {
		return "'" + text
	}
	return text
}

// attach begins an answer that is kept as a file.
func (r *request) attach(mediaType, name string) {
	r.Header("Content-Type", mediaType)
	r.Header("Content-Disposition", `attachment; filename="`+name+`"`)
}

// cut ends a streamed answer: nobody may take half of it for the whole.
func (r *request) cut(err error) {
	if err != nil {
		r.Log.ErrorContext(r.ctx(), "an answer was cut short", "route", r.FullPath(), "error", err)
		panic(http.ErrAbortHandler)
	}
}
