package playbooks

import (
	"context"
	"slices"

	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/templates"
)

// The kinds of task.
const (
	TaskDo    = "task"  // do what the playbook says and settle its questions
	TaskWrite = "write" // write and file a document by hand
	TaskFile  = "file"  // file an approved report
)

// The states of a task.
const (
	TaskOpen    = "open"
	TaskDone    = "done"
	TaskDropped = "dropped"
)

// workTask keeps the task of a step and sees whether it is done.
func (r *runner) workTask(ctx context.Context, def *stepDef, g group, row *Step) error {
	want := Task{Kind: TaskDo, Title: def.task, Assign: def.assign, Asks: def.asks}
	if def.doc != nil {
		want.Kind, want.Title = TaskWrite, prefixed(byHand[def.doc.kind], r.title(def, g))
		if want.Assign == "" && len(def.doc.teams) > 0 {
			want.Assign = def.doc.teams[0]
		}
		if def.repeat {
			want.Asks = r.openFacts(g.base)
		}
	}
	t, err := r.keepTask(ctx, row, want)
	if err != nil {
		return err
	}
	row.State = StepOpen
	if t.State != TaskDone {
		return nil
	}
	row.State = StepDone
	if def.doc == nil {
		return r.meet(ctx, def, g, outcome{how: []string{"task:done"}, at: *t.DoneAt, by: t.ID, out: true}, everything)
	}
	before := func(d *Duty) bool { return !d.DerivedAt.After(*t.DoneAt) }
	return r.meet(ctx, def, g, outcome{how: writtenByHand[def.doc.kind], at: *t.DoneAt, by: t.ID, out: true}, before)
}

var (
	byHand = map[templates.Kind]map[string]string{
		templates.Report: {"zh-Hans": "撰写并报送：", "en": "Write and file by hand: "},
		templates.Notice: {"zh-Hans": "撰写并发出：", "en": "Write and send by hand: "},
	}
	toFile = map[string]string{"zh-Hans": "报送：", "en": "File: "}

	writtenByHand = map[templates.Kind][]string{
		templates.Report: {"report:written"},
		templates.Notice: {"notice:dispatched", "announcement:live"},
	}
)

func prefixed(prefix, title map[string]string) map[string]string {
	out := map[string]string{}
	for locale, words := range title {
		p, ok := prefix[locale]
		if !ok {
			p = prefix["zh-Hans"] // zh-Hant
		}
		out[locale] = p + words
	}
	return out
}

// title is what a document is called: for a report its duty's words, else the step's.
func (r *runner) title(def *stepDef, g group) map[string]string {
	if live := g.live(); def.perAddressee() && len(live) > 0 && len(live[0].Obligation.Title) > 0 {
		return live[0].Obligation.Title
	}
	if len(def.title) > 0 {
		return def.title
	}
	return map[string]string{"zh-Hans": def.id, "en": def.id}
}

// keepTask opens the row's task, or brings the open one up to date.
func (r *runner) keepTask(ctx context.Context, row *Step, want Task) (Task, error) {
	t, have := r.tasks[row.Task]
	if !have || t.State == TaskDropped {
		want.ID, want.Incident, want.Run, want.Step = evidence.NewID("tsk"), r.run.Incident, r.run.ID, row.ID
		want.DueAt, want.State, want.CreatedAt = row.DueAt, TaskOpen, r.tx.Now()
		row.Task = want.ID
		r.tasks[want.ID] = want
		note(r.tx, want.Incident, "task.opened", map[string]string{"task": want.ID, "run": want.Run, "step": want.Step}, nil)
		return want, r.tx.InsertTask(ctx, want)
	}
	if t.State != TaskOpen || sameTime(t.DueAt, row.DueAt) && slices.Equal(t.Asks, want.Asks) {
		return t, nil
	}
	t.DueAt, t.Asks = row.DueAt, want.Asks
	r.tasks[t.ID] = t
	return t, r.tx.UpdateTask(ctx, t)
}

// drop ends an open task that nobody needs to do any more.
func (r *runner) drop(ctx context.Context, row *Step) error {
	return r.endTask(ctx, row, TaskDropped, "")
}

func (r *runner) endTask(ctx context.Context, row *Step, state, by string) error {
	t, have := r.tasks[row.Task]
	if !have || t.State != TaskOpen {
		return nil
	}
	t.State = state
	if state == TaskDone {
		now := r.tx.Now()
		t.DoneBy, t.DoneAt = by, &now
	}
	r.tasks[t.ID] = t
	note(r.tx, t.Incident, "task."+state, map[string]string{"task": t.ID, "run": t.Run, "step": t.Step}, nil)
	return r.tx.UpdateTask(ctx, t)
}

