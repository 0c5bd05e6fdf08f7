package notify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// TestABadValueCostsNobodyTheOthers holds who is kept of lines with addresses, locales or zones that are none, without
// what, and what is said of it.
func TestABadValueCostsNobodyTheOthers(t *testing.T) {
	const dropped, unknown = notify.AddressDropped, notify.ValueDropped
	for _, c := range []struct {
		name, line    string
		kept          bool
		emails        []string // of who is told first
		phones        []string
		pointer, rule string // of the first finding; "": there is none
		findings      int
	}{
		{"the second is bad", `{"person_key":"a","emails":["a@example.com","nobody"]}`, true, []string{"a@example.com"}, nil, "/emails/1", dropped, 1},
		{"the first is bad, nothing else tells who it is", `{"emails":["nobody","a@example.com"]}`, true, []string{"a@example.com"}, nil, "/emails/0", dropped, 1},
		{"another channel is good", `{"person_key":"a","emails":["nobody"],"phones":["12","13900000001"]}`, true, nil, []string{"+8613900000001"}, "/emails/0", dropped, 2},
		{"a device is bad", `{"person_key":"a","emails":["a@example.com"],"push":[{"id":"a b"}]}`, true, []string{"a@example.com"}, nil, "/push/0/id", dropped, 1},
		{"what is said of a bad one goes with it", `{"person_key":"a","emails":["nobody","a@example.com"],"shared":["nobody"],"verified_at":{"nobody":"2026-03-01"}}`, true,
			[]string{"a@example.com"}, nil, "/emails/0", dropped, 1},
		{"what is said of none contradicts itself", `{"person_key":"a","emails":["nobody","a@example.com"],"shared":["b@example.com"]}`, false, nil, nil, "/shared/0", "address", 1},
		{"none is left", `{"person_key":"a","emails":["nobody"]}`, false, nil, nil, "/emails/0", "email", 1},
		{"nobody knows the locale", `{"person_key":"a","emails":["a@example.com"],"locale":"nobody's"}`, true, []string{"a@example.com"}, nil, "/locale", unknown, 1},
		{"nobody knows the zone", `{"person_key":"a","emails":["a@example.com"],"zone":"Mars/nobody"}`, true, []string{"a@example.com"}, nil, "/zone", unknown, 1},
		{"a zone that is each machine's own", `{"person_key":"a","emails":["a@example.com"],"zone":"Local"}`, true, []string{"a@example.com"}, nil, "/zone", unknown, 1},
		{"neither locale nor address is one", `{"person_key":"a","emails":["nobody"],"locale":"nobody's"}`, false, nil, nil, "/emails/0", "email", 1},
		{"a region decides what law holds", `{"person_key":"a","emails":["a@example.com"],"jurisdiction":"nobody"}`, false, nil, nil, "/jurisdiction", "iso-3166", 1},
		{"none was named", `{"person_key":"a"}`, true, nil, nil, "", "", 0},
		{"a parent without a number", `{"person_key":"a","guardians":[{"name":"One"},{"name":"Two","phones":["13900000002"]}]}`, true, nil, []string{"+8613900000002"}, "/guardians/0", dropped, 1},
		{"a parent with a bad one", `{"person_key":"a","emails":["child@"],"guardians":[{"phones":["1"],"emails":["p@example.com"]}]}`, true, []string{"p@example.com"}, nil, "/emails/0", dropped, 2},
		{"no parent is left, and the child must not be told", `{"person_key":"a","emails":["child@example.com"],"guardians":[{"phones":["1"]}]}`, false, nil, nil,
			"/guardians/0/phones/0", "phone", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			lines := c.line + "\n" + `{"person_key":"z"}` + "\n"
			a, err := w.service.Import(w.ctx, rui, w.id, "people.ndjson", "ndjson", strings.NewReader(lines), nil)
			require.NoError(t, err)
			people, findings := w.snapshot(a), w.rejects(a)
			require.Equal(t, a.Rows, a.Affected+a.Rejected+a.Duplicates)
			require.Len(t, findings, c.findings)
			if c.findings > 0 {
				require.Equal(t, []any{int64(1), c.pointer, c.rule}, []any{findings[0].Line, findings[0].Pointer, findings[0].Rule})
				require.NotContains(t, findings[0].Message, "nobody")
			}
			if !c.kept {
				require.Equal(t, []int64{1, 1, 0}, []int64{a.Total, a.Rejected, a.Dropped})
				return
			}
			require.Equal(t, []int64{2, 0, int64(c.findings)}, []int64{a.Total, a.Rejected, a.Dropped})
			require.Equal(t, [][]string{c.emails, c.phones}, [][]string{people[0].Emails, people[0].Phones})
			require.Empty(t, people[0].Locale+people[0].Zone)
		})
	}
}

// TestALaterLineWithAGoodAddressCounts: a line of which no address is left must not stand for the person.
func TestALaterLineWithAGoodAddressCounts(t *testing.T) {
	w := newWorld(t)
	a, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader("person_key,email\nu-1,nobody\nu-1,one@example.com\nu-1,nobody;one@example.com\n"), nil)
	require.NoError(t, err)
	require.Equal(t, []int64{3, 1, 1, 1, 0}, []int64{a.Rows, a.Total, a.Rejected, a.Duplicates, a.Dropped}, "of a duplicate no address is missed")
	require.Equal(t, []string{"one@example.com"}, w.snapshot(a)[0].Emails)
}
