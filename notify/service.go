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

	importDir string
	runOf     int // index entries of a run
	tierBits  int
	files     chan struct{} // a file waits to be imported
}

// Option changes a service.
type Option func(*Service)

// WithImportDir names the directory that files on the server are imported from.
func WithImportDir(dir string) Option { return func(s *Service) { s.importDir = dir } }

// New makes the service. key is the operator's, for check codes and outgoing ids.
func New(store Store, catalog *templates.Catalog, key *seal.Key, options ...Option) *Service {
	s := &Service{store: store, catalog: catalog, key: key, codec: NewCodec(key), files: make(chan struct{}, 1), runOf: runEntries, tierBits: tierBits}
	for _, o := range options {
		o(s)
	}
	return s
}
