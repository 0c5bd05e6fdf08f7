package console

import (
	"encoding/json"
	"net/http"
	"strconv"

	"tocsin/incident"
	"tocsin/notify"
)

// toldRow is all that a dispatch did for one recipient.
type toldRow struct {
	Seq                 int64
	Key, Role, Standing string
	Ladder              []string
	Doubt, Proved       bool // Proved: something has happened that can be proved
	Deliveries          []deliveryRow
	History             []toldEvent
}

type toldEvent struct {
	At                                            *moment
	Channel, Kind, State, Class, Code, Via, Batch string
	Address                                       int
	Doubt                                         bool
}

func (r *request) toldRow(t notify.Told) toldRow {
	row := toldRow{Seq: t.Recipient, Key: t.PersonKey, Role: t.Role, Standing: t.Standing, Ladder: t.Channels, Doubt: t.Doubt, Proved: len(t.History) > 0}
	for _, d := range t.Deliveries {
		row.Deliveries = append(row.Deliveries, r.deliveryRow(d))
	}
	for _, e := range t.History {
		row.History = append(row.History, toldEvent{At: r.at(&e.At), Channel: e.Channel, Address: e.Address, Kind: e.Kind, State: e.State, Class: e.Class, Code: e.Code, Via: e.Provider,
			Batch: strconv.FormatInt(e.Batch, 10), Doubt: e.Doubt})
	}
	return row
}

// search finds what one person got. Whom it is about stands in the body, never in an address.
func (r *request) search() error {
	var who notify.Who
	switch what := r.PostForm("who"); r.PostForm("by") {
	case "address":
		who.Address = what
	case "code":
		who.Code = what
	default:
		who.PersonKey = what
	}
	found, err := r.Notify.Find(r.ctx(), r.scope, r.Param("id"), who)
	if err != nil {
		bad := r.rejected("search", err)
		if bad == nil {
			return err
		}
		return r.showDispatch(bad["search"].Status, bad, nil)
	}
	return r.showDispatch(http.StatusOK, nil, found)
}

// proof is what the ledger holds about one recipient, as a file that `tocsin evidence verify` checks.
func (r *request) proof() error {
	seq, err := strconv.ParseInt(r.Param("seq"), 10, 64)
	if err != nil {
		return incident.NewFault(incident.NotFound, "not found")
	}
	p, err := r.Notify.Proof(r.ctx(), r.scope, r.Param("id"), seq, "")
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	r.Header("Content-Disposition", `attachment; filename="`+p.Dispatch+"-"+strconv.FormatInt(seq, 10)+`.json"`)
	r.Data(http.StatusOK, "application/json", body)
	return nil
}

const ndjson = "application/x-ndjson"

// deliveriesFile streams every delivery of a dispatch, without addresses.
func (r *request) deliveriesFile() error {
	id, format := r.Param("id"), "csv"
	mediaType := "text/csv; charset=utf-8"
	if r.Query("format") == "ndjson" {
		format, mediaType = "ndjson", ndjson
	}
	if _, err := r.Notify.Reconciliation(r.ctx(), r.scope, id); err != nil {
		return err
	}
	r.attach(mediaType, id+"."+format)
	r.cut(r.Notify.ExportDeliveries(r.ctx(), r.scope, id, format, r.Writer))
	return nil
}
