package evidence

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// eventsOf are n events of n recipients, the last of them about recipient 0 again.
func eventsOf(n int) []DeliveryEvent {
	events := make([]DeliveryEvent, n)
	for i := range events {
		events[i] = DeliveryEvent{Seq: int64(i % max(n-1, 1)), Channel: "email", Attempt: i + 1, State: "accepted", Class: "ACCEPTED", Provider: "relay", At: at}
	}
	return events
}

func TestEveryEventOfABatchIsProven(t *testing.T) {
	var again EventBatch
	for n := 1; n <= 70; n++ {
		kept, root := EncodeEvents(eventsOf(n))
		again.Reset()
		for _, e := range eventsOf(n) {
			again.Add(&e)
		}
		_, same := again.Encode()
		require.Equal(t, root, same, "a batch built in memory that was used before")
		for seq := range int64(n) {
			proven, err := ProveEvents(kept, seq, "")
			require.NoError(t, err)
			for _, p := range proven {
				leaf, err := hex.DecodeString(p.Leaf)
				require.NoError(t, err)
				require.Equal(t, root, p.Root)
				require.NoError(t, VerifyEvent(root, leaf, p.Index, p.Size, p.Path), "event %d of %d", p.Index, n)
			}
		}
	}
	kept, _ := EncodeEvents(eventsOf(9))
	both, err := ProveEvents(kept, 0, "email")
	require.NoError(t, err)
	require.Len(t, both, 2, "every event of the recipient")
	none, err := ProveEvents(kept, 0, "sms")
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestAPathBindsLeafAndPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 300).Draw(t, "n")
		kept, root := EncodeEvents(eventsOf(n))
		proven, err := ProveEvents(kept, rapid.Int64Range(0, int64(n)-2).Draw(t, "seq"), "")
		require.NoError(t, err)
		p := proven[0]
		leaf, err := hex.DecodeString(p.Leaf)
		require.NoError(t, err)
		other := bytes.Clone(leaf)
		other[rapid.IntRange(0, len(leaf)-1).Draw(t, "byte")] ^= 1
		require.Error(t, VerifyEvent(root, other, p.Index, p.Size, p.Path))
		elsewhere := rapid.Int64Range(-1, int64(n)).Filter(func(i int64) bool { return i != p.Index }).Draw(t, "index")
		require.Error(t, VerifyEvent(root, leaf, elsewhere, p.Size, p.Path))
		require.Error(t, VerifyEvent(root, leaf, p.Index, p.Size, p.Path[:len(p.Path)-1]))
		require.Error(t, VerifyEvent(root, leaf, p.Index, p.Size, append(p.Path[:len(p.Path):len(p.Path)], root)))
	})
}

