package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

const (
	maxSubject = 200
	maxPassage = 20_000
)

// Edit changes a document that is not yet out; it voids approvals and returns a submitted or approved
// document to draft. ifMatch is the version the editor saw. What is sent unchanged is not an edit: its
// passage keeps its author.
func (s *Service) Edit(ctx context.Context, sc evidence.Scope, id string, ifMatch int, e Edit) (DocumentView, error) {
	if err := byPerson(sc); err != nil {
		return DocumentView{}, err
	}
	return s.alter(ctx, sc, id, access.Work, func(c *change) error {
		if err := c.match(ifMatch); err != nil {
			return err
		}
		before := c.doc
		if err := c.doc.take(stepEdit); err != nil {
			return err
		}
		ed := editor{catalog: s.catalog, change: c, user: sc.Actor.ID}
		if err := ed.apply(e); err != nil {
			return err
		}
		if len(ed.problems) > 0 {
			return incident.InvalidInput(ed.problems)
		}
		if len(ed.changes) == 0 && !ed.moved {
			c.doc = before
			return nil
		}
		return ed.accept(ctx)
	})
}

// editor applies one edit to a document and remembers what it changed.
type editor struct {
	*change
	catalog  *templates.Catalog
	user     string
	changes  []Change
	moved    bool // facts behind unchanged words moved on
	problems []incident.Problem
}

func (e *editor) apply(edit Edit) error {
	e.doc.Content = copyContent(e.doc.Content)
	if edit.Refresh {
		if err := e.refresh(); err != nil {
			return err
		}
	}
	for _, locale := range slices.Sorted(maps.Keys(edit.Subject)) {
		e.subject(locale, edit.Subject[locale])
	}
	for i, p := range edit.Passages {
		e.passage(fmt.Sprintf("/passages/%d", i), p)
	}
	if edit.Channels != nil {
		e.channels(edit.Channels)
	}
	if edit.Course != nil || edit.Channels != nil {
		e.course(edit.Course)
	}
	return nil
}

// refresh takes the present facts into every automatic passage.
func (e *editor) refresh() error {
	fresh, err := e.catalog.Redraft(e.doc.Content, templates.Input{Facts: e.facts, Org: e.doc.Org, Grade: e.inc.Grade, Now: e.tx.Now()})
	if err != nil {
		return fmt.Errorf("draft again: %w", err)
	}
	for _, locale := range slices.Sorted(maps.Keys(fresh.Locales)) {
		for _, p := range fresh.Locales[locale] {
			old := e.at(locale, p.Block)
			if old == nil || old.Author != "" || old.Open {
				continue
			}
			e.note(locale, p.Block, old.Text, p.Text)
			e.moved = e.moved || !slices.Equal(old.Facts, p.Facts)
			*old = p
		}
	}
	e.doc.FactRevision = e.facts.Revision
	return nil
}

func (e *editor) subject(locale, text string) {
	pointer := incident.Pointer("/subject", locale)
	old, ok := e.doc.Content.Subject[locale]
	switch problem := line(pointer, text, maxSubject); {
	case !ok:
		e.fault(pointer, "locale", "the document does not have this locale")
	case strings.TrimSpace(text) == "":
		e.fault(pointer, "required", "a subject is needed")
	case problem != nil:
		e.problems = append(e.problems, *problem)
	default:
		e.doc.Content.Subject[locale] = strings.TrimSpace(text)
		e.note(locale, "subject", old, strings.TrimSpace(text))
	}
}

// passage sets one passage. Its writer answers for it against the facts of this moment, so the facts it
// was bound to count as printed anew.
func (e *editor) passage(pointer string, p EditPassage) {
	text := strings.TrimSpace(strings.ReplaceAll(p.Text, "\r\n", "\n"))
	if problem := plain(pointer+"/text", text, maxPassage); problem != nil {
		e.problems = append(e.problems, *problem)
		return
	}
	old := e.at(p.Locale, p.Block)
	if old == nil {
		e.fault(pointer, "block", "the document has no such block in this locale")
		return
	}
	if old.Text == text && old.Open == p.Open {
		return
	}
	e.changes = append(e.changes, Change{Locale: p.Locale, Block: p.Block, Before: old.Text, After: text})
	old.Text, old.Open, old.Author, old.OpenBy = text, p.Open, e.user, ""
	if p.Open {
		old.OpenBy = e.user
	}
	for i, f := range old.Facts {
		old.Facts[i].Revision = e.facts.Facts[f.Path].Revision
	}
}

