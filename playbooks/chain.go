package playbooks

import (
	"context"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// canBeFiled says that there may be filings of a document: an untouched draft has none.
func canBeFiled(d notify.Document) bool {
	return d.Kind == templates.Report && (d.State != notify.DocDraft || d.ReturnReason != "")
}

// chains are, per duty, the steps in which it was filed: spoken, written, confirmed, returned.
func chains(ctx context.Context, tx Tx, id incident.ID) (map[string][]notify.Filing, error) {
	docs, err := tx.Documents(ctx, id)
	if err != nil {
		return nil, err
	}
	out := map[string][]notify.Filing{}
	for _, doc := range docs {
		if !canBeFiled(doc) {
			continue
		}
		filings, err := tx.Filings(ctx, doc.ID)
		if err != nil {
			return nil, err
		}
		for _, duty := range doc.Duties {
			out[duty] = append(out[duty], filings...)
		}
	}
	return out, nil
}
