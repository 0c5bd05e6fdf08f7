package email

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/notify"
	"tocsin/templates"
)

// bothParts are the text and the HTML of a message in the form of DATA.
func bothParts(t require.TestingT, wire []byte) (encoding, text, html string) {
	raw, ok := strings.CutSuffix(string(wire), "\r\n.\r\n")
	require.True(t, ok, "ended by a final dot")
	require.NotContains(t, raw, "\r\n.\r\n", "ended once")
	m, err := message.Read(strings.NewReader(strings.ReplaceAll(raw+"\r\n", "\r\n.", "\r\n")))
	require.NoError(t, err)
	var parts []string
	for r := m.MultipartReader(); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Contains(t, []string{"8bit", "quoted-printable"}, p.Header.Get("Content-Transfer-Encoding"))
		encoding = p.Header.Get("Content-Transfer-Encoding")
		b, err := io.ReadAll(p.Body)
		require.NoError(t, err)
		parts = append(parts, strings.ReplaceAll(string(b), "\r\n", "\n"))
	}
	require.Len(t, parts, 2)
	return encoding, parts[0], parts[1]
}

// A relay with 8BITMIME gets the characters as they are, wherever a dot or a slot stands; the reader gets the
// same text either way.
func TestEightBitIsTheSameText(t *testing.T) {
	piece := rapid.StringOf(rapid.SampledFrom([]rune("ab.=- \n中字😀&?0")))
	rapid.Check(t, func(t *rapid.T) {
		words := func(name string) string {
			var b strings.Builder
			b.WriteString("x" + strings.Repeat("长", rapid.IntRange(0, 12).Draw(t, name)))
			for range rapid.IntRange(0, 4).Draw(t, name) {
				b.WriteString(piece.Draw(t, name) + rapid.SampledFrom([]string{"[[code]]", "[[ref]]", "[[unknown]]"}).Draw(t, name))
			}
			return b.String() + piece.Draw(t, name) + "\n"
		}
		m := notify.FrozenMessage{Document: "ntc_1", Message: templates.Message{From: "a@acme.example", Subject: "标题", Text: words("text"), HTML: words("html")}}
		l, err := compose(m, "acme.example", time.Unix(0, 0))
		require.NoError(t, err)
		o := notify.Outgoing{OutID: "o", Attempt: 1, Code: "ABCDEFGHJKLM0", Ref: "ABCD-EFGH"}
		r := &run{sender: &sender{letter: l}, out: []notify.Outgoing{o}}
		j := job{to: "p@people.example"}
		fill := strings.NewReplacer("[[code]]", o.Code, "[[ref]]", o.Ref)
		for _, c := range []*conn{{}, {eight: true}} {
			encoding, text, html := bothParts(t, r.dotted(nil, c, j))
			require.Equal(t, map[bool]string{true: "8bit", false: "quoted-printable"}[c.eight], encoding)
			require.Equal(t, c.eight, strings.Contains(string(r.envelope(nil, c, j)), " BODY=8BITMIME"))
			require.Equal(t, fill.Replace(m.Text), text)
			require.Equal(t, fill.Replace(m.HTML), html)
		}
	})
}

// What could not stand as it is goes encoded, also over a relay that takes every character.
func TestEncodedWhereItMustBe(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	branded := func(m *notify.FrozenMessage) {
		m.Text, m.HTML, m.Slots = "[[brand]]", "<b>[[brand]]</b>", []string{"brand"}
	}
	good := notify.FrozenMessage{Document: "ntc_1", Message: templates.Message{From: "a@acme.example", Subject: "标题", Text: "通知 [[code]]\n", HTML: "<p>通知 [[code]]</p>\n"}}
	for name, c := range map[string]struct {
		change func(*notify.FrozenMessage)
		code   string
		brand  string
		signed bool
		eight  bool
	}{
		"plain":             {eight: true},
		"signed":            {signed: true},
		"long line":         {change: func(m *notify.FrozenMessage) { m.HTML = strings.Repeat("长", 301) }},
		"control character": {change: func(m *notify.FrozenMessage) { m.Text = "a\vb" }},
		"bare return":       {change: func(m *notify.FrozenMessage) { m.Text = "a\rb" }},
		"personal value":    {change: func(m *notify.FrozenMessage) { m.Text, m.Slots = "[[name]]", []string{"name"} }},
		"odd code":          {code: "x\r\n.\r\nQUIT"},
		"brand":             {change: branded, brand: "示例 Mall", eight: true},
		"brand of markup":   {change: branded, brand: "A&B"},
		"brand of a dot":    {change: branded, brand: "."},
		"brand of lines":    {change: branded, brand: "x\r\n.\r\nQUIT"},
		"long brand":        {change: branded, brand: strings.Repeat("x", 101)},
		"brands in a line":  {change: func(m *notify.FrozenMessage) { branded(m); m.Text = strings.Repeat(m.Text, 10) + "\n" }, brand: "A"},
	} {
		m := good
		if c.change != nil {
			c.change(&m)
		}
		l, err := compose(m, "acme.example", time.Unix(0, 0))
		require.NoError(t, err, name)
		if c.signed {
			require.NoError(t, l.endorse([]Signer{{Domain: "acme.example", Selector: "s", Key: key}}, time.Unix(0, 0)), name)
		}
		o := notify.Outgoing{OutID: "o", Attempt: 1, Code: "ABC", Ref: "DEF", Brand: c.brand, Vars: map[string]string{"name": "李\r\n.\r\n"}}
		if c.code != "" {
			o.Code = c.code
		}
		r := &run{sender: &sender{letter: l}, out: []notify.Outgoing{o}}
		wire := r.dotted(nil, &conn{eight: true}, job{to: "p@people.example"})
		require.Equal(t, c.eight, strings.ContainsFunc(string(wire), func(r rune) bool { return r >= utf8.RuneSelf }), name)
		require.Equal(t, c.eight, strings.Contains(string(r.envelope(nil, &conn{eight: true}, job{to: "p@people.example"})), "BODY=8BITMIME"), name)
	}
}
