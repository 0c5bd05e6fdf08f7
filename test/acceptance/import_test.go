package acceptance

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// imported is what the tests read of an audience.
type imported struct {
	ID, State, Root, Error                           string
	Resumable                                        bool
	Rows, Line, Total, Duplicates, Rejected, Dropped int64
}

// outcome is what an import came to, whatever happened on the way.
func (a imported) outcome() imported {
	a.ID = ""
	return a
}

// imports is the incident's newest audience.
func (h *house) imports(id string) (a imported) {
	var list struct{ Audiences []imported }
	h.must(h.worker, http.MethodGet, "/incidents/"+id+"/audiences", nil, &list)
	if len(list.Audiences) > 0 {
		a = list.Audiences[0]
	}
	return a
}

// upload sends the first part of a file and no more, until stop is called; that waits for the client to notice.
func (h *house) upload(path string, part []byte) (stop func()) {
	hold, half := io.Pipe()
	go func() { _, _ = half.Write(part) }()
	req, err := http.NewRequest(http.MethodPost, "http://"+h.addr+"/api/v1"+path, hold)
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "Bearer "+h.worker)
	req.Header.Set("Content-Type", "text/csv")
	broken := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		broken <- err
	}()
	return func() {
		require.NoError(h.t, half.CloseWithError(io.ErrUnexpectedEOF)) // the client waits for its body's reader
		require.Error(h.t, <-broken)
	}
}

// TestKilledImportGoesOn ends the service with kill -9 twice in the middle of an upload. Each time the audience says
// that it is not complete and cannot be sent to; the same file, sent again, goes on where the last commit was, and
// ends as an import that nobody disturbed.
func TestKilledImportGoesOn(t *testing.T) {
	t.Parallel()
	const people = 30_000
	h := newHouse(t)
	id := h.report(leak("import"))
	var file bytes.Buffer
	file.WriteString("person_key,email\n")
	for i := range people {
		fmt.Fprintf(&file, "u-%06d,user%d@example.com;nobody\n", i, i)
		if i == 20_000 {
			file.WriteString("u-000007,again@example.com\nu-x,nobody\n")
		}
	}
	var whole imported
	h.must(h.worker, http.MethodPost, "/incidents/"+id+"/audience", file.Bytes(), &whole, "Content-Type", "text/csv")
	require.Equal(t, []int64{people, 1, 1, people}, []int64{whole.Total, whole.Duplicates, whole.Rejected, whole.Dropped})
	notice := h.draft(id)

	path, before := "/incidents/"+id+"/audience", imported{}
	for _, part := range []int{3, 1} {
		stop := h.upload(path, file.Bytes()[:file.Len()-part*file.Len()/4])
		h.until("a commit", time.Minute, func() bool { now := h.imports(id); return now.ID != whole.ID && now.Rows > before.Rows })
		h.service.kill()
		stop()
		h.serve()
		var a imported
		h.until("the import to be known as broken off", time.Minute, func() bool { a = h.imports(id); return a.Resumable })
		require.Equal(t, "failed", a.State)
		require.Greater(t, a.Rows, before.Rows, "what was committed is not lost")
		require.Less(t, a.Line, int64(people))
		status, raw, err := h.call(h.worker, http.MethodPost, "/notices/"+notice.ID+"/submit", map[string]any{"audience": a.ID}, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusConflict, status, "half an audience is no audience: %s", raw)
		path, before = "/incidents/"+id+"/audience?resume="+url.QueryEscape(a.ID), a
	}
	var a imported
	h.must(h.worker, http.MethodPost, path, file.Bytes(), &a, "Content-Type", "text/csv")
	require.Equal(t, whole.outcome(), a.outcome())
}

// TestKilledImportOfAFileGoesOn ends the service with kill -9 twice while it reads a file of its own, once while it
// merges runs of the index. It goes on by itself after each start.
func TestKilledImportOfAFileGoesOn(t *testing.T) {
	t.Parallel()
	const people, addresses = 54_000, 16 // indexes for eight runs at least, which are merged
	dir := t.TempDir()
	var file bytes.Buffer
	file.WriteString("person_key,emails,phones\n")
	for i := range people {
		fmt.Fprintf(&file, "u-%06d,", i)
		for n := range addresses {
			fmt.Fprintf(&file, "u%dx%d@example.com;", i, n)
		}
		file.WriteByte(',')
		for n := range addresses {
			fmt.Fprintf(&file, "139%02d%06d;", n, i)
		}
		file.WriteByte('\n')
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "people.csv"), file.Bytes(), 0o600))
	h := newHouse(t, "TOCSIN_IMPORT_DIR="+dir)
	id := h.report(leak("import-file"))
	var whole imported
	h.must(h.worker, http.MethodPost, "/incidents/"+id+"/audience", file.Bytes(), &whole, "Content-Type", "text/csv")
	require.EqualValues(t, people, whole.Total)

	var a imported
	h.must(h.worker, http.MethodPost, "/incidents/"+id+"/audience?file=people.csv", nil, &a)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.data, "tocsin.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	runs := func() (n int) {
		row := db.QueryRow("SELECT count(*) FROM audience_run WHERE audience_no = (SELECT no FROM audience WHERE id = ?)", a.ID)
		require.NoError(t, row.Scan(&n))
		return n
	}
	h.until("the second run", time.Minute, func() bool { return runs() >= 2 })
	h.service.kill()
	h.serve()
	h.until("a merge", time.Minute, func() bool { return runs() >= 9 })
	h.service.kill()
	require.Equal(t, "importing", func() (state string) { h.serve(); return h.imports(id).State }(), "it waits to be gone on with, and says so")
	h.until("the import", time.Minute, func() bool { a = h.imports(id); return a.State != "importing" })
	require.Equal(t, whole.outcome(), a.outcome())
	require.Less(t, runs(), 9, "what was merged is gone")
}
