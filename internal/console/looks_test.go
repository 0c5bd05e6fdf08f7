package console

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Pages are compiled when they are first shown, so a fault in one must be found here.
func TestEveryPageCompiles(t *testing.T) {
	t.Parallel()
	l, err := loadLooks(assets{})
	require.NoError(t, err)
	for _, locale := range locales {
		require.NotEmpty(t, l.pages[locale])
		for name, page := range l.pages[locale] {
			_, err := page()
			require.NoError(t, err, name)
		}
	}
}
