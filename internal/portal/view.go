package portal

import (
	"cmp"
	"html"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"

	"tocsin/notify"
	"tocsin/templates"
)

// view is what a page prints.
type view struct {
	Locale    string
	Path      string
	Org       string
	Site      string
	Contact   string
	Simulated bool
	Version   string
	Languages []choice

	Title   string // id of a line, or empty when Subject is the title
	Subject string
	Heading string // ids of lines, of a page that only says something
	Text    string
	Answer  string // of a check: yes, number, no; empty before it
	Notices []entry
	Notice  entry
	Body    template.HTML

	words words
	want  []language.Tag
	query string // keeps a chosen language along the way
}

// choice is a language to read a page in.
type choice struct {
	Locale, Name, Link string
	Here               bool
}

// entry is an announcement as lists and answers name it.
type entry struct {
	No, Subject, Link string
	Live              string
	LiveAt            string // for machines
	Ways              []string
}

func (p *portal) view(c *gin.Context, s stock) *view {
	want := wanted(c)
	v := &view{
		Locale: pageLocale(want), Path: c.Request.URL.Path, Site: s.org.Site, Simulated: p.Simulated,
		Version: p.pages.version, words: p.words, want: want,
	}
	if c.Query("lang") != "" {
		v.query = "?lang=" + v.Locale
	}
	v.Org, v.Contact = in(s.org.Name, v.Locale), in(s.org.Contact, v.Locale)
	v.languages(locales, v.Locale)
	return v
}

// in is a text in a locale, or in the other one where it is missing.
func in(text map[string]string, locale string) string {
	if text[locale] != "" {
		return text[locale]
	}
	for _, l := range locales {
		if text[l] != "" {
			return text[l]
		}
	}
	return ""
}

func (v *view) languages(there []string, here string) {
	v.Languages = v.Languages[:0]
	for _, l := range there {
		name := v.words["lang."+l][v.Locale]
		if name == "" {
			name = l
		}
		v.Languages = append(v.Languages, choice{l, name, v.Path + "?lang=" + url.QueryEscape(l), l == here})
	}
}

// Say is a line in the page's language.
func (v *view) Say(id string, values ...string) (string, error) {
	return v.words.say(id, v.Locale, values...)
}

// To is an address on this site, in the chosen language.
func (v *view) To(path string) string { return path + v.query }

// describe lists what is live.
func (v *view) describe(s stock) {
	for _, a := range s.notices {
		v.Notices = append(v.Notices, v.entry(a, message(a, v.want, v.Locale), s))
	}
}

// about names one announcement. One that was sent without a page of its own has no subject and no link.
func (v *view) about(a notify.Announcement, s stock) {
	v.Notice = v.entry(a, message(a, v.want, v.Locale), s)
}

// open shows one announcement whole, with the languages it is there in.
func (v *view) open(a notify.Announcement, s stock) {
	m := message(a, v.want, v.Locale)
	v.Notice = v.entry(a, m, s)
	v.Subject, v.Body = v.Notice.Subject, frozen(m, a.No)
	v.languages(spoken(a), m.Locale)
}

func (v *view) entry(a notify.Announcement, m templates.Message, s stock) entry {
	e := entry{
		No: a.No, Subject: m.Subject, Live: v.words.moment(a.LiveAt, s.org.Zone, v.Locale),
		LiveAt: a.LiveAt.UTC().Format(time.RFC3339),
	}
	if len(a.Messages) > 0 {
		e.Link = v.To("/notices/" + url.PathEscape(a.No))
	}
	for _, channel := range a.Channels {
		way, err := v.Say("way."+channel, "sender", s.org.Sender, "sign", s.org.SMSSign, "site", s.org.Site)
		if err != nil {
			way = channel // one that these words do not know yet
		}
		e.Ways = append(e.Ways, way)
	}
	return e
}

// spoken are the languages of an announcement, ours in their usual order first.
func spoken(a notify.Announcement) []string {
	there := make([]string, len(a.Messages))
	for i, m := range a.Messages {
		there[i] = m.Locale
	}
	slices.SortStableFunc(there, func(a, b string) int {
		return cmp.Compare(uint(slices.Index(locales, a)), uint(slices.Index(locales, b))) // unknown ones last
	})
	return there
}

// message is an announcement in the language that fits best.
func message(a notify.Announcement, want []language.Tag, locale string) templates.Message {
	best := choose(want, spoken(a), locale)
	for _, m := range a.Messages {
		if m.Locale == best {
			return m.Message
		}
	}
	if len(a.Messages) > 0 {
		return a.Messages[0].Message
	}
	return templates.Message{}
}

// slotRef is where the notice number stands in what was frozen.
const slotRef = "[[ref]]"

// frozen is the body that was approved, to the byte but for the number: it was escaped when it was compiled.
func frozen(m templates.Message, no string) template.HTML {
	return template.HTML(strings.ReplaceAll(m.HTML, slotRef, html.EscapeString(no))) //nolint:gosec // escaped by templates
}
