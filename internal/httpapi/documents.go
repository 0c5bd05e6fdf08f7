package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/templates"
)

// DocumentPath is the id of anything but an incident.
type DocumentPath struct {
	ID string `path:"id"`
}

// documents serves notices and reports, whose lives are the same.
func (a *api) documents(h huma.API) {
	for _, kind := range []templates.Kind{templates.Notice, templates.Report} {
		a.documentKind(h, kind, "/"+string(kind)+"s")
	}
	a.preview(h)
	a.noticePlan(h)
	a.additions(h)
	a.export(h)
	a.filings(h)
}

// of answers NotFound for a notice asked for as a report, and the other way round.
func of(kind templates.Kind, d notify.DocumentView, err error) (*body[documentView], error) {
	if err == nil && d.Kind != kind {
		err = incident.NewFault(incident.NotFound, "not found")
	}
	if err != nil {
		return nil, err
	}
	return &body[documentView]{ETag: etag(int64(d.Version)), Body: viewDocument(d)}, nil
}

func (a *api) documentKind(h huma.API, kind templates.Kind, path string) {
	name := string(kind)
	register(h, a, a.operation("list-"+name+"s", http.MethodGet, "/incidents/{id}"+path, "An incident's "+name+"s", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *IncidentPath) (*body[documentList], error) {
			all, err := a.Notify.Documents(ctx, sc, incident.ID(in.ID))
			out := documentList{Documents: []documentView{}}
			for _, d := range all {
				if d.Kind == kind {
					out.Documents = append(out.Documents, viewDocument(d))
				}
			}
			return &body[documentList]{Body: out}, err
		})
	register(h, a, a.operation("get-"+name, http.MethodGet, path+"/{id}", "One "+name+" with what it still lacks", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[documentView], error) {
			d, err := a.Notify.Document(ctx, sc, in.ID)
			return of(kind, d, err)
		})
	type editIn struct {
		DocumentPath
		IfMatch string `header:"If-Match"`
		Body    struct {
			Subject  map[string]string `json:"subject,omitempty" doc:"Per locale"`
			Passages []struct {
				Locale string `json:"locale"`
				Block  string `json:"block"`
				Text   string `json:"text,omitempty"`
				Open   bool   `json:"open,omitempty" doc:"Not yet known, where the law allows that"`
			} `json:"passages,omitempty"`
			Channels []string       `json:"channels,omitempty"`
			Course   *notify.Course `json:"course,omitempty" doc:"Of a notice: how its release goes, approved with it"`
			Refresh  bool           `json:"refresh,omitempty" doc:"Take the present facts into automatic passages"`
		}
	}
	register(h, a, a.operation("edit-"+name, http.MethodPatch, path+"/{id}", "Edit a "+name+"; this voids its approvals", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *editIn) (*body[documentView], error) {
			match, err := version(in.IfMatch)
			if err != nil {
				return nil, err
			}
			e := notify.Edit{Subject: in.Body.Subject, Channels: in.Body.Channels, Course: in.Body.Course, Refresh: in.Body.Refresh}
			for _, p := range in.Body.Passages {
				e.Passages = append(e.Passages, notify.EditPassage{Locale: p.Locale, Block: p.Block, Text: p.Text, Open: p.Open})
			}
			if match == 0 {
				return nil, incident.InvalidInput([]incident.Problem{{Pointer: "/header/If-Match", Rule: "required", Message: "send the ETag of the version you edit"}})
			}
			d, err := a.Notify.Edit(ctx, sc, in.ID, int(match), e)
			return of(kind, d, err)
		})
	a.decisions(h, kind, path)
}

func (a *api) decisions(h huma.API, kind templates.Kind, path string) {
	name := string(kind)
	type submitIn struct {
		DocumentPath
		IfMatch string `header:"If-Match"`
		Body    struct {
			Audience string `json:"audience,omitempty" doc:"aud_…; default the newest ready one"`
		}
	}
	register(h, a, a.operation("submit-"+name, http.MethodPost, path+"/{id}/submit", "Freeze and ask for approval", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *submitIn) (*body[documentView], error) {
			match, err := version(in.IfMatch)
			if err != nil {
				return nil, err
			}
			d, err := a.Notify.Document(ctx, sc, in.ID)
			if err != nil {
				return nil, err
			}
			if match == 0 {
				match = int64(d.Version)
			}
			d, err = a.Notify.Submit(ctx, sc, in.ID, int(match), in.Body.Audience)
			return of(kind, d, err)
		})
	type approveIn struct {
		DocumentPath
		Body struct {
			Digest string `json:"digest" minLength:"1" doc:"digest.all of what you approve"`
			Note   string `json:"note,omitempty"`
		}
	}
	register(h, a, a.operation("approve-"+name, http.MethodPost, path+"/{id}/approve", "Approve exactly this digest", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *approveIn) (*body[documentView], error) {
			d, err := a.Notify.Approve(ctx, sc, in.ID, in.Body.Digest, in.Body.Note)
			return of(kind, d, err)
		})
	type reasonIn struct {
		DocumentPath
		Body struct {
			Reason string `json:"reason" minLength:"1"`
		}
	}
	for verb, do := range map[string]func(context.Context, evidence.Scope, string, string) (notify.DocumentView, error){"return": a.Notify.Return, "withdraw": a.Notify.Withdraw} {
		register(h, a, a.operation(verb+"-"+name, http.MethodPost, path+"/{id}/"+verb, map[string]string{"return": "Send back with a reason", "withdraw": "Take out for good, with a reason"}[verb], http.StatusOK),
			func(ctx context.Context, sc evidence.Scope, in *reasonIn) (*body[documentView], error) {
				d, err := do(ctx, sc, in.ID, in.Body.Reason)
				return of(kind, d, err)
			})
	}
}

