package playbooks

import (
	"context"
	"slices"
	"strings"

	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/templates"
)

// The kinds of task that steps make.
const (
	TaskDo      = "task"    // do what the playbook says and settle its questions
	TaskWrite   = "write"   // write and file a document by hand
	TaskFile    = "file"    // file an approved report
	TaskReview  = "review"  // approve or return what was filed ahead of its approval
	TaskCorrect = "correct" // write a new version of a report that came back
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
	if def.per == perRule {
		want.Title = r.title(def, g)
	}
	if def.doc != nil {
		want.Kind, want.Title = TaskWrite, prefixed(byHand[def.doc.kind], r.title(def, g))
		if want.Assign == "" && len(def.doc.teams) > 0 {
			want.Assign = def.doc.teams[0]
		}
		if def.repeat {
			want.Asks = r.openFacts(def, g)
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
	o := outcome{by: t.ID, out: true}
	if def.doc == nil {
		o.add(*t.DoneAt, "task:done")
		return r.meet(ctx, def, g, o, everything)
	}
	o.add(*t.DoneAt, writtenByHand[def.doc.kind]...)
	before := func(d *Duty) bool { return !d.DerivedAt.After(*t.DoneAt) }
	return r.meet(ctx, def, g, o, before)
}

var (
	byHand = map[templates.Kind]map[string]string{
		templates.Report: {"zh-Hans": "撰写并报送：", "en": "Write and file by hand: "},
		templates.Notice: {"zh-Hans": "撰写并发出：", "en": "Write and send by hand: "},
	}
	toFile    = map[string]string{"zh-Hans": "报送：", "en": "File: "}
	toReview  = map[string]string{"zh-Hans": "复核先行报送的内容：", "en": "Review what was filed ahead of approval: "}
	toCorrect = map[string]string{"zh-Hans": "更正后重新报送：", "en": "Correct and file again: "}

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

// title is what a document or task is called: its duty's words when it is for one rule, else the step's.
func (r *runner) title(def *stepDef, g group) map[string]string {
	live := g.live()
	one := len(live) > 0 && !slices.ContainsFunc(live, func(d *Duty) bool { return d.Obligation.ID != live[0].Obligation.ID })
	switch {
	case def.per != perStep && one && len(live[0].Obligation.Title) > 0:
		return live[0].Obligation.Title
	case len(def.title) > 0:
		return def.title
	}
	return map[string]string{"zh-Hans": def.id, "en": def.id}
}

// keepTask opens the row's task, or brings the open one up to date. A row that has come to another kind of
// task is through with the one before.
func (r *runner) keepTask(ctx context.Context, row *Step, want Task) (Task, error) {
	t, have := r.tasks[row.Task]
	if have && t.Kind != want.Kind {
		if err := r.endTask(ctx, row, TaskDone, ""); err != nil {
			return Task{}, err
		}
		have = false
	}
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
	o := r.outcomeOf(doc)
	if o.returned {
		if err := r.reopen(ctx, g, doc.ID); err != nil {
			return err
		}
	}
	if err := r.documentTask(ctx, def, g, row, doc, o); err != nil {
		return err
	}
	covered := func(d *Duty) bool { return slices.Contains(doc.Duties, d.ID) }
	if err := r.meet(ctx, def, g, o, covered); err != nil {
		return err
	}
	left := slices.ContainsFunc(g.owed(), covered)
	called := !left && doc.State == notify.DocApproved && len(o.how) > 0 && enoughSaid(g, covered)
	if called || o.out && doc.Ahead == "" && (!left || def.repeat) {
		row.State = StepDone
		return r.endTask(ctx, row, TaskDone, o.person)
	}
	return nil
}

// enoughSaid reports that a call was all that the covered duties want: the law does not ask for writing, or the
// next report is due already.
func enoughSaid(g group, covered func(*Duty) bool) bool {
	return !slices.ContainsFunc(g.live(), func(d *Duty) bool {
		return covered(d) && !d.Obligation.Repeats && slices.Contains(d.Obligation.MetBy, "report:written")
	})
}

// documentTask asks a person for what a report needs next: to be filed, to be reviewed after it was filed
// ahead, to be corrected after it came back.
func (r *runner) documentTask(ctx context.Context, def *stepDef, g group, row *Step, doc notify.Document, o outcome) error {
	if doc.Kind != templates.Report {
		return nil
	}
	want := Task{Kind: TaskFile, Title: prefixed(toFile, r.title(def, g)), Assign: def.assign, Document: doc.ID}
	approvers := ""
	if len(def.doc.teams) > 0 {
		approvers = def.doc.teams[0]
	}
	if want.Assign == "" {
		want.Assign = approvers
	}
	switch {
	case doc.Ahead != "":
		want.Kind, want.Title, want.Assign = TaskReview, prefixed(toReview, r.title(def, g)), approvers
	case doc.State == notify.DocFiled:
		return r.endTask(ctx, row, TaskDone, o.person)
	case doc.State == notify.DocApproved:
	case len(r.filed[doc.ID]) > 0:
		want.Kind, want.Title = TaskCorrect, prefixed(toCorrect, r.title(def, g))
	default:
		return r.drop(ctx, row) // it is being written
	}
	_, err := r.keepTask(ctx, row, want)
	return err
}

// propose hands notify the draft and the policy that follow from the facts and duties of now.
func (r *runner) propose(ctx context.Context, def *stepDef, g group, row Step, have notify.Document) (notify.Document, error) {
	policy := r.policy(def, g, row)
	in := templates.Input{Template: def.doc.template, Facts: r.in.facts, Org: r.in.profile.Org, Now: r.tx.Now()}
	in.Grade, in.GradeWords = r.gradeOf(g)
	if def.doc.anyDuty() {
		in.Requirements = policy.Requirements
		if def.doc.kind == templates.Report {
			in.Title, in.Filed = r.title(def, g), filedIn(g)
		}
	}
	content, err := r.catalog.Draft(in)
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
		Title: r.title(def, g), Addressee: g.addressee, Duties: duties(g, have), Channels: r.channels(def),
		Content: content, Org: r.in.profile.Org, FactRevision: r.in.facts.Revision, Policy: policy}
	return notify.Propose(ctx, r.tx, n)
}

// filedIn is the language in which a group's authority is written to.
func filedIn(g group) []string {
	for _, d := range g.live() {
		switch region, _, _ := strings.Cut(d.Obligation.ID, "-"); region {
		case "cn", "mo", "tw":
			return []string{"zh-Hans"}
		}
	}
	return []string{"en"}
}
