package playbooks

import (
	"context"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// outcome is what a document or task has achieved.
type outcome struct {
	how    []string // as rules name it: report:written, notice:dispatched …
	at     time.Time
	by     string // document or task
	person string // who filed it
	out    bool   // nothing more will come of it
}

// outcomeOf reads from rows how far a document has come in the world.
func (r *runner) outcomeOf(ctx context.Context, doc notify.Document) (outcome, error) {
	o := outcome{by: doc.ID}
	if doc.Kind == templates.Report {
		return r.filings(ctx, doc, o)
	}
	if doc.State != notify.DocDispatched {
		return o, nil
	}
	public := slices.Contains(doc.Channels, templates.Announcement)
	personal := !public || len(doc.Channels) > 1
	for _, d := range r.sent {
		if d.Notice != doc.ID {
			continue
		}
		if public {
			o.how, o.at, o.out = append(o.how, "announcement:live"), d.StartedAt, !personal
		}
		if personal && d.State == notify.DispDone {
			o.how, o.out = append(o.how, "notice:dispatched"), true
			if d.EndedAt != nil {
				o.at = *d.EndedAt
			}
		}
	}
	return o, nil
}

func (r *runner) filings(ctx context.Context, doc notify.Document, o outcome) (outcome, error) {
	if doc.State != notify.DocApproved && doc.State != notify.DocFiled {
		return o, nil
	}
	filings, err := r.tx.Filings(ctx, doc.ID)
	if err != nil {
		return o, err
	}
	for _, f := range filings {
		switch f.State {
		case notify.Spoken:
			o.how = append(o.how, "report:spoken")
		case notify.Written, notify.Confirmed:
			o.how = append(o.how, "report:spoken", "report:written", "report:"+string(f.State))
			o.out = true
		default:
			continue
		}
		if o.at.IsZero() || f.FiledAt.Before(o.at) {
			o.at, o.person = f.FiledAt, f.By
		}
	}
	return o, nil
}

func everything(*Duty) bool { return true }

// meet marks the covered duties met by what was achieved. A repeated step meets its duty only when it has
// left nothing open.
func (r *runner) meet(ctx context.Context, def *stepDef, g group, o outcome, covered func(*Duty) bool) error {
	if def.repeat && len(r.openFacts(g.base)) > 0 {
		return nil
	}
	for _, d := range g.owed() {
		achieved := slices.ContainsFunc(d.Obligation.MetBy, func(how string) bool { return slices.Contains(o.how, how) })
		if !achieved || !covered(d) {
			continue
		}
		at := o.at
		d.State, d.Reason, d.MetBy, d.MetAt = obligation.Met, ReasonMet, o.by, &at
		if err := putDuty(ctx, r.tx, d, "duty.met"); err != nil {
			return err
		}
		r.submit(d, at)
	}
	return nil
}

// submit feeds the filing of a report that left items open back as a fact: the duty to supplement it
// starts from there.
func (r *runner) submit(d *Duty, at time.Time) {
	doc, ok := r.docs[d.MetBy]
	if !ok || doc.Kind != templates.Report || len(openBlocks(doc)) == 0 {
		return
	}
	path := "anchors.submitted:" + d.Obligation.ID
	if known, ok := r.in.facts.Facts[path]; ok && known.Value != nil {
		return
	}
	r.in.submitted = append(r.in.submitted, incident.FactInput{Path: path, Value: at.UTC().Format(time.RFC3339Nano), At: at})
}

// filed reports whether a report of this run has gone to an addressee.
func (r *runner) filed(addressee string) bool {
	for _, d := range r.docs {
		if d.Run == r.run.ID && d.Addressee == addressee && d.State == notify.DocFiled {
			return true
		}
	}
	return false
}

// openFacts are the facts, still unknown, behind the items that filed reports to an addressee left open.
func (r *runner) openFacts(addressee string) (open []string) {
	for _, doc := range r.docs {
		if doc.Run != r.run.ID || doc.Addressee != addressee || doc.State != notify.DocFiled {
			continue
		}
		t, _ := r.catalog.Template(doc.Content.Template)
		for _, item := range t.Items {
			if !slices.Contains(openBlocks(doc), item.Block) {
				continue
			}
			for _, path := range item.Facts {
				if _, known := lookUp(r.in.object, path); !known && isFact(path) {
					open = append(open, path)
				}
			}
		}
	}
	slices.Sort(open)
	return slices.Compact(open)
}

// openBlocks are the items that a document says are not yet known.
func openBlocks(doc notify.Document) (blocks []string) {
	for _, passages := range doc.Content.Locales {
		for _, p := range passages {
			if p.Open && !slices.Contains(blocks, p.Block) {
				blocks = append(blocks, p.Block)
			}
		}
	}
	return blocks
}
