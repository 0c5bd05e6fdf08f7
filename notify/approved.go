package notify

import (
	"context"
	"errors"

	"tocsin/templates"
)

// ErrChanged says that what is frozen is not what was approved. Nothing of it is sent.
var ErrChanged = errors.New("frozen messages differ from what was approved")

// ApprovedMessages reads a dispatch's messages and checks them, the audience's snapshot and the plan
// against the approved digest. Who sends calls it before preparing anything.
func ApprovedMessages(ctx context.Context, tx Tx, d Dispatch) ([]FrozenMessage, error) {
	return approvedMessages(ctx, tx, d)
}

func approvedMessages(ctx context.Context, tx Tx, d Dispatch) ([]FrozenMessage, error) {
	frozen, err := tx.Messages(ctx, d.Notice, d.Version)
	if err != nil {
		return nil, err
	}
	messages := make([]templates.Message, len(frozen))
	for i, f := range frozen {
		if f.Hash != hashJSON(f.Message) {
			return nil, ErrChanged
		}
		messages[i] = f.Message
	}
	var a Audience
	if d.Audience != "" {
		if a, err = tx.Audience(ctx, d.Audience); err != nil {
			return nil, err
		}
	}
	if len(messages) == 0 || MakeDigest(messages, a.Root, PlanHash(d.Channels, d.Audience, a.Total, d.Course)).All != d.Digest {
		return nil, ErrChanged
	}
	return frozen, nil
}
