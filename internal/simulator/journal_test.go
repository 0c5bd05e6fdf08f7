package simulator

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The tally counts what a plain map counts, for every mix of people, ids and repetitions.
func TestTallyCountsLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := newJournal(3, 0)
		byID, byPerson := map[[2]string]int{}, map[string]int{}
		for range rapid.IntRange(1, 400).Draw(t, "messages") {
			who := fmt.Sprintf("user%d@people.example", rapid.IntRange(0, 60).Draw(t, "person"))
			id := fmt.Sprintf("1.%d", rapid.IntRange(0, 3).Draw(t, "id"))
			j.accept("email", relay, []byte(who), []byte(id), func() Entry { return Entry{} })
			byID[[2]string{who, id}]++
			byPerson[who]++
		}
		var repeated, most int
		for k, n := range byID {
			require.Equal(t, n, j.Count("email", k[0], k[1]))
			repeated += n - 1
			most = max(most, n)
		}
		for who, n := range byPerson {
			require.Equal(t, n, j.Count("email", who, ""))
		}
		require.Zero(t, j.Count("email", "nobody@people.example", ""))
		sum := j.Summary().Channels["email"]
		require.EqualValues(t, len(byID), sum.Deliveries)
		require.EqualValues(t, len(byPerson), sum.Recipients)
		require.EqualValues(t, repeated, sum.Repeated)
		require.EqualValues(t, most, sum.Most)
		exported := map[Key]uint32{}
		j.Each(func(k Key, n uint32) bool { exported[k] = n; return true })
		require.Len(t, exported, len(byID))
		for k, n := range byID {
			require.EqualValues(t, n, exported[KeyOf("email", k[0], k[1])])
		}
		listed := 0
		for _, r := range j.Repeats(0, 1000) {
			listed += int(r.Times) - 1
			require.EqualValues(t, byID[[2]string{r.Recipient, r.ID}], r.Times)
		}
		require.Equal(t, repeated, listed)
	})
}

// A delivery takes at most 25 bytes, however many there are.
func TestJournalStaysSmall(t *testing.T) {
	j := newJournal(1, 1000)
	const people = 500_000
	for i := range people {
		j.accept("email", relay, fmt.Appendf(nil, "user%d@people.example", i), []byte("1.1.em.abc"), func() Entry { return Entry{} })
	}
	slots := 0
	for i := range j.counts.shards {
		slots += cap(j.counts.shards[i].slots)
	}
	require.EqualValues(t, people, j.Summary().Channels["email"].Deliveries, "no two share a key")
	require.LessOrEqual(t, slots*16/people, 25)
	require.Len(t, j.Recent("", ""), 1)
}

// The export can be computed by others: FNV-1a as everybody has it.
func TestKeyVector(t *testing.T) {
	require.Equal(t, Key{Person: 0x2f301c28a411e005, ID: 0x6a258581}, KeyOf("email", "user@people.example", "1.1.em.abc"))
	require.Equal(t, KeyOf("sms", "13900000001", "x"), KeyOf("sms", "+8613900000001", "x"))
	require.NotEqual(t, KeyOf("sms", "+85290000001", "x"), KeyOf("sms", "+85390000001", "x"))
}
