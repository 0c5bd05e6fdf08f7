package templates

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
)

// Preview renders a message as its reader will see it, as a whole HTML document for a sandboxed frame.
// Where every person's message differs, it says what will stand there.
func Preview(m Message) []byte {
	w := builtinWords()
	slots := strings.NewReplacer(slotBrand, "‹"+w.say("slot.brand", m.Locale)+"›", slotCode, "‹"+w.say("slot.code", m.Locale)+"›", slotRef, "‹"+w.say("slot.ref", m.Locale)+"›")
	if m.Channel == Email {
		return []byte(slots.Replace(m.HTML))
	}
	view := struct {
		Channel, Lang, Title, Sign, From, Now, Text, Count string
		Body                                               template.HTML
	}{Channel: m.Channel, Lang: m.Locale, Title: m.Subject, Sign: m.Sign,
		From: w.say("preview.sms.from", m.Locale), Now: w.say("preview.push.now", m.Locale)}
	switch m.Channel {
	case SMS:
		view.Text, view.Count = slots.Replace(m.SMSText), w.say("preview.sms.count", m.Locale,
			"n", fmt.Sprint(m.Segments(true)))
		view.Title = m.Sign
	case Push:
		view.Title, view.Text = m.Title, slots.Replace(m.Body)
	default: // the announcement
		view.Body = template.HTML(slots.Replace(m.HTML)) //nolint:gosec // G203: Compile has rendered and escaped it
	}
	var b bytes.Buffer
	if err := htmlLooks.ExecuteTemplate(&b, "preview.html", view); err != nil {
		panic("render preview: " + err.Error()) // fixed template, plain strings
	}
	return b.Bytes()
}
