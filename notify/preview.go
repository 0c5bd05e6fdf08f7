package notify

import (
	"context"
	"fmt"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

// Preview is what one locale and channel will read: compiled as the document stands, or, once submitted,
// the frozen message itself. A report's channel is "report".
func (s *Service) Preview(ctx context.Context, sc evidence.Scope, id, locale, channel string) (templates.Message, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return templates.Message{}, err
	}
	var m templates.Message
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Document(ctx, id)
		if err != nil {
			return err
		}
		m, err = s.message(ctx, tx, d, channel, locale)
		return err
	})
	return m, err
}

// Export renders a report as html or json; once submitted, it is exactly what was frozen.
func (s *Service) Export(ctx context.Context, sc evidence.Scope, id, locale, format string) (body []byte, contentType string, err error) {
	m, err := s.Preview(ctx, sc, id, locale, reportChannel)
	if err != nil {
		return nil, "", err
	}
	switch format {
	case "json":
		return []byte(m.Text), "application/json", nil
	case "html":
		return []byte(m.HTML), "text/html; charset=utf-8", nil
	}
	return nil, "", incident.InvalidInput([]incident.Problem{
		{Pointer: "/format", Rule: "enum", Message: "a report is exported as html or json"}})
}

func (s *Service) message(ctx context.Context, tx Tx, d Document, channel, locale string) (templates.Message, error) {
	if d.frozen() {
		messages, err := tx.Messages(ctx, d.ID, d.Frozen)
		if err != nil {
			return templates.Message{}, fmt.Errorf("read messages: %w", err)
		}
		i := slices.IndexFunc(messages, func(m FrozenMessage) bool { return m.Channel == channel && m.Locale == locale })
		if i < 0 {
			return templates.Message{}, errNoMessage
		}
		return messages[i].Message, nil
	}
	has := slices.Contains(d.Channels, channel)
	if d.Kind == templates.Report {
		has = channel == reportChannel
	}
	if _, ok := d.Content.Locales[locale]; !ok || !has {
		return templates.Message{}, errNoMessage
	}
	m, err := s.compile(tx, d, channel, locale)
	if err != nil {
		return templates.Message{}, fmt.Errorf("compile %s %s: %w", channel, locale, err)
	}
	return m, nil
}

var errNoMessage = incident.NewFault(incident.NotFound, "the document has no message for this channel and locale")
