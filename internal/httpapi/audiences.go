package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
)

type audienceView struct {
	ID         string               `json:"id"`
	Incident   incident.ID          `json:"incident"`
	State      notify.AudienceState `json:"state"`
	Format     string               `json:"format"`
	Base       string               `json:"base,omitempty" doc:"Audience whose people are left out"`
	File       string               `json:"file,omitempty" doc:"File of the import directory"`
	Rows       int64                `json:"rows" doc:"Records read: affected, rejected and duplicates"`
	Affected   int64                `json:"affected" doc:"People the kept records are about"`
	Total      int64                `json:"total" doc:"Recipients: guardians and next of kin in their people's place"`
	Rejected   int64                `json:"rejected"`
	Duplicates int64                `json:"duplicates"`
	Dropped    int64                `json:"dropped" doc:"Bad addresses, locales and zones left out; the people are kept"`
	ByChannel  map[string]int64     `json:"by_channel"`
	Segments   []notify.Segment     `json:"segments,omitempty"`
	Root       string               `json:"root,omitempty"`
	Frozen     bool                 `json:"frozen"`
	Error      string               `json:"error,omitempty"`
	Resumable  bool                 `json:"resumable" doc:"Failed, but goes on with the same file: POST it again with resume="`
	Waiting    bool                 `json:"waiting,omitempty" doc:"A file of the import directory that is to be read"`
	Line       int64                `json:"line" doc:"Last line of the file that is dealt with"`
	Bytes      int64                `json:"bytes" doc:"Bytes of the file read, as it comes"`
	Size       int64                `json:"size,omitempty" doc:"Bytes of the file, when known"`
	Rate       float64              `json:"rate" doc:"Records a second"`
	ETA        *time.Time           `json:"eta,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

func viewAudience(a notify.Audience) audienceView {
	rate, eta := a.Pace()
	return audienceView{
		ID: a.ID, Incident: a.Incident, State: a.State, Format: a.Format, Base: a.Base, File: a.File,
		Rows: a.Rows, Affected: a.Affected, Total: a.Total, Rejected: a.Rejected, Duplicates: a.Duplicates, Dropped: a.Dropped,
		ByChannel: a.ByChannel, Segments: a.Segments, Root: a.Root, Frozen: a.Frozen,
		Error: a.Error, Resumable: a.Resumable, Waiting: a.Waiting, Line: a.At.Lines, Bytes: a.Bytes, Size: a.Size,
		Rate: rate, ETA: eta, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

type rejectList struct {
	Rejects []notify.Reject `json:"rejects"`
}

type audienceList struct {
	Audiences []audienceView `json:"audiences"`
}

// BodyStream hands the request's body on unread, so that an import of any size runs in constant memory.
type BodyStream struct {
	reader   io.Reader
	Type     string `header:"Content-Type" doc:"text/csv or application/x-ndjson"`
	Encoding string `header:"Content-Encoding" doc:"gzip or zstd; also known by the first bytes"`
	Length   int64  `header:"Content-Length"`
}

// Resolve keeps the body's reader (huma calls it before the handler).
func (s *BodyStream) Resolve(ctx huma.Context) []error {
	s.reader = ctx.BodyReader()
	return nil
}

// format is that of the body, or why it is refused.
func (s *BodyStream) format() (string, error) {
	switch s.Encoding {
	case "", "identity", "gzip", "x-gzip", "zstd":
	default:
		return "", incident.NewFault(incident.Unsupported, "a body may be packed with gzip or zstd")
	}
	mediaType, _, _ := mime.ParseMediaType(s.Type)
	format := map[string]string{
		"text/csv": "csv", "application/csv": "csv", "text/tab-separated-values": "csv",
		"application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/jsonl": "ndjson",
	}[mediaType]
	if format == "" {
		return "", incident.NewFault(incident.Unsupported, "send text/csv or application/x-ndjson")
	}
	return format, nil
}

type importIn struct {
	IncidentPath
	Name   string `query:"name" default:"upload" doc:"What to call it"`
	Resume string `query:"resume" doc:"aud_… of an import that was interrupted: send the same file from its start"`
	Base   string `query:"base" doc:"aud_… of a complete audience: whoever stands in it is left out"`
	File   string `query:"file" doc:"Name of a file in the server's import directory, instead of a body; it is read in the background"`
	BodyStream
}

func (a *api) importAudience(ctx context.Context, sc evidence.Scope, in *importIn) (*body[audienceView], error) {
	id := incident.ID(in.ID)
	if in.File != "" {
		aud, err := a.Notify.ImportFile(ctx, sc, id, in.File, in.Base, in.Resume)
		return &body[audienceView]{Body: viewAudience(aud)}, err
	}
	format, err := in.format()
	if err != nil {
		return nil, err
	}
	aud, err := a.Notify.ImportFrom(ctx, sc, id, notify.Source{
		Name: in.Name, Format: format, Reader: in.reader, Size: max(0, in.Length), Resume: in.Resume, Base: in.Base,
	})
	return &body[audienceView]{Body: viewAudience(aud)}, err
}

func (a *api) audiences(h huma.API) {
	op := a.operation("import-audience", http.MethodPost, "/incidents/{id}/audience", "Stream recipients as CSV or NDJSON", http.StatusCreated,
		func(o *huma.Operation) { o.MaxBodyBytes = -1; o.BodyReadTimeout = -1; o.Metadata["stream"] = true })
	op.Description = "Answers when the whole body is taken; GET /audiences/{id} shows live counts meanwhile. Faulty lines are rejects, the others are kept; a bad address alone is dropped and listed with the rule address-dropped, a locale or zone that nobody knows with value-dropped. " +
		"An import that breaks off is failed and resumable: send the same file again with resume=. With file= the body is empty and the answer comes at once."
	op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/x-ndjson": {}, "text/csv": {}}}
	register(h, a, op, a.importAudience)
	register(h, a, a.operation("get-audience", http.MethodGet, "/audiences/{id}", "An import with its counts", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[audienceView], error) {
			aud, err := a.Notify.Audience(ctx, sc, in.ID)
			return &body[audienceView]{Body: viewAudience(aud)}, err
		})
	register(h, a, a.operation("list-audiences", http.MethodGet, "/incidents/{id}/audiences", "An incident's audiences, newest first", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[audienceList], error) {
			list, err := a.Notify.Audiences(ctx, sc, incident.ID(in.ID))
			return &body[audienceList]{Body: audienceList{each(list, viewAudience)}}, err
		})
	type rejectsIn struct {
		DocumentPath
		After int64 `query:"after" minimum:"0" doc:"Line of the last reject seen"`
		Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	register(h, a, a.operation("list-rejects", http.MethodGet, "/audiences/{id}/rejects", "Lines and addresses that were not taken, and why", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *rejectsIn) (*body[rejectList], error) {
			r, err := a.Notify.Rejects(ctx, sc, in.ID, in.After, in.Limit)
			return &body[rejectList]{Body: rejectList{r}}, err
		})
}
