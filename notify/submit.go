package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

// reportChannel is the channel id of a report's frozen message: the exact text that is filed, as JSON in
// Text and for print in HTML.
const reportChannel = "report"

// Submit freezes messages, audience and plan and asks for approval. An incomplete document is refused with
// a problem per gap. audience "" takes the incident's newest ready one when a channel needs it. A person
// submits, or the system an untouched draft, which then has no author; a tool never does.
func (s *Service) Submit(ctx context.Context, sc evidence.Scope, id string, ifMatch int, audience string) (DocumentView, error) {
	if sc.Actor.Kind == evidence.Tool {
		return DocumentView{}, byPerson(sc)
	}
	return s.alter(ctx, sc, id, access.Work, func(c *change) error {
		if err := c.match(ifMatch); err != nil {
			return err
		}
		if err := c.doc.take(stepSubmit); err != nil {
			return err
		}
		if gaps := s.catalog.Check(c.doc.Content, c.facts, c.doc.Policy.Requirements); len(gaps) > 0 {
			return &incident.Fault{Kind: incident.Invalid, Message: "the document is not complete", Problems: problems(gaps)}
		}
		to, err := c.audience(ctx, audience)
		if err != nil {
			return err
		}
		messages, err := s.freeze(ctx, c)
		if err != nil {
			return err
		}
		return c.submit(ctx, sc, to, messages)
	})
}

func (c *change) submit(ctx context.Context, sc evidence.Scope, to Audience, messages []templates.Message) error {
	d, now := &c.doc, c.tx.Now()
	d.Submitter, d.SubmittedAt, d.ReturnReason = "", &now, ""
	if actorPerson(sc) {
		d.Submitter = sc.Actor.ID
	}
	d.Audience = to.ID
	d.Digest = MakeDigest(messages, to.Root, PlanHash(d.Channels, to.ID, to.Total, d.Course))
	d.Frozen = d.Version + 1
	if err := save(ctx, c.tx, d); err != nil {
		return err
	}
	kept := make([]FrozenMessage, len(messages))
	for i, m := range messages {
		kept[i] = FrozenMessage{Document: d.ID, Version: d.Frozen, Message: m, Hash: hashJSON(m)}
	}
	if err := c.tx.InsertMessages(ctx, kept); err != nil {
		return fmt.Errorf("insert messages: %w", err)
	}
	refs := map[string]string{"digest": d.Digest.All}
	if to.ID != "" {
		refs["audience"], refs["root"] = to.ID, to.Root
	}
	if items := d.openItems(); items != "" {
		refs["open"] = items
	}
	enter(c.tx, "document.submitted", *d, refs, map[string]string{"content": string(mustJSON(d.Content))})
	return nil
}

// audience finds who the notice goes to and freezes it. It is the zero Audience when no channel needs one.
func (c *change) audience(ctx context.Context, id string) (Audience, error) {
	needed := slices.ContainsFunc(c.doc.Channels, func(ch string) bool { return ch != templates.Announcement })
	if !needed && id == "" {
		return Audience{}, nil
	}
	if !needed {
		return Audience{}, incident.InvalidInput([]incident.Problem{
			{Pointer: "/audience", Rule: "needless", Message: "no channel of this document goes to people"}})
	}
	a, err := c.pick(ctx, id)
	if err != nil {
		return Audience{}, err
	}
	a.Frozen, a.UpdatedAt = true, c.tx.Now()
	if err := c.tx.UpdateAudience(ctx, a); err != nil {
		return Audience{}, fmt.Errorf("freeze audience: %w", err)
	}
	return a, nil
}

func (c *change) pick(ctx context.Context, id string) (Audience, error) {
	all, err := c.tx.Audiences(ctx, c.doc.Incident)
	if err != nil {
		return Audience{}, fmt.Errorf("read audiences: %w", err)
	}
	if id == "" {
		newest := slices.Clone(all)
		all = slices.DeleteFunc(all, func(a Audience) bool { return a.State != Ready })
		if len(all) == 0 && len(newest) > 0 {
			return Audience{}, newest[0].unfinished()
		}
		if len(all) == 0 {
			return Audience{}, incident.NewFault(incident.Conflict, "import an audience first: this notice goes to people")
		}
		return slices.MaxFunc(all, func(a, b Audience) int { return cmp.Compare(a.No, b.No) }), nil
	}
	i := slices.IndexFunc(all, func(a Audience) bool { return a.ID == id })
	if i < 0 {
		return Audience{}, incident.NewFault(incident.NotFound, "this incident has no such audience")
	}
	return all[i], all[i].unfinished()
}

// freeze compiles every message of the document and keeps the source of its template.
func (s *Service) freeze(ctx context.Context, c *change) ([]templates.Message, error) {
	t, ok := s.catalog.Template(c.doc.Content.Template)
	if !ok {
		return nil, incident.NewFault(incident.Conflict, "the document's template is no longer in the catalog")
	}
	c.doc.Content.Version = t.Version // the one that compiles it
	source := s.catalog.Source(t.Name)
	sum := sha256.Sum256(source)
	err := c.tx.Freeze(ctx, templates.Artefact{
		Kind: "template", Name: t.Name, Hash: hex.EncodeToString(sum[:]), Body: source, At: c.tx.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("freeze template: %w", err)
	}
	channels := c.doc.Channels
	if c.doc.Kind == templates.Report {
		channels = []string{reportChannel}
	}
	var out []templates.Message
	for _, ch := range channels {
		for _, locale := range slices.Sorted(maps.Keys(c.doc.Content.Locales)) {
			m, err := s.compile(c.tx, c.doc, ch, locale)
			if err != nil {
				return nil, fmt.Errorf("compile %s %s: %w", ch, locale, err)
			}
			out = append(out, m)
		}
	}
	return out, nil
}

// compile makes the message of one channel and locale as the document stands.
func (s *Service) compile(tx Tx, d Document, channel, locale string) (templates.Message, error) {
	if channel != reportChannel {
		return s.catalog.Compile(d.Content, d.Org, channel, locale)
	}
	text, _, err := s.catalog.Export(d.Content, d.Org, d.Policy.Requirements, locale, "json", tx.Now())
	if err != nil {
		return templates.Message{}, err
	}
	print, _, err := s.catalog.Export(d.Content, d.Org, d.Policy.Requirements, locale, "html", tx.Now())
	if err != nil {
		return templates.Message{}, err
	}
	return templates.Message{
		Channel: reportChannel, Locale: locale, Subject: d.Content.Subject[locale],
		Text: string(text), HTML: string(print),
	}, nil
}

// problems says for each gap where it stands and which article asks for it.
func problems(gaps []templates.Gap) []incident.Problem {
	reasons := map[string]string{
		"missing":          "nothing is written yet",
		"fact-unknown":     "a fact it rests on is not known",
		"not-printed":      "a fact it rests on is not printed",
		"open-not-allowed": "the law does not let it stay open",
	}
	out := make([]incident.Problem, len(gaps))
	for i, g := range gaps {
		r := g.Requirement
		out[i] = incident.Problem{
			Pointer: incident.Pointer(incident.Pointer("/content", g.Locale), r.Block),
			Rule:    r.ID,
			Message: fmt.Sprintf("%s / %s (%s, %s): %s", r.Term, r.Gloss, r.Law, templates.Article(r.Article, "en"), reasons[g.Reason]),
		}
	}
	return out
}
