package notify

import (
	"context"
	"slices"

	"tocsin/incident"
)

// Genuine answers the check page: whether code belongs to a notice of ours. The answer is the same for
// every valid code of a notice and takes the same time for every invalid one.
func (s *Service) Genuine(ctx context.Context, operator, code string) (*Announcement, bool, error) {
	no, seq, ok := s.codec.ParseCode(code)
	var found *Announcement
	err := s.store.View(ctx, public(operator), func(tx Tx) error {
		d, err := tx.DispatchByNo(ctx, no) // asked for wrong codes too: whatever number they decode to
		if err != nil && !incident.IsFault(err, incident.NotFound) {
			return err
		}
		live, listErr := tx.Announcements(ctx)
		if listErr != nil {
			return listErr
		}
		if !ok || err != nil || seq >= d.Total {
			return nil
		}
		i := slices.IndexFunc(live, func(a Announcement) bool { return a.No == d.Reference() })
		if i >= 0 {
			found = &live[i]
			return nil
		}
		a := announcementOf(d, nil) // sent without a page of its own: the number, since when, on which ways
		found = &a
		return nil
	})
	return found, found != nil, err
}
