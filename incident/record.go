package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tocsin/incident/evidence"
)

// Recorded says what a finding became.
type Recorded struct {
	ID       ID
	Created  bool
	Revision int64
	Changed  []string  // paths of facts that changed; empty for an exact repeat
	Warnings []Problem // what was left out or looks wrong
}

// The severities of a tool: they order the work and never grade.
var severities = []string{"info", "low", "medium", "high", "critical"}

// Record turns a finding into an incident, or into a revision of the one with the same identity.
// It appends "incident.recorded" or "incident.revised" to the ledger and emits the event of that name.
// A repeat changes nothing; a state older than what is held fills what is unknown.
func Record(ctx context.Context, tx Tx, f Finding) (Recorded, error) {
	facts, warnings, problems := statements(tx, f)
	if len(problems) > 0 {
		return Recorded{}, InvalidInput(problems)
	}
	id := ID(evidence.NewID("inc"))
	if f.Identity != "" {
		holder, err := tx.ClaimIdentity(ctx, f.Identity, id)
		if err != nil {
			return Recorded{}, fmt.Errorf("claim identity: %w", err)
		}
		if holder != id {
			return revise(ctx, tx, holder, f, facts, warnings)
		}
	}
	now := tx.Now()
	inc := Incident{ID: id, Operator: tx.Scope().Operator, Mode: f.Mode, State: Open, Severity: "unknown", Source: f.Source,
		CreatedAt: now, UpdatedAt: now}
	if inc.Mode == "" {
		inc.Mode = Live
	}
	facts, more := firstSignal(tx, inc.Mode, f, facts)
	facts = slices.DeleteFunc(facts, func(g Fact) bool { return !known(g) && g.At.Equal(now) })
	c := change{inc: inc, added: facts, created: true, kind: "incident.recorded", original: f.Original}
	r, err := c.commit(ctx, tx)
	r.Warnings = append(warnings, more...)
	return r, err
}

func revise(ctx context.Context, tx Tx, id ID, f Finding, facts []Fact, warnings []Problem) (Recorded, error) {
	inc, held, err := lock(ctx, tx, id)
	if err != nil {
		return Recorded{}, err
	}
	if f.Mode != "" && f.Mode != inc.Mode {
		warnings = append(warnings, Problem{Pointer: "/mode", Rule: "mode", Message: "the mode of an incident never changes; this was left out"})
	}
	c := change{inc: inc, held: held, added: facts, kind: "incident.revised", original: f.Original}
	r, err := c.commit(ctx, tx)
	r.Warnings = warnings
	return r, err
}

// statements are a finding's facts with actor, source and time, its own words among them.
func statements(tx Tx, f Finding) (facts []Fact, warnings, problems []Problem) {
	scope, now := tx.Scope(), tx.Now()
	warnings = slices.Clone(f.Warnings)
	if f.Operator != "" && f.Operator != scope.Operator {
		problems = append(problems, Problem{Pointer: "/operator", Rule: "operator", Message: "this is not the operator you are signed in for"})
	}
	title, masked := CleanTitle(f.Title)
	if title == "" {
		problems = append(problems, Problem{Pointer: "/title", Rule: "required", Message: "must not be empty"})
	}
	if masked {
		warnings = append(warnings, personalInTitle())
	}
	inputs := []FactInput{{Path: TitlePath, Value: title}}
	if summary := CleanText(f.Summary, longestText); summary != "" {
		inputs = append(inputs, FactInput{Path: SummaryPath, Value: summary})
	}
	if slices.Contains(severities, f.Severity) {
		inputs = append(inputs, FactInput{Path: SeverityPath, Value: f.Severity})
	}
	if len(f.Tags) > 0 {
		inputs = append(inputs, FactInput{Path: TagsPath, Value: plain(slices.Compact(slices.Sorted(slices.Values(f.Tags))))})
	}
	w := witness{actor: scope.Actor, source: sourceName(scope.Actor, f.Source.Tool, f.Format), at: f.RevisedAt, now: now}
	facts, more, faults := w.testify(append(inputs, f.Facts...))
	if f.RevisedAt.After(now.Add(clockSkew)) {
		warnings = append(warnings, Problem{Rule: "future", Message: "the source's own time lies in the future"})
	}
	return facts, append(warnings, more...), append(problems, faults...)
}

func personalInTitle() Problem {
	return Problem{Pointer: "/title", Rule: "personal-data", Message: "the title held what looks like personal data; it was masked"}
}

// sourceName is who a finding's facts are from. A person who passes on what a tool says is not its source.
func sourceName(actor evidence.Actor, tool, format string) string {
	switch {
	case actor.Kind == evidence.Machine && tool == "", actor.Kind != evidence.Tool && tool == SourceTocsin:
		return SourceTocsin
	case actor.Kind == evidence.Person && (tool == "" || tool == SourcePerson) && (format == "" || format == "native"):
		return SourcePerson
	case tool == "", tool == SourcePerson, tool == SourceTocsin, tool == SourceReceipt:
		if format == "" {
			return string(evidence.Tool)
		}
		return format
	}
	return CleanText(tool, longestTitle)
}

