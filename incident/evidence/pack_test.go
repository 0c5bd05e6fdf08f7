package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var at = time.Date(2026, 3, 1, 2, 0, 0, 123000, time.UTC)

func salt(seq int64) []byte { return fmt.Appendf(nil, "salt-%d", seq) }

// samplePack is a small incident: an approved notice to three people, two reached, one not.
func samplePack(t require.TestingT) []byte {
	message := []byte(`{"channel":"email","locale":"en"}`)
	m := &measure{h: sha256.New()}
	m.Write(message)
	hash := m.file("").SHA256
	kept, root := EncodeEvents([]DeliveryEvent{
		{Seq: 0, Channel: "email", Attempt: 1, State: "accepted", Class: "ACCEPTED", Code: "250", At: at},
		{Seq: 1, Channel: "email", Attempt: 1, State: "accepted", Class: "ACCEPTED", Code: "250", Doubt: true, At: at},
		{Seq: 2, Channel: "email", Attempt: 1, State: "failed", Class: "RCPT_PERM", Code: "5.1.1", At: at},
	})
	ann := Actor{Person, "usr_ann"}
	digest := approvedDigest(string(message))
	drafts := []Draft{
		{Kind: "incident.recorded", Commit: map[string]string{"title": "Leak at the warehouse"}},
		{Kind: "document.approved", Refs: map[string]string{"document": "ntc_1", "digest": digest}},
		{Kind: "dispatch.started", Refs: map[string]string{"dispatch": "dsp_1", "count": "3"}},
		{Kind: "delivery.batch", Refs: map[string]string{"dispatch": "dsp_1", "batch": "1", "root": root}},
	}
	var buf bytes.Buffer
	p := NewPacker(&buf, "acme", "inc_1", at)
	require.NoError(t, p.Add(LedgerFile, func(w io.Writer) error {
		var prev *Entry
		enc := json.NewEncoder(w)
		for _, d := range drafts {
			d.Chain = "inc_1"
			e := Link(prev, d, ann, at, salt)
			prev = &e
			if err := enc.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, p.Add(BatchesFile, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(NewPackedBatch("dsp_1", 1, "outcomes", root, kept))
	}))
	require.NoError(t, p.Add(MessagesDir+hash+".json", func(w io.Writer) error { _, err := w.Write(message); return err }))
	require.NoError(t, p.AddJSON(SummaryFile, Summary{
		Documents:  []PackedDocument{{ID: "ntc_1", State: "dispatched", Digest: digest, Renderer: "1", Messages: []string{hash}, Audience: "root", Plan: "plan", Approvals: []string{"usr_ann"}}},
		Dispatches: []PackedDispatch{{ID: "dsp_1", Total: 3, States: map[string]int64{"accepted": 2, "failed": 1}}},
	}))
	require.NoError(t, p.Close())
	return buf.Bytes()
}

// approvedDigest is written out here so that the test does not trust the code it tests.
func approvedDigest(message string) string {
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	messages := sum(`{"renderer":"1","messages":[` + message + `]}`)
	return sum(`{"messages":"` + messages + `","audience":"root","plan":"plan","all":""}`)
}

func verify(t require.TestingT, pack []byte) *Verified {
	v, err := Verify(bytes.NewReader(pack), int64(len(pack)))
	require.NoError(t, err)
	return v
}

func TestPackVerifies(t *testing.T) {
	v := verify(t, samplePack(t))
	require.Empty(t, v.Faults)
	require.EqualValues(t, 4, v.Entries)
	require.EqualValues(t, 3, v.Events)
	require.EqualValues(t, 1, v.Duplicates)
	require.Equal(t, samplePack(t), samplePack(t), "the same contents give the same bytes")
}

// Every byte of the file is flipped in turn, so no corner of the container is free.
func TestEveryChangedByteIsFound(t *testing.T) {
	pack := samplePack(t)
	step := 1
	if testing.Short() {
		step = 11
	}
	for i := 0; i < len(pack); i += step {
		bad := bytes.Clone(pack)
		bad[i] ^= 0x01
		require.NotEmpty(t, verify(t, bad).Faults, "byte %d", i)
	}
	require.NotEmpty(t, verify(t, append(bytes.Clone(pack), 0)).Faults, "a byte after the end")
	require.NotEmpty(t, verify(t, pack[:len(pack)-1]).Faults, "cut short")
}

func TestTheChangedEntryIsNamed(t *testing.T) {
	pack := samplePack(t)
	for _, c := range []struct{ change, to, names string }{
		{`"document":"ntc_1"},"prev"`, `"document":"ntc_2"},"prev"`, "ledger entry 2 (document.approved)"},
		{`"count":"3"`, `"count":"4"`, "ledger entry 3 (dispatch.started)"},
		{`"kind":"outcomes"`, `"kind":"outcomez"`, BatchesFile},
		{`"locale":"en"`, `"locale":"fr"`, MessagesDir},
	} {
		bad := bytes.Replace(pack, []byte(c.change), []byte(c.to), 1)
		require.False(t, bytes.Equal(pack, bad), c.change)
		f := verify(t, bad).Faults
		require.NotEmpty(t, f)
		require.True(t, strings.HasPrefix(f[0].Entry, c.names), "%v", f)
	}
}

// A pack made anew around a forged ledger has right hashes in the manifest; the chain still tells.
func TestAForgedPackContradictsItself(t *testing.T) {
	e1 := Link(nil, Draft{Chain: "inc_1", Kind: "incident.recorded"}, Actor{Tool, "tok_1"}, at, salt)
	e2 := Link(&e1, Draft{Chain: "inc_1", Kind: "document.approved", Refs: map[string]string{"digest": "d1"}}, Actor{Person, "usr_a"}, at, salt)
	e3 := Link(&e2, Draft{Chain: "inc_1", Kind: "report.filed"}, Actor{Person, "usr_b"}, at, salt)
	build := func(summary Summary, entries ...Entry) []byte {
		var buf bytes.Buffer
		p := NewPacker(&buf, "acme", "inc_1", at)
		require.NoError(t, p.Add(LedgerFile, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			for _, e := range entries {
				if err := enc.Encode(e); err != nil {
					return err
				}
			}
			return nil
		}))
		require.NoError(t, p.AddJSON(SummaryFile, summary))
		require.NoError(t, p.Close())
		return buf.Bytes()
	}
	require.Empty(t, verify(t, build(Summary{}, e1, e2, e3)).Faults)
	require.Contains(t, verify(t, build(Summary{}, e1, e3)).Faults[0].What, "removed")
	require.Contains(t, verify(t, build(Summary{}, e1, e3, e2)).Faults[0].What, "removed, added or moved")
	claims := Summary{Documents: []PackedDocument{{ID: "rpt_1", Digest: "d1", Approvals: []string{"usr_b"}}},
		Dispatches: []PackedDispatch{{ID: "dsp_9", Total: 5, States: map[string]int64{"accepted": 4}}}}
	faults := fmt.Sprint(verify(t, build(claims, e1, e2, e3)).Faults)
	require.Contains(t, faults, "no approval of this digest by usr_b")
	require.Contains(t, faults, "add up to 4, not to its 5 people")
	require.Contains(t, faults, "claims 4 people reached, the delivery events prove 0")
}

func TestEventsSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOf(rapid.Custom(func(t *rapid.T) DeliveryEvent {
			return DeliveryEvent{
				Seq: rapid.Int64Range(0, 1e9).Draw(t, "seq"), Attempt: rapid.IntRange(1, 9).Draw(t, "attempt"),
				Channel: rapid.SampledFrom([]string{"email", "sms", "push"}).Draw(t, "channel"),
				State:   rapid.SampledFrom([]string{"accepted", "failed"}).Draw(t, "state"),
				Class:   rapid.String().Draw(t, "class"), Code: rapid.String().Draw(t, "code"), Doubt: rapid.Bool().Draw(t, "doubt"), Address: rapid.IntRange(0, 20).Draw(t, "address"),
				Provider: rapid.SampledFrom([]string{"", "relay", "aliyun"}).Draw(t, "provider"), ProviderID: rapid.String().Draw(t, "id"),
				At: time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC(),
			}
		})).Draw(t, "events")
		kept, root := EncodeEvents(events)
		got, again, err := DecodeEvents(kept)
		require.NoError(t, err)
		require.Equal(t, root, again)
		require.ElementsMatch(t, events, got)
		to := rapid.Int64Range(0, 1e9).Draw(t, "to")
		some, err := EventsOf(kept, 3, to)
		require.NoError(t, err)
		require.ElementsMatch(t, slices.DeleteFunc(got, func(e DeliveryEvent) bool { return e.Seq < 3 || e.Seq >= to }), some)
	})
}

