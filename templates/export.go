package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/incident"
)

// exported is a report as a machine reads it.
type exported struct {
	Template     string         `json:"template"`
	Version      string         `json:"template_version"`
	Locale       string         `json:"locale"`
	Reading      bool           `json:"reading_version,omitempty"`
	Title        string         `json:"title"`
	PreparedAt   time.Time      `json:"prepared_at"`
	Organisation string         `json:"organisation"`
	Contact      string         `json:"contact"`
	Reporter     string         `json:"reporter"`
	Items        []exportedItem `json:"items"`
	Digest       string         `json:"digest"` // of the content that was exported, in every locale
}

// exportedItem is one requirement with its answer, or one block that no requirement asks for.
type exportedItem struct {
	Requirement string   `json:"requirement,omitempty"`
	Block       string   `json:"block"`
	Term        string   `json:"term"`
	Label       string   `json:"label,omitempty"` // the block's own heading, where the law has other words for it
	Law         string   `json:"law,omitempty"`
	Article     string   `json:"article,omitempty"`
	Text        string   `json:"text"`
	Open        bool     `json:"open"`
	Facts       []string `json:"facts,omitempty"`
}

// Export renders a report for filing: format "html" (print HTML, self-contained) or "json".
func (c *Catalog) Export(content Content, org Organisation, reqs []Requirement, locale, format string, at time.Time) (body []byte, contentType string, err error) {
	t, ok := c.Form(content)
	if !ok || t.Kind != Report || !slices.Contains(t.Locales, locale) {
		return nil, "", incident.NewFault(incident.NotFound, "there is no such report in this locale")
	}
	switch format {
	case "json":
		body, err := json.MarshalIndent(c.exportJSON(content, t, org, reqs, locale, at), "", "  ")
		if err != nil {
			return nil, "", fmt.Errorf("write report: %w", err)
		}
		return append(body, '\n'), "application/json", nil
	case "html":
		var b bytes.Buffer
		if err := htmlLooks.ExecuteTemplate(&b, "report.html", c.printed(content, t, org, reqs, locale, at)); err != nil {
			return nil, "", fmt.Errorf("render report: %w", err)
		}
		return b.Bytes(), "text/html; charset=utf-8", nil
	}
	return nil, "", incident.NewFault(incident.NotFound, "a report is exported as html or json")
}

func (c *Catalog) exportJSON(content Content, t Template, org Organisation, reqs []Requirement, locale string, at time.Time) exported {
	out := exported{Template: content.Template, Version: content.Version, Locale: locale,
		Reading: slices.Contains(t.Reading, locale), Title: content.Subject[locale], PreparedAt: at.UTC(),
		Organisation: org.named(locale), Contact: org.Contact[locale], Reporter: org.Reporter, Digest: digest(content)}
	for _, item := range t.Items {
		p := content.passage(locale, item.Block)
		row := exportedItem{Block: item.Block, Term: item.Label[locale], Text: p.Text, Open: p.Open}
		for _, f := range p.Facts {
			row.Facts = append(row.Facts, f.Path)
		}
		asked := t.asking(item, reqs)
		for _, req := range asked {
			row.Requirement, row.Law, row.Article = req.ID, req.Law, req.Article
			if row.Term, row.Label = req.term(item, locale), item.Label[locale]; row.Label == row.Term {
				row.Label = ""
			}
			out.Items = append(out.Items, row)
		}
		if len(asked) == 0 {
			out.Items = append(out.Items, row)
		}
	}
	return out
}

// asking lists the requirements that an item answers, wholly or in part.
func (t Template) asking(item Item, reqs []Requirement) []Requirement {
	var out []Requirement
	for _, req := range reqs {
		if slices.ContainsFunc(t.answering(req), func(it Item) bool { return it.Block == item.Block }) {
			out = append(out, req)
		}
	}
	return out
}

// said is the law's term, in its language or in English.
func (r Requirement) said(locale string) string {
	if locale == "en" && r.Gloss != "" {
		return r.Gloss
	}
	return r.Term
}

// term names a requirement in the law's words; where an item answers only part of it, the item's own
// label is closer.
func (r Requirement) term(item Item, locale string) string {
	term := r.said(locale)
	if term == "" || item.Block != r.Block && item.Block != r.ID {
		return item.Label[locale]
	}
	return term
}

// capital begins a heading.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:]
}

// printPage is what the look of a printed report shows.
type printPage struct {
	Lang, Title, Reading, Footer string
	Head                         []headRow
	Parts                        []printPart
	Seal                         []string
}

