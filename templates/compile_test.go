package templates

import (
	"encoding/json"
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"tocsin/incident"
)

func compiledMessage(t testing.TB, channel, locale string, org Organisation, change func(Content)) (Message, error) {
	t.Helper()
	c := catalog(t)
	content := draft(t, c, individuals, leak)
	if change != nil {
		change(content)
	}
	return c.Compile(content, org, channel, locale)
}

func TestShortMessagesSayNothingAboutThePerson(t *testing.T) {
	for _, l := range []string{"zh-Hans", "en"} {
		sms, err := compiledMessage(t, SMS, l, organisation(), nil)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"code": "[[code]]", "ref": "[[ref]]"}, sms.Params)
		require.Equal(t, "SMS_100001", sms.Template)
		require.LessOrEqual(t, sms.Segments(true), 2)
		push, err := compiledMessage(t, Push, l, organisation(), nil)
		require.NoError(t, err)
		require.Less(t, len(push.Title)+len(push.Body), 1800)
		require.Equal(t, []string{"ref"}, push.Slots)
		for _, told := range []string{"泄露", "身份证", "健康", "leak", "disclosed", "health", "1,200,000", "://"} {
			require.NotContains(t, sms.SMSText+push.Title+push.Body, told)
		}
	}
}

// The wording of the SMS template keeps the provider's rules, or it would not be approved.
func TestSMSWordingCanBeApproved(t *testing.T) {
	text := catalog(t).words.frame["sms.text"]["zh-Hans"]
	require.Equal(t, text, catalog(t).words.frame["sms.text"]["en"], "one approved template serves every locale")
	require.LessOrEqual(t, utf8.RuneCountInString(text), 500)
	require.Equal(t, 1, strings.Count(text, "${code}"))
	require.Equal(t, 1, strings.Count(text, "${ref}"))
	require.NotContains(t, text, "}${", "variables must not stand side by side")
	for _, banned := range []string{"【", "】", "拒收", "http", "www."} {
		require.NotContains(t, text, banned)
	}
}

func TestEmailTellsHowToCheckIt(t *testing.T) {
	m, err := compiledMessage(t, Email, "zh-Hans", organisation(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"brand", "code", "ref"}, m.Slots)
	require.Equal(t, "示例网络科技有限公司", m.Brand, "for who knows the service by no other name")
	from, err := mail.ParseAddress(m.From)
	require.NoError(t, err)
	require.Equal(t, mail.Address{Name: "示例网络科技有限公司", Address: "notice@example.com"}, *from)
	for _, body := range []string{m.Text, m.HTML} {
		require.Contains(t, body, "www.example.com")
		require.Contains(t, body, "[[code]]")
		require.Contains(t, body, "[[ref]]")
	}
	for _, never := range []string{"<a ", "<img", "<form", "<button", "<input", "http:", "https:", "url("} {
		require.NotContains(t, m.HTML, never)
	}
}

func TestCompileRefusesWhatCannotBeSent(t *testing.T) {
	subject := func(s string) func(Content) { return func(c Content) { c.Subject["en"] = s } }
	for name, tc := range map[string]struct {
		channel, pointer string
		org              func(*Organisation)
		change           func(Content)
	}{
		"header injection":   {Email, "/subject/en", nil, subject("Notice\r\nBcc: all@example.org")},
		"one line feed":      {Announcement, "/subject/en", nil, subject("Notice\nmore")},
		"turned direction":   {Email, "/subject/en", nil, subject("Notice \u202egpj")},
		"too long":           {Email, "/subject/en", nil, subject(strings.Repeat("字", 151))},
		"empty":              {Email, "/subject/en", nil, subject(" ")},
		"a slot in it":       {Email, "/subject/en", nil, subject("Notice [[code]]")},
		"no sender":          {Email, "/org/sender", func(o *Organisation) { o.Sender = "" }, nil},
		"sender with header": {Email, "/org/sender", func(o *Organisation) { o.Sender = "a@example.com\r\nBcc: b@example.org" }, nil},
		"no site":            {Email, "/org/site", func(o *Organisation) { o.Site = "" }, nil},
		"no name":            {Push, "/org/name", func(o *Organisation) { o.Name = nil }, nil},
		"foreign parameter":  {SMS, "/org/sms_providers/tencent/order", func(o *Organisation) { o.SMSProviders = map[string]SMSForm{"tencent": {Order: []string{"name"}}} }, nil},
		"no signature":       {SMS, "/org/sms_sign", func(o *Organisation) { o.SMSSign = "" }, nil},
		"no template":        {SMS, "/org/sms_template", func(o *Organisation) { o.SMSTemplate = "" }, nil},
		"push too long":      {Push, "/org", func(o *Organisation) { o.Name = map[string]string{"en": strings.Repeat("字", 600)} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			org := organisation()
			if tc.org != nil {
				tc.org(&org)
			}
			_, err := compiledMessage(t, tc.channel, "en", org, tc.change)
			var f *incident.Fault
			require.ErrorAs(t, err, &f)
			require.Equal(t, incident.Invalid, f.Kind)
			require.Equal(t, tc.pointer, f.Problems[0].Pointer)
		})
	}
	_, err := compiledMessage(t, "fax", "en", organisation(), nil)
	require.True(t, incident.IsFault(err, incident.NotFound))
}

func TestSMSParameterRules(t *testing.T) {
	require.NoError(t, checkParam("code", strings.Repeat("字", 35)))
	for _, bad := range []string{"", strings.Repeat("x", 36), "https://a.example", "WWW.a.example"} {
		require.Error(t, checkParam("code", bad))
	}
}

// shape is the tags and attributes of a page, without its text.
func shape(t require.TestingT, page string) []string {
	var out []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			out = append(out, z.Token().String())
		case html.CommentToken:
			require.FailNow(t, "a comment")
		}
	}
}