// provenPack is a proof about recipient 1 and the pack of the same incident.
func provenPack(t *testing.T) (Proof, []byte) {
	kept, root := EncodeEvents(eventsOf(5))
	var chain []Entry
	add := func(kind string, refs map[string]string) {
		var prev *Entry
		if len(chain) > 0 {
			prev = &chain[len(chain)-1]
		}
		chain = append(chain, Link(prev, Draft{Chain: "inc_1", Kind: kind, Refs: refs}, Actor{Machine, "tocsin"}, at, salt))
	}
	add("dispatch.started", map[string]string{"dispatch": "dsp_1", "count": "5"})
	add("delivery.batch", map[string]string{"dispatch": "dsp_1", "batch": "1", "kind": "outcomes", "root": root, "count": "5"})
	var buf bytes.Buffer
	p := NewPacker(&buf, "acme", "inc_1", at)
	require.NoError(t, p.Add(LedgerFile, func(w io.Writer) error {
		for _, e := range chain {
			if err := json.NewEncoder(w).Encode(e); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, p.Add(BatchesFile, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(NewPackedBatch("dsp_1", 1, "outcomes", root, kept))
	}))
	require.NoError(t, p.AddJSON(SummaryFile, Summary{}))
	require.NoError(t, p.Close())
	proven, err := ProveEvents(kept, 1, "")
	require.NoError(t, err)
	proven[0].Entry = chain[1]
	return Proof{Format: ProofFormat, Operator: "acme", Incident: "inc_1", Dispatch: "dsp_1", Recipient: 1, MadeAt: at, Head: Head{2, chain[1].Hash}, Events: proven}, buf.Bytes()
}

func TestAProofNamesWhatIsWrong(t *testing.T) {
	whole, pack := provenPack(t)
	kept, err := json.Marshal(whole)
	require.NoError(t, err)
	again := func() (p Proof) {
		require.NoError(t, json.Unmarshal(kept, &p))
		return p
	}
	require.Empty(t, VerifyProof(again()), "as it comes out of a file")
	faults, err := HoldAgainst(again(), bytes.NewReader(pack), int64(len(pack)))
	require.NoError(t, err)
	require.Empty(t, faults)

	for want, change := range map[string]func(p *Proof, e *ProvenEvent){
		"not a proof of the format":         func(p *Proof, _ *ProvenEvent) { p.Format = "other/1" },
		"proves nothing":                    func(p *Proof, _ *ProvenEvent) { p.Events = nil },
		"leaf is not readable":              func(_ *Proof, e *ProvenEvent) { e.Leaf = "zz" },
		"leaf is damaged":                   func(_ *Proof, e *ProvenEvent) { e.Leaf = e.Leaf[:4] },
		"does not say what its leaf says":   func(_ *Proof, e *ProvenEvent) { e.Event.State = "read" },
		"about recipient 1, not 2":          func(p *Proof, _ *ProvenEvent) { p.Recipient = 2 },
		"about another channel":             func(p *Proof, _ *ProvenEvent) { p.Channel = "sms" },
		"not in its batch":                  func(_ *Proof, e *ProvenEvent) { e.Path[0] = e.Root },
		"does not match its content":        func(_ *Proof, e *ProvenEvent) { e.Entry.Refs["batch"] = "2" },
		"about something else":              func(p *Proof, _ *ProvenEvent) { p.Dispatch = "dsp_2" },
		"holds the root of another batch":   func(_ *Proof, e *ProvenEvent) { e.Size = 6 },
		"not before the head of the ledger": func(p *Proof, _ *ProvenEvent) { p.Head.Hash = p.Events[0].Root },
		"in the order of the ledger": func(p *Proof, e *ProvenEvent) {
			first := *e
			first.Entry.Seq = 7
			p.Events = []ProvenEvent{first, *e}
		},
	} {
		p := again()
		change(&p, &p.Events[0])
		require.Contains(t, fmt.Sprint(VerifyProof(p)), want)
	}
}

// TestAForgedProofDoesNotMatchThePack: who makes up an event can make up a batch and an entry around it, but
// not put the entry into the incident's chain.
func TestAForgedProofDoesNotMatchThePack(t *testing.T) {
	p, pack := provenPack(t)
	kept, root := EncodeEvents([]DeliveryEvent{{Seq: 1, Channel: "email", Attempt: 1, State: "read", Class: "READ", At: at}})
	forged, err := ProveEvents(kept, 1, "")
	require.NoError(t, err)
	first := p.Events[0].Entry
	forged[0].Entry = Link(&Entry{Seq: 1, Hash: first.Prev}, Draft{Chain: "inc_1", Kind: "delivery.batch",
		Refs: map[string]string{"dispatch": "dsp_1", "batch": "1", "root": root, "count": strconv.Itoa(1)}}, Actor{Machine, "tocsin"}, at, salt)
	p.Events, p.Head = forged, Head{2, forged[0].Entry.Hash}
	require.Empty(t, VerifyProof(p))
	faults, err := HoldAgainst(p, bytes.NewReader(pack), int64(len(pack)))
	require.NoError(t, err)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, "no such entry")
	damaged := bytes.Clone(pack)
	damaged[len(damaged)/2] ^= 1
	faults, err = HoldAgainst(p, bytes.NewReader(damaged), int64(len(damaged)))
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(faults), "proves nothing")
}