func (a *api) preview(h huma.API) {
	type previewIn struct {
		DocumentPath
		Locale  string `query:"locale" default:"zh-Hans"`
		Channel string `query:"channel" default:"email" enum:"email,sms,push,announcement"`
	}
	register(h, a, a.operation("preview-notice", http.MethodGet, "/notices/{id}/preview", "The message as it stands, per locale and channel", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *previewIn) (*body[templates.Message], error) {
			m, err := a.Notify.Preview(ctx, sc, in.ID, in.Locale, in.Channel)
			return &body[templates.Message]{Body: m}, err
		})
}

func (a *api) noticePlan(h huma.API) {
	type planIn struct {
		DocumentPath
		Audience string `query:"audience" doc:"aud_…; default that of the notice, else the newest ready one"`
	}
	register(h, a, a.operation("plan-notice", http.MethodGet, "/notices/{id}/plan", "What sending a notice takes: people by channel and kind, cost, time, and what to do about it", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *planIn) (*body[notify.Plan], error) {
			p, err := a.Notify.Plan(ctx, sc, in.ID, in.Audience)
			return &body[notify.Plan]{Body: p}, err
		})
}

func (a *api) additions(h huma.API) {
	type addIn struct {
		DocumentPath
		Body struct {
			Audience string `json:"audience" minLength:"1" doc:"aud_… imported with base: it leaves out whom the notice and its other additions are for"`
		}
	}
	register(h, a, a.operation("extend-notice", http.MethodPost, "/notices/{id}/additions", "Submit the words of a dispatched notice for people found later", http.StatusCreated),
		func(ctx context.Context, sc evidence.Scope, in *addIn) (*body[documentView], error) {
			d, err := a.Notify.Extend(ctx, sc, in.ID, in.Body.Audience)
			return of(templates.Notice, d, err)
		})
}

func (a *api) export(h huma.API) {
	op := a.operation("export-report", http.MethodGet, "/reports/{id}/export", "A report ready to file", http.StatusOK, paper)
	register(h, a, op, func(ctx context.Context, sc evidence.Scope, in *paperIn) (*paperOut, error) {
		b, contentType, err := a.Notify.Export(ctx, sc, in.ID, in.Locale, in.Format)
		return &paperOut{Type: contentType, CSP: paperCSP, Body: b}, err
	})
}

type filingList struct {
	Filings []notify.Filing `json:"filings"`
}

func (a *api) filings(h huma.API) {
	type filingIn struct {
		DocumentPath
		Body struct {
			State     string    `json:"state" enum:"spoken,written,confirmed,returned"`
			Via       string    `json:"via" minLength:"1" doc:"How: 12387 phone, site, mail …"`
			Addressee string    `json:"addressee,omitempty" doc:"Whom; default the report's addressee"`
			Contact   string    `json:"contact,omitempty" doc:"Who answered; needed of a call"`
			Receipt   string    `json:"receipt_number,omitempty"`
			FiledAt   time.Time `json:"filed_at"`
			Note      string    `json:"note,omitempty" doc:"Of a return: what the authority wants changed"`
			Sealed    bool      `json:"sealed,omitempty" doc:"Signed and sealed on paper"`
			Proof     *struct {
				Name string `json:"name" minLength:"1"`
				Type string `json:"content_type" minLength:"1"`
				Data string `json:"data" doc:"base64"`
			} `json:"proof,omitempty" doc:"The exact text filed, or the authority's receipt"`
		}
	}
	register(h, a, a.operation("list-filings", http.MethodGet, "/reports/{id}/filings", "How a report was filed, step by step", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *DocumentPath) (*body[filingList], error) {
			filings, err := a.Notify.Filings(ctx, sc, in.ID)
			return &body[filingList]{Body: filingList{each(filings, func(f notify.Filing) notify.Filing { return f })}}, err
		})
	register(h, a, a.operation("record-filing", http.MethodPost, "/reports/{id}/filings", "Record how, when, to whom a report was filed", http.StatusCreated),
		func(ctx context.Context, sc evidence.Scope, in *filingIn) (*body[notify.Filing], error) {
			f := notify.Filing{Report: in.ID, State: notify.FilingState(in.Body.State), Via: in.Body.Via, Addressee: in.Body.Addressee, Contact: in.Body.Contact,
				Receipt: in.Body.Receipt, FiledAt: in.Body.FiledAt.UTC(), Note: in.Body.Note, Sealed: in.Body.Sealed}
			var proof *incident.File
			if p := in.Body.Proof; p != nil {
				data, err := decoded("/proof", p.Data)
				if err != nil {
					return nil, err
				}
				proof = &incident.File{Name: p.Name, ContentType: p.Type, Body: data}
			}
			f, err := a.Notify.RecordFiling(ctx, sc, f, proof)
			return &body[notify.Filing]{Body: f}, err
		})
}
