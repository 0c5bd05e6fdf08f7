package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newTestKey(t require.TestingT, kek KEK, owner string) *Key {
	_, key, err := NewKey(kek, owner)
	require.NoError(t, err)
	return key
}

func TestTheKeyFileIsMadeOnceAndForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "key")
	kek, err := LoadKEK(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	wrapped, key, err := NewKey(kek, "inc_1")
	require.NoError(t, err)

	again, err := LoadKEK(path)
	require.NoError(t, err)
	same, err := OpenKey(again, "inc_1", wrapped)
	require.NoError(t, err)
	plain, err := same.Open("here", key.Seal("here", []byte("x")))
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
	_, err = OpenKey(again, "inc_2", wrapped)
	require.ErrorIs(t, err, ErrOpen, "a key is wrapped for one owner")

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = LoadKEK(path)
	require.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = LoadKEK(path)
	require.ErrorContains(t, err, "32")
}

func TestSealedBytesOpenOnlyWhereTheyWereSealed(t *testing.T) {
	kek, err := LoadKEK(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	key, other := newTestKey(t, kek, "inc_1"), newTestKey(t, kek, "inc_2")
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "plain")
		sealed := key.Seal("table/1", plain)
		require.Len(t, sealed, len(plain)+28)
		got, err := key.Open("table/1", sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))
		_, err = key.Open("table/2", sealed)
		require.ErrorIs(t, err, ErrOpen)
		_, err = other.Open("table/1", sealed)
		require.ErrorIs(t, err, ErrOpen)
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1
		_, err = key.Open("table/1", sealed)
		require.ErrorIs(t, err, ErrOpen)
	})
}

func TestIndexesAndSaltsBelongToOneKeyAndUse(t *testing.T) {
	kek, err := LoadKEK(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	key, other := newTestKey(t, kek, "inc_1"), newTestKey(t, kek, "inc_2")
	require.Equal(t, key.Index("email", "a@example.com"), key.Index("email", "a@example.com"))
	require.NotEqual(t, key.Index("email", "a@example.com"), key.Index("person", "a@example.com"))
	require.NotEqual(t, key.Index("email", "a@example.com"), other.Index("email", "a@example.com"))
	require.NotEqual(t, key.Index("a", "b"), key.Index("ab", ""))
	require.NotEqual(t, key.Salt(1), key.Salt(2))
	require.NotEqual(t, key.Salt(1), other.Salt(1))
}