// workDocument keeps the document of a step: drafted, its policy up to date, and worked off once it is out.
func (r *runner) workDocument(ctx context.Context, def *stepDef, g group, row *Step) error {
	doc, have := r.docs[row.Document]
	if have && doc.State == notify.DocWithdrawn {
		row.State, row.Reason = StepSkipped, ReasonWithdrawn
		return r.drop(ctx, row)
	}
	gone := have && (doc.State == notify.DocDispatched || doc.State == notify.DocFiled)
	if !gone && r.drafts {
		var err error
		if doc, err = r.propose(ctx, def, g, *row, doc); err != nil {
			return err
		}
		r.docs[doc.ID], have = doc, true
	}
	if !have {
		row.State, row.Reason = StepWaiting, ReasonDrafting
		return nil
	}
	row.Document, row.State = doc.ID, StepOpen
	o, err := r.outcomeOf(ctx, doc)
	if err != nil {
		return err
	}
	if err := r.fileTask(ctx, def, g, row, doc, o); err != nil {
		return err
	}
	covered := func(d *Duty) bool { return slices.Contains(doc.Duties, d.ID) }
	if err := r.meet(ctx, def, g, o, covered); err != nil {
		return err
	}
	left := slices.ContainsFunc(g.owed(), covered)
	if o.out && (!left || def.repeat) {
		row.State = StepDone
	}
	return nil
}

// fileTask asks a person to file an approved report.
func (r *runner) fileTask(ctx context.Context, def *stepDef, g group, row *Step, doc notify.Document, o outcome) error {
	switch {
	case doc.Kind != templates.Report:
		return nil
	case doc.State == notify.DocFiled:
		return r.endTask(ctx, row, TaskDone, o.person)
	case doc.State != notify.DocApproved:
		return r.drop(ctx, row) // it went back for an edit
	}
	assign := def.assign
	if assign == "" && len(def.doc.teams) > 0 {
		assign = def.doc.teams[0]
	}
	_, err := r.keepTask(ctx, row, Task{Kind: TaskFile, Title: prefixed(toFile, r.title(def, g)), Assign: assign, Document: doc.ID})
	return err
}

// propose hands notify the draft and the policy that follow from the facts and duties of now.
func (r *runner) propose(ctx context.Context, def *stepDef, g group, row Step, have notify.Document) (notify.Document, error) {
	content, err := r.catalog.Draft(templates.Input{Template: def.doc.template, Facts: r.in.facts, Org: r.in.profile.Org,
		Grade: highest(r.in.derived.Result.Grades), Now: r.tx.Now()})
	if err != nil {
		return notify.Document{}, err
	}
	for locale := range content.Locales {
		if len(def.doc.locales) > 0 && !slices.Contains(def.doc.locales, locale) {
			delete(content.Locales, locale)
			delete(content.Subject, locale)
		}
	}
	if t, ok := r.catalog.Template(def.doc.template); ok && have.Content.Version != t.Version {
		a := templates.Artefact{Kind: "template", Name: t.Name, Hash: t.Version, Body: r.catalog.Source(t.Name), At: r.tx.Now()}
		if err := r.tx.Freeze(ctx, a); err != nil {
			return notify.Document{}, err
		}
	}
	n := notify.NewDocument{Kind: def.doc.kind, Incident: r.run.Incident, Run: r.run.ID, Step: row.ID, Item: row.Item,
		Title: r.title(def, g), Addressee: g.base, Duties: duties(g, have), Channels: r.channels(def),
		Content: content, Org: r.in.profile.Org, FactRevision: r.in.facts.Revision, Policy: r.policy(def, g, row)}
	return notify.Propose(ctx, r.tx, n)
}

// duties are what a document meets: all that are owed, but once it is submitted only those that it was
// submitted for.
func duties(g group, have notify.Document) (ids []string) {
	frozen := have.State == notify.DocSubmitted || have.State == notify.DocApproved
	for _, d := range g.live() {
		if !frozen || slices.Contains(have.Duties, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// policy is what the document must satisfy: the union of what its duties require, by whom it is approved,
// and how it is filed.
func (r *runner) policy(def *stepDef, g group, row Step) notify.Policy {
	p := notify.Policy{Quorum: def.doc.approvals(highest(r.in.derived.Result.Grades)), Teams: def.doc.teams,
		Proof: def.doc.proof, Via: def.doc.via, Deadline: row.DueAt}
	for _, d := range g.live() {
		for _, q := range d.Obligation.Requirements {
			if !slices.Contains(p.Requirements, q) {
				p.Requirements = append(p.Requirements, q)
			}
		}
	}
	return p
}

// channels are the step's, in the operator's order and without those the operator does not have. A public
// page needs no provider.
func (r *runner) channels(def *stepDef) []string {
	if def.doc.kind == templates.Report {
		return nil
	}
	want := def.doc.channels
	if len(want) == 0 {
		t, _ := r.catalog.Template(def.doc.template)
		want = t.Channels
	}
	if len(r.in.profile.Channels) == 0 {
		return want
	}
	var out []string
	for _, c := range r.in.profile.Channels {
		if slices.Contains(want, c) {
			out = append(out, c)
		}
	}
	if slices.Contains(want, templates.Announcement) && !slices.Contains(out, templates.Announcement) {
		out = append(out, templates.Announcement)
	}
	return out
}