// clockSkew is how far in the future a time may lie before it looks wrong.
const clockSkew = 5 * time.Minute

// witness is who says something, and when.
type witness struct {
	actor   evidence.Actor
	source  string
	at, now time.Time // zero at: by arrival
}

// testify makes facts of inputs. A decision that only a person may take is left out when a tool says it.
func (w witness) testify(inputs []FactInput) (facts []Fact, warnings, problems []Problem) {
	for _, in := range inputs {
		e := entryOf(in.Path)
		own := in.Path == TitlePath || in.Path == SummaryPath || in.Path == SeverityPath || in.Path == TagsPath || in.Path == reasonPath
		if e == nil && !own {
			problems = append(problems, Problem{Pointer: in.Pointer, Rule: "unknown-field", Message: "there is no such fact"})
			continue
		}
		source := w.source
		if e != nil && e.PersonOnly {
			if w.actor.Kind != evidence.Person {
				if in.Value != nil {
					warnings = append(warnings, Problem{Pointer: in.Pointer, Rule: "person-only", Message: "only a named person decides this; it was left out"})
				}
				continue
			}
			source = SourcePerson
		}
		if m, ok := moment(e, in.Value); ok && m.Earliest.After(w.now.Add(clockSkew)) {
			warnings = append(warnings, Problem{Pointer: in.Pointer, Rule: "future", Message: "this time lies in the future"})
		}
		at := in.At
		if at.IsZero() {
			at = w.at
		}
		if at.IsZero() {
			at = w.now
		}
		facts = append(facts, Fact{Path: in.Path, Value: plain(in.Value), Certainty: in.Certainty, Source: source, Pointer: in.Pointer,
			At: at.UTC().Truncate(time.Microsecond), Actor: w.actor, RecordedAt: w.now})
	}
	return facts, warnings, problems
}

func moment(e *Entry, value any) (Moment, bool) {
	s, ok := value.(string)
	if e == nil || e.Type != Date || !ok {
		return Moment{}, false
	}
	return ParseMoment(s)
}

const firstSignalPath = "first_signal_at"

// firstSignal sees to it that a new incident says when tools first noticed: an earlier detection that
// the source names, or receipt. An imported record keeps what it says: it starts no clock.
func firstSignal(tx Tx, mode Mode, f Finding, facts []Fact) ([]Fact, []Problem) {
	var warnings []Problem
	now := tx.Now()
	if i := slices.IndexFunc(facts, func(g Fact) bool { return g.Path == firstSignalPath && g.Value != nil }); i >= 0 {
		m, ok := moment(entryOf(firstSignalPath), facts[i].Value)
		if ok && !m.Earliest.After(now) {
			return facts, nil
		}
		warnings = append(warnings, Problem{Pointer: facts[i].Pointer, Rule: "future", Message: "noticed after it was received: the time of receipt was taken"})
		facts = slices.Delete(facts, i, i+1)
	}
	if mode == Imported {
		return facts, warnings
	}
	first := Fact{Path: firstSignalPath, Source: SourceReceipt, At: now, RecordedAt: now, Actor: evidence.System("").Actor}
	seen := now
	if d := f.DetectedAt; !d.IsZero() && d.Before(now) {
		seen = d.UTC()
		first.Source, first.Actor = sourceName(tx.Scope().Actor, f.Source.Tool, f.Format), tx.Scope().Actor
	}
	first.Value = seen.Format(time.RFC3339Nano)
	return append(facts, first), warnings
}

func lock(ctx context.Context, tx Tx, id ID) (Incident, []Fact, error) {
	inc, err := tx.LockIncident(ctx, id)
	if err != nil {
		return Incident{}, nil, fmt.Errorf("lock incident: %w", err)
	}
	held, err := tx.Facts(ctx, id)
	if err != nil {
		return Incident{}, nil, fmt.Errorf("read facts: %w", err)
	}
	return inc, held, nil
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// keepOriginal keeps the input as it came, and the headers that carried content.
func keepOriginal(ctx context.Context, tx Tx, id ID, o *Original) error {
	if o == nil {
		return nil
	}
	files := []File{{Name: "original " + o.Reader, ContentType: o.ContentType, Body: o.Body}}
	if len(o.Header) > 0 {
		header, err := json.Marshal(o.Header)
		if err != nil {
			return fmt.Errorf("encode headers: %w", err)
		}
		files = append(files, File{Name: "original headers", ContentType: "application/json", Body: header})
	}
	for _, f := range files {
		f.ID, f.Incident, f.At = evidence.NewID("fil"), id, tx.Now()
		f.SHA256, f.Size = hashOf(f.Body), int64(len(f.Body))
		if err := tx.InsertFile(ctx, f); err != nil {
			return fmt.Errorf("keep original: %w", err)
		}
	}
	return nil
}

func revisionRefs(revision int64, changed int) map[string]string {
	return map[string]string{"revision": strconv.FormatInt(revision, 10), "count": strconv.Itoa(changed)}
}
