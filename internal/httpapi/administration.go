package httpapi

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"
	"github.com/gin-gonic/gin"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/notify"
	"tocsin/notify/receipt"
	"tocsin/playbooks/obligation"
)

func (a *api) administration(h huma.API) {
	type OperatorPath struct {
		ID string `path:"id" doc:"The operator"`
	}
	type profileOut struct {
		ETag string `header:"ETag"`
		Body obligation.Profile
	}
	own := func(sc evidence.Scope, id string) error {
		if id != sc.Operator {
			return incident.NewFault(incident.NotFound, "not found")
		}
		return nil
	}
	register(h, a, a.operation("get-profile", http.MethodGet, "/operators/{id}/profile", "The operator's profile", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *OperatorPath) (*profileOut, error) {
			if err := own(sc, in.ID); err != nil {
				return nil, err
			}
			p, hash, err := a.Playbooks.Profile(ctx, sc)
			return &profileOut{ETag: `"` + hash + `"`, Body: p}, err
		})
	type profileIn struct {
		OperatorPath
		IfMatch string `header:"If-Match"`
		RawBody []byte
	}
	register(h, a, a.operation("put-profile", http.MethodPut, "/operators/{id}/profile", "Store a new version; open incidents are derived again", http.StatusOK,
		raw(h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[obligation.Profile](), true, ""), "application/json")),
		func(ctx context.Context, sc evidence.Scope, in *profileIn) (*profileOut, error) {
			if err := own(sc, in.ID); err != nil {
				return nil, err
			}
			p, problems := obligation.ReadProfile(in.RawBody)
			if len(problems) > 0 {
				return nil, incident.InvalidInput(problems)
			}
			hash, err := a.Playbooks.PutProfile(ctx, sc, strings.Trim(in.IfMatch, `"`), p)
			return &profileOut{ETag: `"` + hash + `"`, Body: p}, err
		})
	a.events(h)
}

// events streams committed changes; a reader that comes back with Last-Event-ID misses none.
func (a *api) events(h huma.API) {
	type eventsIn struct {
		Last int64 `header:"Last-Event-ID" doc:"Sequence of the last event seen"`
	}
	op := a.operation("events", http.MethodGet, "/events", "What changed, as server-sent events", http.StatusOK)
	sse.Register(h, op, map[string]any{"change": incident.Event{}}, func(ctx context.Context, in *eventsIn, send sse.Sender) {
		sc := scope(ctx)
		if access.Require(sc, access.Read) != nil {
			return
		}
		live, cancel := a.Events.Listen()
		defer cancel()
		last := in.Last
		for {
			missed, err := a.Events.After(ctx, sc.Operator, last, 500)
			if err != nil {
				return
			}
			for _, e := range missed {
				if send(sse.Message{ID: int(e.Seq), Data: e}) != nil {
					return
				}
				last = e.Seq
			}
			if len(missed) == 500 {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case _, ok := <-live: // a hint; the rows are the truth
				if !ok {
					return
				}
			}
		}
	})
}

const maxCallback = 1 << 20

// receiptTime is how long storing the receipts of one call may take.
const receiptTime = 30 * time.Second

// callbacks take providers' receipts. They are no part of the described API: each provider has its own form.
func (a *api) callbacks(group *gin.RouterGroup) {
	decoder := receipt.NewDecoder(a.Clock)
	group.POST("/callbacks/:provider/:token", func(c *gin.Context) {
		provider := c.Param("provider")
		if subtle.ConstantTimeCompare([]byte(c.Param("token")), []byte(a.Callback)) != 1 {
			Refuse(c, incident.NewFault(incident.NotFound, "not found"))
			return
		}
		raw, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxCallback))
		if err != nil {
			Refuse(c, incident.NewFault(incident.TooLarge, "the receipt is too large"))
			return
		}
		receipts, ack, ackType, err := decoder.Decode(provider, c.ContentType(), raw)
		if err != nil {
			Refuse(c, err)
			return
		}
		// Who hangs up early would send it again, and hang up early again: what has come in is kept.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), receiptTime)
		defer cancel()
		if _, err := a.Notify.ApplyReceipts(ctx, a.Operator, receipts); err != nil {
			if !errors.Is(err, notify.ErrEarly) {
				a.Log.ErrorContext(c.Request.Context(), "receipts were not applied", "provider", provider, "error", err)
			}
			Refuse(c, incident.NewFault(incident.Busy, "not stored: send it again"))
			return
		}
		c.Data(http.StatusOK, ackType, ack)
	})
}
