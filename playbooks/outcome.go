package playbooks

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// outcome is what a document or task has achieved.
type outcome struct {
	how      map[string]time.Time // as rules name it: report:written, notice:dispatched …, and since when
	by       string               // document or task
	person   string               // who filed it
	out      bool                 // nothing more will come of it
	returned bool                 // by the authority, and not filed again since
}

// add notes that something was achieved; the first time counts.
func (o *outcome) add(at time.Time, how ...string) {
	if o.how == nil {
		o.how = map[string]time.Time{}
	}
	for _, h := range how {
		if first, have := o.how[h]; !have || at.Before(first) {
			o.how[h] = at
		}
	}
}

// met is when the first of several ways was achieved.
func (o outcome) met(ways []string) (at time.Time, ok bool) {
	for _, way := range ways {
		if t, have := o.how[way]; have && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// outcomeOf reads from rows how far a document has come in the world.
func (r *runner) outcomeOf(doc notify.Document) outcome {
	o := outcome{by: doc.ID}
	if doc.Kind == templates.Report {
		return r.filings(doc)
	}
	if doc.State != notify.DocDispatched {
		return o
	}
	public := slices.Contains(doc.Channels, templates.Announcement)
	personal := !public || len(doc.Channels) > 1
	for _, d := range r.sent {
		if d.Notice != doc.ID {
			continue
		}
		if public {
			o.add(d.StartedAt, "announcement:live")
			o.out = o.out || !personal
		}
		if personal && d.State == notify.DispDone && d.EndedAt != nil {
			o.add(*d.EndedAt, "notice:dispatched")
			o.out = true
		}
	}
	return o
}

// filings reads the chain of a report: what the authority has returned counts no longer.
func (r *runner) filings(doc notify.Document) outcome {
	o := outcome{by: doc.ID}
	for _, f := range r.filed[doc.ID] {
		switch f.State {
		case notify.Spoken:
			o.add(f.FiledAt, "report:spoken")
		case notify.Written, notify.Confirmed:
			o.add(f.FiledAt, "report:written", "report:"+string(f.State))
		case notify.ReturnedBy:
			o = outcome{by: doc.ID, returned: true}
			continue
		}
		o.returned, o.person = false, f.By
	}
	o.out = doc.State == notify.DocFiled
	return o
}

func everything(*Duty) bool { return true }

// meet marks the covered duties met by what was achieved. A repeated step meets its duty only when it has
// left nothing open, and what is owed again only by what came after that.
func (r *runner) meet(ctx context.Context, def *stepDef, g group, o outcome, covered func(*Duty) bool) error {
	if def.repeat && len(r.leftOpen(def, g)) > 0 {
		return nil
	}
	for _, d := range g.owed() {
		ob := d.Obligation
		at, achieved := o.met(ob.MetBy)
		before := ob.Repeats && ob.Start != nil && !at.After(*ob.Start)
		if !achieved || before || !covered(d) {
			continue
		}
		if err := r.met(ctx, d, o.by, ReasonMet, at); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) met(ctx context.Context, d *Duty, by, reason string, at time.Time) error {
	d.State, d.Reason, d.MetBy, d.MetAt = obligation.Met, reason, by, &at
	if err := putDuty(ctx, r.tx, d, "duty.met"); err != nil {
		return err
	}
	r.submit(d, at)
	return nil
}

// reopen makes what a report had met owed again: the authority has returned it.
func (r *runner) reopen(ctx context.Context, g group, doc string) error {
	for _, d := range g.duties {
		if d.State != obligation.Met || d.MetBy != doc {
			continue
		}
		d.State, d.Reason, d.MetBy, d.MetAt = obligation.Running, ReasonReturned, "", nil
		if end := d.Obligation.Deadline; end != nil && !r.tx.Now().Before(*end) {
			d.State = obligation.Overdue
		}
		if err := putDuty(ctx, r.tx, d, "duty.changed"); err != nil {
			return err
		}
	}
	return nil
}

// submit feeds what met a duty back as a fact where other duties start from it: for the rule, and for whom it
// was owed to.
func (r *runner) submit(d *Duty, at time.Time) {
	if !r.in.law.Follows(d.Obligation.ID) || d.Obligation.Kind == obligation.Task {
		return
	}
	name := "submitted:" + d.Obligation.ID
	for _, anchor := range []string{name, name + ":" + d.Obligation.Addressee} {
		value := at.UTC().Format(time.RFC3339Nano)
		_, problems := incident.CheckFacts(map[string]any{"anchors": map[string]any{anchor: value}}, "")
		have := factTime(map[string]any{"at": r.in.facts.Facts["anchors."+anchor].Value}, "at")
		if len(problems) > 0 || have != nil && !at.After(*have) {
			continue // not a name that an anchor can have, or nothing later
		}
		r.in.submitted = append(r.in.submitted, incident.FactInput{Path: "anchors." + anchor, Value: value, At: at})
	}
}

// complete meets a duty to supplement at once when the reports of its series have left nothing open.
func (r *runner) complete(ctx context.Context, def *stepDef, g group) error {
	series := r.series(g)
	if !def.repeat || len(series) == 0 || len(r.leftOpen(def, g)) > 0 {
		return nil
	}
	last := series[len(series)-1]
	at, _ := r.filings(last).met([]string{"report:written"})
	for _, d := range g.owed() {
		if err := r.met(ctx, d, last.ID, ReasonComplete, at); err != nil {
			return err
		}
	}
	return nil
}

// series are the filed reports, in order, that a group's duties belong to: their own, and those that started
// their clocks.
func (r *runner) series(g group) (docs []notify.Document) {
	var rules []string
	for _, d := range g.duties {
		before, _, _ := strings.Cut(strings.TrimPrefix(d.Obligation.Anchor, "submitted:"), ":")
		rules = append(rules, d.Obligation.ID, before)
	}
	var duties []string
	for _, d := range r.in.duties {
		if d.Obligation.Addressee == g.addressee && slices.Contains(rules, d.Obligation.ID) {
			duties = append(duties, d.ID)
		}
	}
	for _, doc := range r.docs {
		ours := slices.ContainsFunc(doc.Duties, func(id string) bool { return slices.Contains(duties, id) })
		if doc.State == notify.DocFiled && ours {
			docs = append(docs, doc)
		}
	}
	slices.SortFunc(docs, func(a, b notify.Document) int { return strings.Compare(a.ID, b.ID) })
	return docs
}

// leftOpen are the items that the reports of a series left open and none has answered since. What is written
// by hand answers when its facts are known.
func (r *runner) leftOpen(def *stepDef, g group) (blocks []string) {
	for _, doc := range r.series(g) {
		open := openBlocks(doc)
		blocks = slices.DeleteFunc(blocks, func(b string) bool { return answers(doc, b) })
		for _, b := range open {
			if !slices.Contains(blocks, b) {
				blocks = append(blocks, b)
			}
		}
	}
	if def.doc != nil && def.doc.byHand {
		blocks = slices.DeleteFunc(blocks, func(b string) bool { return len(r.unknownOf(g, b)) == 0 })
	}
	return blocks
}

func answers(doc notify.Document, block string) bool {
	for _, passages := range doc.Content.Locales {
		if slices.ContainsFunc(passages, func(p templates.Passage) bool { return p.Block == block && !p.Open && p.Text != "" }) {
			return true
		}
	}
	return false
}

// openFacts are the facts, still unknown, behind the items left open.
func (r *runner) openFacts(def *stepDef, g group) (open []string) {
	for _, b := range r.leftOpen(def, g) {
		open = append(open, r.unknownOf(g, b)...)
	}
	slices.Sort(open)
	return slices.Compact(open)
}

// unknownOf are the unknown facts that a block of a series is bound to.
func (r *runner) unknownOf(g group, block string) (open []string) {
	for _, doc := range r.series(g) {
		t, _ := r.catalog.Form(doc.Content)
		for _, item := range t.Items {
			for _, path := range item.Facts {
				if _, known := lookUp(r.in.object, path); item.Block == block && !known && isFact(path) {
					open = append(open, path)
				}
			}
		}
	}
	return open
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