// TestBatchesOfBefore reads a batch as it was kept before providers were, with the root that is in ledgers.
func TestBatchesOfBefore(t *testing.T) {
	kept, err := hex.DecodeString("240701f6a1d5be9afba5060003736d73086163636570746564084143434550544544024f4b" +
		"29ac0202f6a1d5be9afba5060105656d61696c066661696c656409524350545f5045524d05352e312e31")
	require.NoError(t, err)
	events, root, err := DecodeEvents(kept)
	require.NoError(t, err)
	require.Equal(t, "9d8eceb79cc4bb2360046a038cbb98398db0f0a6a4bcc7a1c286edb1f73e1514", root)
	require.Len(t, events, 2)
	require.Equal(t, DeliveryEvent{Seq: 300, Channel: "email", Attempt: 2, State: "failed", Class: "RCPT_PERM", Code: "5.1.1", Doubt: true, At: events[1].At}, events[1])
	_, again := EncodeEvents(events)
	require.Equal(t, root, again)
}

func FuzzDecodeEvents(f *testing.F) {
	kept, _ := EncodeEvents([]DeliveryEvent{{Seq: 7, Channel: "sms", Attempt: 1, State: "accepted", At: at}})
	f.Add(kept)
	f.Fuzz(func(t *testing.T, b []byte) {
		events, root, err := DecodeEvents(b)
		if err != nil {
			return
		}
		kept, again := EncodeEvents(events)
		require.Equal(t, root, again, "one event has one encoding")
		_, again, err = DecodeEvents(kept)
		require.NoError(t, err)
		require.Equal(t, root, again)
	})
}