type headRow struct {
	Label string
	Lines []string
}

type printPart struct {
	Heading, Basis string // Basis: the law that all items share
	Items          []printItem
}

type printItem struct {
	No                       int // counts the items that the law asks for; 0: context
	Term, Basis, Open, Empty string
	Law, Article             string
	Blocks                   []block
}

func (c *Catalog) printed(content Content, t Template, org Organisation, reqs []Requirement, locale string, at time.Time) printPage {
	p := &pen{w: c.words, org: org, locale: locale, zone: zone(org.Zone)}
	now := p.time(at.Format(time.RFC3339), false)
	say := func(id string, values ...string) string { return c.words.say(id, locale, values...) }
	sum := digest(content)
	out := printPage{Lang: locale, Title: clean(content.Subject[locale]),
		Footer: say("report.footer") + " sha256:" + sum + " · " + content.Template,
		Seal:   []string{say("report.sign")}}
	if slices.Contains(t.filed(), "zh-Hans") {
		out.Seal = append(out.Seal, say("report.seal"))
	}
	if slices.Contains(t.Reading, locale) {
		var filed []string
		for _, l := range t.filed() {
			filed = append(filed, say("language."+l))
		}
		out.Reading = say("report.reading", "filed", p.list(filed))
	}
	for _, row := range []struct{ id, text string }{{"report.unit", org.named(locale)},
		{"report.reporter", org.Reporter}, {"report.contact", org.Contact[locale]}, {"report.at", now}} {
		if text := strings.TrimSpace(clean(row.text)); text != "" {
			out.Head = append(out.Head, headRow{say(row.id), strings.Split(text, "\n")})
		}
	}
	context, asked := printPart{Heading: say("report.context")}, printPart{Heading: say("report.items")}
	for _, item := range t.Items {
		passage := content.passage(locale, item.Block)
		row := printItem{Term: item.Label[locale], Blocks: blocksOf(passage.Text), Empty: say("report.empty")}
		if passage.Open {
			row.Open = say("report.open", "at", now)
		}
		if rs := t.asking(item, reqs); len(rs) > 0 {
			row.No = len(asked.Items) + 1
			for _, r := range rs {
				if r.ID == item.Block {
					row.Term = r.term(item, locale)
				}
			}
			if row.Term = capital(row.Term); row.Term != "" && row.Term[0] >= '0' && row.Term[0] <= '9' {
				row.No = 0 // the law numbers it
			}
			row.Basis, row.Law, row.Article = c.basis(rs, row.Term, locale)
			asked.Items = append(asked.Items, row)
		} else if len(row.Blocks) > 0 || passage.Open {
			context.Items = append(context.Items, row)
		}
	}
	asked.shareLaw(func(law string) string { return say("report.basis", "basis", law) })
	for _, part := range []printPart{context, asked} {
		if len(part.Items) > 0 {
			out.Parts = append(out.Parts, part)
		}
	}
	return out
}

// shareLaw names a law that all items share once, and under each item its article only.
func (p *printPart) shareLaw(say func(law string) string) {
	for _, it := range p.Items {
		if it.Law == "" || it.Law != p.Items[0].Law {
			return
		}
	}
	for i, it := range p.Items {
		p.Basis, p.Items[i].Basis = say(it.Law), it.Article
	}
}

// basis names law and article of the requirements, once each, and the law's term where it is not the
// heading; law and article apart when there is one law.
func (c *Catalog) basis(reqs []Requirement, heading, locale string) (text, law, article string) {
	var laws, articles, all []string
	for _, r := range reqs {
		if r.Law == "" {
			continue
		}
		a := ArticleOf(r.Law, r.Article, locale)
		if term := r.said(locale); term != "" && !strings.EqualFold(term, heading) {
			a = strings.TrimSpace(c.words.say("law.term", locale, "article", a, "term", term))
		}
		laws, articles = append(laws, r.Law), append(articles, a)
		all = append(all, strings.TrimSpace(c.words.say("law", locale, "law", r.Law, "article", a)))
	}
	sep := map[string]string{"en": "; ", "zh-Hans": "；"}[locale]
	if laws = slices.Compact(laws); len(laws) == 1 {
		law = strings.TrimSpace(c.words.say("law", locale, "law", laws[0], "article", ""))
	}
	return strings.Join(slices.Compact(all), sep), law, strings.Join(slices.Compact(articles), sep)
}
