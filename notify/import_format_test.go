package notify_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
	"tocsin/notify"
)

func packedWith(t testing.TB, how, text string) []byte {
	var b bytes.Buffer
	switch how {
	case "gzip":
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	case "zstd":
		w, err := zstd.NewWriter(&b)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	default:
		b.WriteString(text)
	}
	return b.Bytes()
}

func TestPackedFilesAreTheSamePeople(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	text.WriteString("\xef\xbb\xbfperson_key;name;emails\r\n")
	for i := range 3000 {
		fmt.Fprintf(&text, "u-%d;\"Example; \"\"Person\"\"\";\"a%d@example.com;b%d@example.com\"\r\n", i, i, i)
	}
	roots := map[string]bool{}
	for _, how := range []string{"plain", "gzip", "zstd"} {
		body := packedWith(t, how, text.String())
		a, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: bytes.NewReader(body), Size: int64(len(body))})
		require.NoError(t, err, how)
		require.EqualValues(t, 3000, a.Total)
		require.Equal(t, a.Size, a.Bytes, how)
		roots[a.Root] = true
		people := w.snapshot(a)
		require.Equal(t, `Example; "Person"`, people[7].Name)
		require.Equal(t, []string{"a7@example.com", "b7@example.com"}, people[7].Emails)
	}
	require.Len(t, roots, 1)

	for _, how := range []string{"gzip", "zstd"} {
		body := packedWith(t, how, text.String())
		body[len(body)-6] ^= 0x55 // the checksum
		a, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: bytes.NewReader(body)})
		require.Error(t, err, how)
		require.NotEqual(t, notify.Ready, a.State)
		require.False(t, a.Resumable, "the same bytes will not do: "+how)
	}
}

func TestLineBreaksInQuotesAndQuotesThatAreMissing(t *testing.T) {
	w := newWorld(t)
	a, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader(strings.Join([]string{
		"person_key\tname\temail",
		"u-1\t\"Example\nPerson\"\tone@example.com",
		"u-2\t\"Example Person\ttwo@example.com", // a quote is missing
		"u-3\tExample\tthree@example.com",
		"u-4\t\"Example\"\tfour@example.com",
		"u-5\t姓名\tnobody",
		"u-6\t\"never closed\tsix@example.com",
		"u-7\tExample\tseven@example.com",
	}, "\n")), nil)
	require.NoError(t, err)
	var keys []string
	for _, p := range w.snapshot(a) {
		keys = append(keys, p.PersonKey)
	}
	require.Equal(t, []string{"u-1", "u-3", "u-4", "u-7"}, keys, "a missing quote takes its own line with it and no other")
	require.Equal(t, []notify.Reject{
		{Line: 4, Rule: "csv", Message: "quotes do not match"},
		{Line: 7, Column: 8, Pointer: "email", Rule: "email", Message: "not a valid e-mail address"},
		{Line: 8, Rule: "csv", Message: "quotes do not match"},
	}, w.rejects(a))

	a, err = w.service.Import(w.ctx, rui, w.id, "people.ndjson", "ndjson", strings.NewReader(
		"{\"person_key\":\"u-1\"}\n{\"person_key\":\"u-2\", oops}\n{\"person_key\":\"u-3\",\"push\":[{\"id\":\"x\"},{\"id\":\"a b\"}]}\n"), nil)
	require.NoError(t, err)
	rejects := w.rejects(a)
	require.Equal(t, []any{int64(2), int64(22), "json"}, []any{rejects[0].Line, rejects[0].Column, rejects[0].Rule})
	require.Equal(t, []any{int64(3), "/push/1/id"}, []any{rejects[1].Line, rejects[1].Pointer})
}

// TestAnyCSVIsReadBack writes names of any kind with the standard library, over lines and chunks.
func TestAnyCSVIsReadBack(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		var b bytes.Buffer
		out := csv.NewWriter(&b)
		out.UseCRLF = rapid.Bool().Draw(rt, "crlf")
		out.Comma = rapid.SampledFrom([]rune{',', ';', '\t'}).Draw(rt, "delimiter")
		require.NoError(rt, out.Write([]string{"person_key", "name", "var.note"}))
		var want []string
		filler := strings.Repeat("x", 400)
		for i := range rapid.IntRange(1, 8).Draw(rt, "people") {
			name := rapid.StringMatching(`[a-z",;姓]([a-z",;\n姓 ]{0,8}[a-z",;姓])?`).Draw(rt, "name")
			want = append(want, strings.Join(strings.Fields(strings.ReplaceAll(name, "\n", " \n")), " "))
			if !strings.Contains(name, "\n") {
				want[i] = name
			}
			require.NoError(rt, out.Write([]string{fmt.Sprint(i), name, filler}))
		}
		out.Flush()
		a, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", &b, nil)
		require.NoError(rt, err)
		var got []string
		for _, p := range w.snapshot(a) {
			got = append(got, p.Name)
		}
		require.Equal(rt, want, got)
	})
}

func TestFileOnTheServerIsImportedOverARestart(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	lines, kept := []string{"person_key,email\n"}, 30_000
	for i := range kept {
		lines = append(lines, fmt.Sprintf("u-%d,p%d@example.com\n", i, i))
	}
	text := strings.Join(lines, "")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "people.csv.zst"), packedWith(t, "zstd", text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.csv"), []byte("who,what\n"), 0o600))
	secret := filepath.Join(t.TempDir(), "secret.csv")
	require.NoError(t, os.WriteFile(secret, []byte(text), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "link.csv")))
	key, err := w.db.OperatorKey(w.ctx, "acme")
	require.NoError(t, err)
	w.fault(incident.Unsupported, second(w.service.ImportFile(w.ctx, rui, w.id, "people.csv.zst", "", "")))
	w.service = notify.New(w.store, w.catalog, key, notify.WithImportDir(dir))
	for _, name := range []string{"none.csv", "../secret.csv", secret, "link.csv", ".", ""} {
		w.fault(incident.NotFound, second(w.service.ImportFile(w.ctx, rui, w.id, name, "", "")))
	}
	bad, err := w.service.ImportFile(w.ctx, rui, w.id, "bad.csv", "", "")
	require.NoError(t, err)
	a, err := w.service.ImportFile(w.ctx, rui, w.id, "people.csv.zst", "", "")
	require.NoError(t, err)
	require.Equal(t, []any{notify.Importing, true}, []any{a.State, a.Waiting})

	until := func(id string, enough func(notify.Audience) bool) (a notify.Audience) {
		require.Eventually(t, func() bool {
			var err error
			a, err = w.service.Audience(w.ctx, rui, id)
			require.NoError(t, err)
			return enough(a)
		}, time.Minute, time.Millisecond)
		return a
	}
	work := func(ctx context.Context) <-chan error {
		done := make(chan error, 1)
		go func() { done <- w.service.RunImports(ctx, system) }()
		return done
	}
	ctx, stop := context.WithCancel(w.ctx)
	done := work(ctx)
	until(a.ID, func(a notify.Audience) bool { return a.Rows > 0 })
	stop()
	require.NoError(t, <-done)

	ctx, stop = context.WithCancel(w.ctx)
	done = work(ctx)
	a = until(a.ID, func(a notify.Audience) bool { return a.State != notify.Importing })
	stop()
	require.NoError(t, <-done)
	require.Equal(t, []any{notify.Ready, int64(kept)}, []any{a.State, a.Total})
	w.snapshot(a)
	bad, err = w.service.Audience(w.ctx, rui, bad.ID)
	require.NoError(t, err)
	require.Equal(t, notify.Broken, bad.State)
	require.Contains(t, bad.Error, "/header/0")
}
