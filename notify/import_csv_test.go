package notify

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
)

var comma = &csvForm{delimiter: ','}

// TestCSVFieldsAgreeWithEncodingCSV writes any values with the standard library and reads them back.
func TestCSVFieldsAgreeWithEncodingCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a-z",; 姓]{0,8}`)
		want := rapid.SliceOfN(value, 1, 6).Draw(t, "values")
		var b strings.Builder
		w := csv.NewWriter(&b)
		require.NoError(t, w.Write(want))
		w.Flush()
		row := strings.TrimSuffix(b.String(), "\n")
		got, err := comma.fields(nil, row)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func FuzzCSVFields(f *testing.F) {
	for _, s := range []string{`a,b`, `"a","b""c"`, `"a`, `a"b`, `"a"b`, `,`, `"",`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, row string) {
		if strings.ContainsAny(row, "\r\n") {
			return
		}
		got, err := comma.fields(nil, row)
		r := csv.NewReader(strings.NewReader(row))
		want, wantErr := r.Read()
		if errors.Is(wantErr, io.EOF) {
			want, wantErr = []string{""}, nil
		}
		require.Equal(t, wantErr != nil, err != nil)
		if err == nil {
			require.Equal(t, want, got)
		}
	})
}

func FuzzJSONRow(f *testing.F) {
	for _, s := range []string{`{"person_key":"a"}`, `{"push":[{"id":"x"}]}`, `null`, `{"x":1}`, `{"minor":"yes"}`, `{}{}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		var r Recipient
		if jsonRow(string(row), &r) == nil && newNormaliser().normalise(&r) == nil {
			again := r
			require.Nil(t, newNormaliser().normalise(&again), "what was taken once is taken again")
			require.Equal(t, mustJSON(r), mustJSON(again))
		}
	})
}

func TestCSVHeader(t *testing.T) {
	form, err := csvHeader("person_key, Email ,phones,var.ref")
	require.NoError(t, err)
	var r Recipient
	require.Nil(t, form.decoder()(`u-1,"a@example.com; b@example.com",,7`, &r))
	require.Equal(t, Recipient{PersonKey: "u-1", Emails: []string{"a@example.com", "b@example.com"}, Vars: map[string]string{"ref": "7"}}, r)
	row := `用户,"a,b",,7`
	for pointer, want := range map[string]struct {
		name string
		at   int64
	}{"/emails/1": {"email", 4}, "/phones": {"phones", 10}, "/vars/ref": {"var.ref", 11}, "/zone": {"zone", 0}} {
		name, at := form.place(row, pointer)
		require.Equal(t, want.name, name)
		require.Equal(t, want.at, at, pointer)
	}

	for _, c := range []struct{ header, pointer, rule string }{
		{"Somebody,13900000001", "/header/0", "column"},
		{"email,emails", "/header/1", "unique"},
		{"name,locale", "/header", "identity"},
		{`"person_key`, "/header", "csv"},
		{"person_key,var.Bad Name", "/header/1", "column"},
	} {
		_, err := csvHeader(c.header)
		var f *incident.Fault
		require.ErrorAs(t, err, &f, c.header)
		require.Equal(t, incident.Invalid, f.Kind)
		require.Equal(t, []string{c.pointer, c.rule}, []string{f.Problems[0].Pointer, f.Problems[0].Rule}, c.header)
		require.NotContains(t, f.Error(), "Somebody")
	}
}

func TestLinesAreCutWhole(t *testing.T) {
	long := strings.Repeat("x", 3*maxLine)
	in := "\xef\xbb\xbfone\r\n\n  \ntwo\n" + long + "\nthree\n" + long
	l := newLineReader(iotest.OneByteReader(strings.NewReader(in)))
	type got struct {
		no   int64
		text string
		long bool
	}
	var all []got
	for {
		c, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		for _, l := range c.lines {
			all = append(all, got{l.no, string(c.buf[l.from:l.to]), l.long})
		}
	}
	require.Equal(t, []got{{1, "one", false}, {4, "two", false}, {5, "", true}, {6, "three", false}, {7, "", true}}, all)

	broken := newLineReader(io.MultiReader(strings.NewReader("one\ntwo"), iotest.ErrReader(errors.New("cut off"))))
	_, err := broken.next()
	require.ErrorContains(t, err, "cut off", "half a line is not a person")
}

func TestChunksAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(1, 5000), 0, 3000).Draw(t, "lengths")
		var b strings.Builder
		for _, n := range lengths {
			b.WriteString(strings.Repeat("x", n) + "\n")
		}
		l, total := newLineReader(strings.NewReader(b.String())), 0
		for {
			c, err := l.next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.LessOrEqual(t, len(c.lines), chunkLines)
			require.LessOrEqual(t, len(c.buf), chunkBytes+maxLine)
			for _, line := range c.lines {
				require.Equal(t, lengths[total], line.to-line.from)
				total++
			}
		}
		require.Equal(t, len(lengths), total)
	})
}