var hostile = []string{`</p><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<!-- `, `<![CDATA[`, `{{.Subject}}`,
	`</style>`, `javascript:alert(1)`, `&lt;b&gt;`, "\u2028", "\x00", "[[ref]", "[[name]]", "${code}", "-->", `<a href="//evil.example">x</a>`, "\r\nBcc: x@example.org"}

// Hostile text stays text: the page has the same tags and attributes as with harmless text in its place.
func TestHostileTextStaysInItsBlock(t *testing.T) {
	c := catalog(t)
	content := draft(t, c, individuals, leak)
	report := draft(t, c, "cn/cac-initial", leak)
	rapid.Check(t, func(rt *rapid.T) {
		bad := "x" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 1, 5).Draw(rt, "hostile"), "y") + "z"
		bad = strings.NewReplacer("\r", "", "\n", "").Replace(bad) // lines are blocks; the tags below would differ rightly
		if r := []rune(bad); len(r) > maxSubject {
			bad = string(r[:maxSubject])
		}
		harmless, evil := content, content
		for _, v := range []struct {
			c    *Content
			text string
		}{{&harmless, "xyz"}, {&evil, bad}} {
			v.c.Subject = map[string]string{"en": clean(v.text)}
			v.c.Locales = map[string][]Passage{"en": {{Block: "cause", Text: v.text, Author: "usr_1"}}}
		}
		org, evilOrg := organisation(), organisation()
		evilOrg.Name = map[string]string{"en": bad}
		for _, ch := range []string{Email, Announcement} {
			want, err := c.Compile(harmless, org, ch, "en")
			require.NoError(rt, err)
			got, err := c.Compile(evil, evilOrg, ch, "en")
			require.NoError(rt, err)
			require.Equal(rt, shape(rt, want.HTML), shape(rt, got.HTML))
			require.Equal(rt, shape(rt, string(Preview(want))), shape(rt, string(Preview(got))))
			require.Equal(rt, want.Slots, got.Slots)
			require.NotContains(rt, got.From+got.Subject, "\n")
		}
		for _, ch := range []string{SMS, Push} {
			want, err := c.Compile(harmless, org, ch, "en")
			require.NoError(rt, err)
			got, err := c.Compile(evil, evilOrg, ch, "en")
			require.NoError(rt, err)
			require.Equal(rt, shape(rt, string(Preview(want))), shape(rt, string(Preview(got))))
		}
		export := func(org Organisation, text string) []string {
			r := report
			r.Subject = map[string]string{"zh-Hans": text}
			r.Locales = map[string][]Passage{"zh-Hans": {{Block: "cac-4", Text: text, Author: "usr_1"}}}
			page, _, err := c.Export(r, org, []Requirement{{ID: "cac-4", Block: "cac-4", Term: text, Law: text, Article: "7"}}, "zh-Hans", "html", preparedAt)
			require.NoError(rt, err)
			return shape(rt, string(page))
		}
		require.Equal(rt, export(org, "xyz"), export(evilOrg, bad))
	})
}

// A fact's text stays one item: it cannot add list items, paragraphs or headings.
func TestFactTextStaysOneItem(t *testing.T) {
	facts := snapshot(t, `{"remedies": ["Free\n- replacement\n\nWhom to ask\n[[code]] {org.name}"]}`)
	content, err := catalog(t).Draft(Input{Template: individuals, Facts: facts, Org: organisation()})
	require.NoError(t, err)
	require.Equal(t, "- Free - replacement Whom to ask [[code]] {org.name}", content.passage("en", "remedies").Text)
}

func TestPlainTextIsReadAsParagraphsAndLists(t *testing.T) {
	require.Equal(t, []block{{Text: "one\ntwo"}, {Items: []string{"a", "b"}}, {Text: "three"}, {Text: "four"}},
		blocksOf("one\r\ntwo\n- a\n- b\n\nthree\n\n\nfour\n"))
}

func TestHashCoversEverything(t *testing.T) {
	a := Message{Channel: Email, Locale: "en", Text: "a", Slots: []string{"code"}}
	b := Message{Channel: Email, Locale: "zh-Hans", Text: "b"}
	require.Equal(t, Hash([]Message{a, b}), Hash([]Message{b, a}), "order does not matter")
	base := Hash([]Message{a, b})
	for name, m := range map[string]Message{
		"text": {Channel: Email, Locale: "en", Text: "A", Slots: []string{"code"}},
		"slot": {Channel: Email, Locale: "en", Text: "a"},
		"from": {Channel: Email, Locale: "en", Text: "a", Slots: []string{"code"}, From: "x@example.com"},
	} {
		require.NotEqual(t, base, Hash([]Message{m, b}), name)
	}
	require.NotEqual(t, base, Hash([]Message{a}))
}

func TestReportAsJSON(t *testing.T) {
	c := catalog(t)
	content := draft(t, c, "cn/cac-initial", leak)
	mark(content, "cac-3")
	body, kind, err := c.Export(content, organisation(), requirements(t, c, "cn/cac-initial"), "zh-Hans", "json", preparedAt)
	require.NoError(t, err)
	require.Equal(t, "application/json", kind)
	var got exported
	require.NoError(t, json.Unmarshal(body, &got))
	require.Len(t, got.Items, 15)
	require.Equal(t, "cac-2e", got.Items[6].Requirement)
	require.Contains(t, got.Items[6].Facts, "people.count")
	require.True(t, got.Items[9].Open)

	_, _, err = c.Export(content, organisation(), nil, "zh-Hans", "pdf", preparedAt)
	require.True(t, incident.IsFault(err, incident.NotFound))
}
