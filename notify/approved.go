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
	return approvedMessages(ctx, tx, d.Notice, d.Version, d.Audience, d.Channels, d.Digest)
}

func approvedMessages(ctx context.Context, tx Tx, notice string, version int, audience string, channels []string, digest string) ([]FrozenMessage, error) {
	frozen, err := tx.Messages(ctx, notice, version)
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
	if audience != "" {
		if a, err = tx.Audience(ctx, audience); err != nil {
			return nil, err
		}
	}
	if len(messages) == 0 || MakeDigest(messages, a.Root, Plan(channels, audience, a.Total)).All != digest {
		return nil, ErrChanged
	}
	return frozen, nil
}
