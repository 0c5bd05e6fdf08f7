package bare

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/test/bench/sink"
)

const people = 700

func arrived(t *testing.T, door string) (c sink.Counts) {
	resp, err := http.Get("http://" + door + "/counts?again=1")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&c))
	return c
}

func reset(t *testing.T, door string) {
	resp, err := http.Post("http://"+door+"/reset?people=700", "", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

// Each way of sending reaches everybody once, and whoever is sent to twice is named.
func TestEveryWayReachesEverybody(t *testing.T) {
	s, err := sink.Start()
	require.NoError(t, err)
	addrs := s.Addrs()
	sample := []byte("To: <u00000007@example.com>\r\nSubject: a\r\n\r\n..a line with a dot\r\n" + strings.Repeat("words and words\r\n", 300))
	for _, way := range []string{"classic", "pipelining", "chunking"} {
		t.Run(way, func(t *testing.T) {
			reset(t, addrs["http"])
			m := Mail{Way: way, Addr: addrs[way], Connections: 5, People: people, Sample: sample, To: Address(7)}
			require.NoError(t, m.Send())
			c := arrived(t, addrs["http"])
			require.EqualValues(t, people, c.People)
			require.EqualValues(t, people, c.Messages)
			require.EqualValues(t, people*len(sample), c.Bytes)
			require.Empty(t, c.Again)
			m.People, m.Connections = 3, 1
			require.NoError(t, m.Send())
			require.Equal(t, []int64{0, 1, 2}, arrived(t, addrs["http"]).Again)
		})
	}
}

// A call is repeated for other people, as many as the sample has, over query and form.
func TestCallsReachEverybody(t *testing.T) {
	s, err := sink.Start()
	require.NoError(t, err)
	door := s.Addrs()["http"]
	for name, c := range map[string]Calls{
		"one number":   {Query: "Action=SendSms&PhoneNumbers=13900000042&SignatureNonce=1&Timestamp=2026&Signature=x"},
		"many devices": {Query: "Action=MassPush", Body: "PushTask.1.TargetValue=d00000001&PushTask.1.Title=a&PushTask.2.TargetValue=d00000002%2Cd00000003"},
	} {
		t.Run(name, func(t *testing.T) {
			reset(t, door)
			c.Addr, c.Workers, c.People = door, 4, people
			require.NoError(t, c.Send())
			got := arrived(t, door)
			require.EqualValues(t, people, got.People)
			require.Empty(t, got.Again)
		})
	}
}
