package console

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/notify"
)

type audienceRow struct {
	ID, Name, Format, Error           string
	State                             notify.AudienceState
	Rows, Total, Rejected, Duplicates int64
	Channels                          []channelCount
	Root                              string
	Frozen                            bool
	At                                *moment
}

type channelCount struct {
	Channel string
	Count   int64
}

func (r *request) audienceRow(a notify.Audience) audienceRow {
	row := audienceRow{ID: a.ID, Name: a.Name, Format: a.Format, Error: r.said(a.Error), State: a.State, Rows: a.Rows, Total: a.Total, Rejected: a.Rejected,
		Duplicates: a.Duplicates, Root: a.Root, Frozen: a.Frozen, At: r.at(&a.CreatedAt)}
	for _, ch := range sorted(a.ByChannel) {
		row.Channels = append(row.Channels, channelCount{ch, a.ByChannel[ch]})
	}
	return row
}

// importAudience streams an uploaded file of people into a new audience.
func (r *request) importAudience() error {
	id := incident.ID(r.Param("id"))
	name, format, file, err := r.audienceFile()
	if err == nil {
		_, err = r.Notify.Import(r.ctx(), r.scope, id, name, format, file, nil)
	}
	if err != nil {
		return r.again("audience", err)
	}
	return r.done("/incidents/"+string(id)+"#audience", "imported")
}

// audienceFile finds the file in the form without keeping it.
func (r *request) audienceFile() (name, format string, file io.Reader, err error) {
	parts, err := r.Request.MultipartReader()
	if err != nil {
		return "", "", nil, incident.NewFault(incident.Unsupported, "an audience is imported as csv or ndjson")
	}
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) || err == nil && p.FormName() == "file" && p.FileName() == "" {
			return "", "", nil, incident.InvalidInput([]incident.Problem{{Pointer: "/file", Rule: "required", Message: r.tr("audience.choose")}})
		}
		if err != nil {
			return "", "", nil, err
		}
		if p.FormName() != "file" {
			continue
		}
		switch strings.ToLower(path.Ext(p.FileName())) {
		case ".csv":
			format = "csv"
		case ".ndjson", ".jsonl", ".json":
			format = "ndjson"
		}
		return p.FileName(), format, p, nil
	}
}

type audienceModel struct {
	page
	Row      audienceRow
	Incident string
	Rejects  []notify.Reject
	MayRead  bool
	More     int64
}

const rejectsAtOnce = 200

// audiencePage shows an import with the lines that were not taken.
func (r *request) audiencePage() error {
	a, err := r.Notify.Audience(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	m := &audienceModel{page: r.page("audience.title"), Row: r.audienceRow(a), Incident: string(a.Incident), MayRead: r.Can("people")}
	m.Nav, m.Listen = "incidents", string(a.Incident)
	if m.MayRead {
		after, _ := strconv.ParseInt(r.Query("after"), 10, 64)
		if m.Rejects, err = r.Notify.Rejects(r.ctx(), r.scope, a.ID, after, rejectsAtOnce+1); err != nil {
			return err
		}
		if len(m.Rejects) > rejectsAtOnce {
			m.Rejects = m.Rejects[:rejectsAtOnce]
			m.More = m.Rejects[rejectsAtOnce-1].Line
		}
		for i, reject := range m.Rejects {
			m.Rejects[i].Message = r.said(reject.Message)
		}
	}
	r.show(http.StatusOK, "audience", m)
	return nil
}
