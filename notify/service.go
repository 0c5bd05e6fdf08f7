package notify

import (
	"tocsin/internal/seal"
	"tocsin/templates"
)

// Service holds the use cases of documents, audiences and dispatches.
type Service struct {
	store   Store
	catalog *templates.Catalog
	key     *seal.Key
	codec   *Codec
	ways    []Way
}

// New makes the service. key is the operator's, for check codes and outgoing ids.
func New(store Store, catalog *templates.Catalog, key *seal.Key) *Service {
	return &Service{store: store, catalog: catalog, key: key, codec: NewCodec(key)}
}
