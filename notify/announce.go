package notify

import (
	"context"
	"crypto/sha256"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

// Reference is the notice number that people see, the same in every message of a notice: the value of
// the slot [[ref]].
func Reference(notice string) string {
	sum := sha256.Sum256([]byte("notice number\x00" + notice))
	var b [9]byte
	for i := range b {
		b[i] = crockford[sum[i]&31]
	}
	b[4] = '-'
	return string(b[:])
}

// announce publishes the notice's page when its plan has one, before anybody is sent anything.
func announce(ctx context.Context, tx Tx, d Dispatch, messages []FrozenMessage) error {
	if !slices.Contains(d.Channels, templates.Announcement) {
		return nil
	}
	if err := tx.PutAnnouncement(ctx, announcementOf(d, messages)); err != nil {
		return err
	}
	refs := map[string]string{"dispatch": d.ID, "document": d.Notice, "digest": d.Digest}
	tx.AppendLedger(evidence.Draft{Chain: string(d.Incident), Kind: "announcement.live", Refs: refs})
	tx.Emit(incident.Event{Kind: "announcement.live", Incident: d.Incident, Refs: refs})
	return nil
}

func announcementOf(d Dispatch, messages []FrozenMessage) Announcement {
	a := Announcement{
		Notice: d.Notice, Version: d.Version, Incident: d.Incident, No: d.Reference(),
		LiveAt: d.StartedAt, Channels: d.Channels,
	}
	for _, m := range messages {
		if m.Channel == templates.Announcement {
			a.Messages = append(a.Messages, m)
		}
	}
	return a
}

// Announcements are the live public notices.
func (s *Service) Announcements(ctx context.Context, operator string) ([]Announcement, error) {
	var out []Announcement
	err := s.store.View(ctx, public(operator), func(tx Tx) (err error) {
		out, err = tx.Announcements(ctx)
		return err
	})
	return out, err
}

// public is the scope of a visitor of the public pages: the system reads for people who are nobody.
func public(operator string) evidence.Scope {
	sc := evidence.System(operator)
	sc.Roles = []string{access.Auditor}
	return sc
}
