package portal

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"golang.org/x/text/language"

	"tocsin/notify"
)

// feed is what both formats carry.
type feed struct {
	locale, title, author string
	id, self, home        string
	updated               time.Time
	items                 []item
}

type item struct {
	id, link, locale, subject, no string
	html, text                    string
	channels                      []string
	live                          time.Time
}

// names is the space of our feed ids; they follow from operator, notice and language alone, so they stay
// the same when the site moves.
var names = uuid.MustParse("6b0e3a52-6c0f-4d55-9a0e-9a4a5d6f1c77")

func (p *portal) id(parts ...string) string {
	return "urn:uuid:" + uuid.NewSHA1(names, []byte(strings.Join(append([]string{p.Operator}, parts...), "\x00"))).String()
}

func (p *portal) feed(c *gin.Context, path string) (feed, error) {
	s, err := p.stock(c.Request.Context())
	if err != nil {
		return feed{}, err
	}
	want := wanted(c)
	locale := pageLocale(want)
	query := "?lang=" + locale
	f := feed{
		locale: locale, title: p.words["notices.title"][locale], author: in(s.org.Name, locale),
		id: p.id("feed", locale), self: p.URL + path + query, home: p.URL + "/notices" + query,
	}
	if f.author != "" {
		f.title = f.author + " · " + f.title
	}
	for _, a := range s.notices {
		f.items = append(f.items, p.item(a, want, locale))
		if a.LiveAt.After(f.updated) {
			f.updated = a.LiveAt
		}
	}
	return f, nil
}

func (p *portal) item(a notify.Announcement, want []language.Tag, locale string) item {
	m := message(a, want, locale)
	return item{
		id: p.id("notice", a.Notice, m.Locale), link: p.URL + "/notices/" + url.PathEscape(a.No) + "?lang=" + url.QueryEscape(m.Locale),
		locale: m.Locale, subject: m.Subject, no: a.No, html: string(frozen(m, a.No)),
		text: strings.ReplaceAll(m.Text, slotRef, a.No), channels: a.Channels, live: a.LiveAt.UTC(),
	}
}

// jsonFeed serves JSON Feed 1.1.
func (p *portal) jsonFeed(c *gin.Context) {
	f, err := p.feed(c, "/notices.json")
	if err != nil {
		p.unavailable(c, "list announcements", err)
		return
	}
	type author struct {
		Name string `json:"name"`
	}
	type notice struct {
		Number   string   `json:"number"`
		Channels []string `json:"channels"`
	}
	type entry struct {
		ID        string `json:"id"`
		URL       string `json:"url"`
		Title     string `json:"title"`
		HTML      string `json:"content_html"`
		Text      string `json:"content_text"`
		Language  string `json:"language"`
		Published string `json:"date_published"`
		Notice    notice `json:"_notice"`
	}
	out := struct {
		Version  string   `json:"version"`
		Title    string   `json:"title"`
		Home     string   `json:"home_page_url"`
		Self     string   `json:"feed_url"`
		Language string   `json:"language"`
		Authors  []author `json:"authors,omitempty"`
		Items    []entry  `json:"items"`
	}{Version: "https://jsonfeed.org/version/1.1", Title: f.title, Home: f.home, Self: f.self, Language: f.locale, Items: []entry{}}
	if f.author != "" {
		out.Authors = []author{{f.author}}
	}
	for _, i := range f.items {
		out.Items = append(out.Items, entry{i.id, i.link, i.subject, i.html, i.text, i.locale, i.live.Format(time.RFC3339), notice{i.no, i.channels}})
	}
	body, err := json.Marshal(out)
	if err != nil {
		p.unavailable(c, "encode feed", err)
		return
	}
	public(c)
	send(c, http.StatusOK, "application/feed+json; charset=utf-8", body)
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
	Type string `xml:"type,attr,omitempty"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Body string `xml:",chardata"`
}

type atomEntry struct {
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Link    atomLink    `xml:"link"`
	Content atomContent `xml:"content"`
}

type atom struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

// atomFeed serves Atom, RFC 4287.
func (p *portal) atomFeed(c *gin.Context) {
	f, err := p.feed(c, "/notices.atom")
	if err != nil {
		p.unavailable(c, "list announcements", err)
		return
	}
	if f.author == "" {
		f.author = p.Operator // Atom wants an author
	}
	if f.updated.IsZero() {
		f.updated = time.Unix(0, 0).UTC()
	}
	const html = "text/html"
	out := atom{Lang: f.locale, ID: f.id, Title: f.title, Updated: f.updated.Format(time.RFC3339), Author: f.author,
		Links: []atomLink{{"self", f.self, "application/atom+xml"}, {"alternate", f.home, html}}}
	for _, i := range f.items {
		out.Entries = append(out.Entries, atomEntry{i.locale, i.id, i.subject, i.live.Format(time.RFC3339),
			atomLink{"alternate", i.link, html}, atomContent{"html", i.html}})
	}
	body, err := xml.Marshal(out)
	if err != nil {
		p.unavailable(c, "encode feed", err)
		return
	}
	public(c)
	send(c, http.StatusOK, "application/atom+xml; charset=utf-8", append([]byte(xml.Header), body...))
}
