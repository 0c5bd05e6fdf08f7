package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	texttemplate "text/template"

	"tocsin/incident"
)

//go:embed looks
var looks embed.FS

var (
	htmlLooks = template.Must(template.ParseFS(looks, "looks/*.html"))
	textLooks = texttemplate.Must(texttemplate.New("").Funcs(texttemplate.FuncMap{"underline": underline}).ParseFS(looks, "looks/*.txt"))
)

// Limits of the channels (facts of their providers).
const (
	maxSubject  = 150  // characters; longer ones are not folded safely
	maxPush     = 1800 // bytes of the whole payload
	pushSpare   = 128  // bytes kept for slot values and the provider's own fields
	maxSMSParam = 35   // characters of one template parameter
)

// Compile renders content for one channel and locale into the message that is approved and sent.
func (c *Catalog) Compile(content Content, org Organisation, channel, locale string) (Message, error) {
	t, ok := c.Form(content)
	if !ok {
		return Message{}, incident.NewFault(incident.NotFound, "there is no such template")
	}
	if !slices.Contains(t.Channels, channel) || !slices.Contains(t.Locales, locale) {
		return Message{}, incident.NewFault(incident.NotFound, "this document has no such channel or locale")
	}
	if org.named(locale) == "" {
		return Message{}, refuse("/org/name", "required", "the profile has no name of the organisation")
	}
	switch channel {
	case SMS:
		return c.compileSMS(org, locale)
	case Push:
		return c.compilePush(org, locale)
	}
	return c.compilePage(content, t, org, channel, locale)
}

func refuse(pointer, rule, message string) error {
	return incident.InvalidInput([]incident.Problem{{Pointer: pointer, Rule: rule, Message: message}})
}

// page is what the looks of email and announcement show.
type page struct {
	Lang, Subject, Greeting, Footer string
	Intro                           []string
	Sections                        []section
	Side                            side
}

// side is the part about the notice itself: how to check it, who sends it.
type side struct {
	Heading, Text string
	Rows          [][2]string
}

// compilePage renders the two channels that carry the whole notice.
func (c *Catalog) compilePage(content Content, t Template, org Organisation, channel, locale string) (Message, error) {
	subject, err := checkSubject(content.Subject[locale], locale)
	if err != nil {
		return Message{}, err
	}
	site := oneLine(org.Site)
	if site == "" {
		return Message{}, refuse("/org/site", "required", "the profile has no website address, so nobody could check the notice")
	}
	m := Message{Channel: channel, Locale: locale, Subject: subject, Brand: org.named(locale)}
	pg := page{Lang: locale, Subject: subject, Sections: c.sections(content, t, locale)}
	say := func(id string, values ...string) string { return c.words.say(id, locale, values...) }
	if channel == Email {
		if m.From, err = fromAddress(org, locale); err != nil {
			return Message{}, err
		}
		pg.Greeting, pg.Footer = say("email.greeting"), say("email.footer")
		intro := "email.intro"
		if strings.HasPrefix(t.Name, anyDuty) { // what it tells depends on the duty
			intro = "email.intro.any"
		}
		pg.Intro = []string{say(intro, "org", org.named(locale)), say("email.never")}
		pg.Side = side{say("verify.heading"), say("verify.how", "site", site),
			[][2]string{{say("verify.service"), slotBrand}, {say("verify.number"), slotRef}, {say("verify.code"), slotCode}}}
	} else {
		pg.Intro = []string{say("announcement.from", "org", org.named(locale), "ref", slotRef)}
		if slices.Contains(t.Channels, Email) { // the same words go to each person as "you"
			pg.Intro = append(pg.Intro, say("announcement.you"))
		}
		pg.Side = side{say("senders.heading"), say("senders.intro"), c.senders(org, site, locale)}
	}
	var html, text bytes.Buffer
	if err := htmlLooks.ExecuteTemplate(&html, channel+".html", pg); err != nil {
		return Message{}, fmt.Errorf("render %s: %w", channel, err)
	}
	if err := textLooks.ExecuteTemplate(&text, "page.txt", pg); err != nil {
		return Message{}, fmt.Errorf("render text: %w", err)
	}
	m.HTML, m.Text = html.String(), strings.TrimSpace(text.String())+"\n"
	if channel == Announcement { // one page for everyone: what is a person's own has no place on it
		m.HTML = strings.ReplaceAll(m.HTML, slotBrand, template.HTMLEscapeString(m.Brand))
		m.Text, m.Brand = strings.ReplaceAll(m.Text, slotBrand, m.Brand), ""
		m.Slots = slotsIn(strings.ReplaceAll(m.HTML+m.Text, slotCode, ""))
		return m, nil
	}
	m.Slots = slotsIn(m.HTML, m.Text)
	return m, nil
}

