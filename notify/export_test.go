package notify

// WithRunsOf makes the runs of an audience's index small.
func WithRunsOf(entries int) Option {
	return func(s *Service) { s.runOf, s.tierBits = entries, 1 }
}
