package notify

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSuspicionForgetsNobody notes a million identities: each is suspected when it comes again, and few others.
func TestSuspicionForgetsNobody(t *testing.T) {
	const people = 1_000_000
	identity := func(seed uint64) func() blind {
		r := rand.NewChaCha8([32]byte{byte(seed)})
		return func() (b blind) { _, _ = r.Read(b[:]); return b }
	}
	var s suspicion
	next, wrong := identity(1), 0
	for range people {
		if s.add(next()) {
			wrong++
		}
	}
	t.Logf("%d of %d suspected for nothing", wrong, people)
	require.Less(t, wrong, people/300)
	next = identity(1)
	for range people {
		if !s.add(next()) {
			require.Fail(t, "somebody is forgotten")
		}
	}
}