// senders tells the public by what a genuine message can be known.
func (c *Catalog) senders(org Organisation, site, locale string) [][2]string {
	rows := [][2]string{{c.words.say("senders.site", locale), site}}
	if a, err := mail.ParseAddress(org.Sender); err == nil {
		rows = append(rows, [2]string{c.words.say("senders.email", locale), a.Address})
	}
	if s := oneLine(org.SMSSign); s != "" {
		rows = append(rows, [2]string{c.words.say("senders.sms", locale), "【" + s + "】"})
	}
	return rows
}

// checkSubject refuses what could end a header line or say something about one person.
func checkSubject(s, locale string) (string, error) {
	at := "/subject/" + locale
	switch {
	case strings.TrimSpace(s) == "":
		return "", refuse(at, "required", "the subject is empty")
	case strings.ContainsAny(s, "\r\n"), clean(s) != s, strings.Contains(s, "\t"):
		return "", refuse(at, "line", "the subject must be one line without control characters")
	case utf8.RuneCountInString(s) > maxSubject:
		return "", refuse(at, "length", fmt.Sprintf("the subject must have at most %d characters", maxSubject))
	case len(slotsIn(s)) > 0:
		return "", refuse(at, "slot", "the subject is the same for everyone and holds no slots")
	}
	return strings.TrimSpace(s), nil
}

// fromAddress is the sender under the organisation's own name.
func fromAddress(org Organisation, locale string) (string, error) {
	a, err := mail.ParseAddress(org.Sender)
	if err != nil || strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", refuse("/org/sender", "address", "the profile's sender is not a mail address")
	}
	return (&mail.Address{Name: org.named(locale), Address: a.Address}).String(), nil
}

// compileSMS fills an approved template. The person's facts have no place in it.
func (c *Catalog) compileSMS(org Organisation, locale string) (Message, error) {
	sign, code := oneLine(org.SMSSign), oneLine(org.SMSTemplate)
	if sign == "" {
		return Message{}, refuse("/org/sms_sign", "required", "the profile has no approved SMS signature")
	}
	if code == "" {
		return Message{}, refuse("/org/sms_template", "required", "the profile has no approved SMS template")
	}
	m := Message{Channel: SMS, Locale: locale, Sign: sign, Template: code,
		Params: map[string]string{"code": slotCode, "ref": slotRef}, Slots: []string{"code", "ref"},
		Bare: oneLine(org.SMSBare), Providers: org.SMSProviders}
	m.SMSText = "【" + sign + "】" + strings.NewReplacer("${code}", slotCode, "${ref}", slotRef).Replace(c.words.frame["sms.text"][locale])
	for name, v := range m.Params {
		if err := checkParam(name, v); err != nil {
			return Message{}, err
		}
	}
	for id, f := range m.Providers {
		for _, name := range f.Order {
			if m.Params[name] == "" {
				return Message{}, refuse("/org/sms_providers/"+id+"/order", "parameter", "an SMS template has the parameters code and ref only")
			}
		}
	}
	return m, nil
}

// checkParam holds a template parameter to the provider's rules.
func checkParam(name, v string) error {
	switch n := utf8.RuneCountInString(v); {
	case n < 1 || n > maxSMSParam:
		return refuse("/params/"+name, "length", "an SMS parameter has 1 to 35 characters")
	case strings.Contains(v, "://"), strings.Contains(strings.ToLower(v), "www."):
		return refuse("/params/"+name, "url", "an SMS parameter must not hold an address of a page")
	}
	return nil
}

// compilePush makes text that may stand on a lock screen.
func (c *Catalog) compilePush(org Organisation, locale string) (Message, error) {
	site := oneLine(org.Site)
	if site == "" {
		return Message{}, refuse("/org/site", "required", "the profile has no website address, so nobody could check the notice")
	}
	m := Message{Channel: Push, Locale: locale, Slots: []string{"ref"},
		Title: org.named(locale) + " · " + c.words.say("push.title", locale),
		Body:  c.words.say("push.body", locale, "ref", slotRef, "site", site)}
	if len(m.Title)+len(m.Body)+pushSpare > maxPush {
		return Message{}, refuse("/org", "length", "name and website address are too long for a push message")
	}
	return m, nil
}

// underline draws a line as wide as the heading; Han characters are two columns wide.
func underline(s string) string {
	n := 0
	for _, r := range s {
		if n++; r >= 0x1100 {
			n++
		}
	}
	return strings.Repeat("-", n)
}
