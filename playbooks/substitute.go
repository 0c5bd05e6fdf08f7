package playbooks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"tocsin/notify"
	"tocsin/playbooks/obligation"
)

// TaskSubstitute is the kind of a task to tell people in another way whom no channel of a notice has reached.
const TaskSubstitute = "substitute"

// LawNote is what a rule says about the work of a task, in its own words.
type LawNote struct {
	Rule   string            `json:"rule"`
	Text   map[string]string `json:"text"` // per locale
	Source obligation.Source `json:"source"`
}

// substitutes keeps one task for each dispatch that is done and has left people untold. Who fails after the
// task was done makes another one.
func (s *Service) substitutes(ctx context.Context, tx Tx, in *situation, all made) error {
	for _, d := range all.sent {
		if d.State != notify.DispDone {
			continue
		}
		people, _, _, err := tx.Counts(ctx, d.No)
		if err != nil {
			return err
		}
		if err := substitute(ctx, tx, in, all, d, people[notify.Failed]); err != nil {
			return err
		}
	}
	return nil
}

func substitute(ctx context.Context, tx Tx, in *situation, all made, d notify.Dispatch, untold int64) error {
	var last Task
	for _, t := range all.tasks {
		if t.Dispatch == d.ID && t.Kind == TaskSubstitute && cmp.Compare(t.ID, last.ID) > 0 {
			last = t
		}
	}
	doc := all.docs[d.Notice]
	settled := last.People
	if last.State == TaskDropped {
		settled = 0
	}
	switch {
	case last.State == TaskOpen && last.People == untold, last.State != TaskOpen && untold <= settled:
		return nil
	case last.State == TaskOpen && untold == 0:
		return endTaskOf(ctx, tx, &last.ID, TaskDropped, "")
	case last.State == TaskOpen:
		last.People, last.Title = untold, substituteTitle(untold)
		note(tx, last.Incident, "task.changed", map[string]string{"task": last.ID, "dispatch": d.ID, "count": strconv.FormatInt(untold, 10)}, nil)
		return tx.UpdateTask(ctx, last)
	}
	_, err := openTaskOf(ctx, tx, d.Incident, Task{Kind: TaskSubstitute, Title: substituteTitle(untold), Document: doc.ID, Dispatch: d.ID,
		People: untold, Duties: doc.Duties, Law: in.substituteLaw(doc.Duties), DueAt: doc.Policy.Deadline})
	return err
}

func substituteTitle(untold int64) map[string]string {
	return map[string]string{
		"zh-Hans": fmt.Sprintf("替代通知：%d 人所有渠道均未送达", untold),
		"en":      fmt.Sprintf("Substitute notice: no channel has reached %d people", untold),
	}
}

// substituteLaw is what the law of these duties says about whom its notice does not reach: the note of a
// rule that says so, and the ground on which a public communication takes the notice's place.
func (in *situation) substituteLaw(duties []string) (out []LawNote) {
	for _, d := range in.duties {
		if !slices.Contains(duties, d.ID) {
			continue
		}
		o := d.Obligation
		if o.Substitute {
			out = append(out, LawNote{Rule: o.ID, Text: o.Note, Source: o.Source})
		}
		for _, x := range o.Exemptions {
			if x.Substitute {
				out = append(out, LawNote{Rule: o.ID, Text: x.Texts, Source: x.Source})
			}
		}
	}
	return out
}