func (e *editor) channels(channels []string) {
	t, _ := e.catalog.Template(e.doc.Content.Template)
	for i, ch := range channels {
		pointer := fmt.Sprintf("/channels/%d", i)
		switch {
		case !slices.Contains(t.Channels, ch):
			e.fault(pointer, "channel", "the template has no such channel")
		case slices.Contains(channels[:i], ch):
			e.fault(pointer, "unique", "a channel stands twice")
		}
	}
	if len(channels) == 0 {
		e.fault("/channels", "required", "a notice needs a channel")
	}
	e.note("", "channels", strings.Join(e.doc.Channels, ", "), strings.Join(channels, ", "))
	e.doc.Channels = slices.Clone(channels)
}

// course sets how the release goes, or takes out of it what channels that are gone were about.
func (e *editor) course(c *Course) {
	next := e.doc.Course.among(e.doc.Channels)
	if c != nil {
		next = *c
	}
	if e.doc.Kind != templates.Notice {
		if c != nil {
			e.fault("/course", "needless", "only a notice is sent to people")
		}
		return
	}
	next.Limit = next.Limit.orDefault() // what is approved says what holds
	e.problems = append(e.problems, checkCourse(next, e.doc.Channels)...)
	e.note("", "course", string(mustJSON(e.doc.Course)), string(mustJSON(next)))
	e.doc.Course = next
}

// accept stores the edit and voids the approvals that were given to what stood before.
func (e *editor) accept(ctx context.Context) error {
	d := &e.doc
	voided, err := e.tx.VoidApprovals(ctx, d.ID, e.tx.Now(), "version "+strconv.Itoa(d.Version+1))
	if err != nil {
		return fmt.Errorf("void approvals: %w", err)
	}
	if voided > 0 || len(d.Voided) > 0 {
		d.Voided = merge(d.Voided, e.changes)
	}
	if !slices.Contains(d.Editors, e.user) {
		d.Editors = append(slices.Clone(d.Editors), e.user)
	}
	d.Submitter, d.SubmittedAt, d.Digest, d.Frozen, d.Audience = "", nil, Digest{}, 0, ""
	d.Stale = templates.StaleFacts(d.Content, e.facts)
	if err := save(ctx, e.tx, d); err != nil {
		return err
	}
	enter(e.tx, "document.edited", *d, map[string]string{"count": strconv.Itoa(len(e.changes))},
		map[string]string{"content": string(mustJSON(d.Content))})
	return nil
}

// at is the document's own passage of a block, made empty in the template's place when it is not there yet.
func (e *editor) at(locale, block string) *templates.Passage {
	passages, ok := e.doc.Content.Locales[locale]
	if !ok {
		return nil
	}
	if i := slices.IndexFunc(passages, func(p templates.Passage) bool { return p.Block == block }); i >= 0 {
		return &passages[i]
	}
	t, _ := e.catalog.Form(e.doc.Content)
	place := 0
	for _, item := range t.Items {
		if item.Block == block {
			e.doc.Content.Locales[locale] = slices.Insert(passages, place, templates.Passage{Block: block})
			return &e.doc.Content.Locales[locale][place]
		}
		if place < len(passages) && passages[place].Block == item.Block {
			place++
		}
	}
	return nil
}

func (e *editor) note(locale, block, before, after string) {
	if before != after {
		e.changes = append(e.changes, Change{Locale: locale, Block: block, Before: before, After: after})
	}
}

func (e *editor) fault(pointer, rule, message string) {
	e.problems = append(e.problems, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
}

// merge adds later changes to earlier ones: what counts is the way from the first words to the last.
func merge(earlier, later []Change) []Change {
	out := slices.Clone(earlier)
	for _, c := range later {
		i := slices.IndexFunc(out, func(o Change) bool { return o.Locale == c.Locale && o.Block == c.Block })
		if i < 0 {
			out = append(out, c)
			continue
		}
		out[i].After = c.After
	}
	return slices.DeleteFunc(out, func(c Change) bool { return c.Before == c.After })
}

// copyContent keeps an edit from reaching into what was read.
func copyContent(c templates.Content) templates.Content {
	c.Subject = maps.Clone(c.Subject)
	locales := make(map[string][]templates.Passage, len(c.Locales))
	for locale, passages := range c.Locales {
		passages = slices.Clone(passages)
		for i := range passages {
			passages[i].Facts = slices.Clone(passages[i].Facts)
		}
		locales[locale] = passages
	}
	c.Locales = locales
	return c
}
