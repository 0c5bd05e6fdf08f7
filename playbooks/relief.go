package playbooks

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/notify"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Relief collects the four grounds on which responsibility may be lightened or not pursued under article 11
// of the CAC measures. All four are needed, and the authority decides case by case.
type Relief struct {
	Incident incident.ID       `json:"incident"`
	Title    string            `json:"title"`
	MadeAt   time.Time         `json:"made_at"`
	Source   obligation.Source `json:"source"`
	Grounds  []ReliefGround    `json:"grounds"`
	Complete bool              `json:"complete"` // nothing is missing; not that relief is due
}

// ReliefGround is one of the four, with what there is for it and what is missing.
type ReliefGround struct {
	ID       string              `json:"id"` // protection, plan, reduced, in_time
	Title    map[string]string   `json:"title"`
	Facts    []RestingFact       `json:"facts"`
	Duties   []ReliefDuty        `json:"duties,omitempty"` // of in_time
	Evidence []Proof             `json:"evidence"`
	Missing  []map[string]string `json:"missing"`
}

// ReliefDuty is one report under the measures, and whether it was in time.
type ReliefDuty struct {
	Duty      string            `json:"id"`
	Rule      string            `json:"rule"`
	Title     map[string]string `json:"title"`
	Addressee string            `json:"addressee"`
	State     obligation.State  `json:"state"`
	Deadline  *time.Time        `json:"deadline"`
	MetAt     *time.Time        `json:"met_at"`
	InTime    *bool             `json:"in_time"` // null: not met yet, or no deadline to hold it against
	Receipts  []string          `json:"receipts,omitempty"`
}

var reliefSource = obligation.Source{Title: "国家网络安全事件报告管理办法", Article: "11",
	URL: "https://www.cac.gov.cn/2025-09/15/c_1759583017717009.htm"}

// reliefRules begin the ids of the duties under the measures.
const reliefRules = "cn-cac-incident-"

// reliefGrounds are the grounds that facts show, each with the facts and what to say when one is missing.
var reliefGrounds = []struct {
	id    string
	title map[string]string
	facts []string
}{
	{"protection", map[string]string{"zh-Hans": "事发前已采取合理必要的防护措施", "en": "Reasonable and necessary protection was in place"}, []string{"relief.protection"}},
	{"plan", map[string]string{"zh-Hans": "按照应急预案进行处置", "en": "It was handled according to the emergency plan"},
		[]string{"plan_activated_at", "plan.name", "plan.version", "plan.level", "plan.by", "relief.handled"}},
	{"reduced", map[string]string{"zh-Hans": "有效降低了事件的影响和危害", "en": "Effect and harm were effectively reduced"}, []string{"measures", "relief.reduced"}},
}

// Relief collects the grounds of relief.
func (s *Service) Relief(ctx context.Context, sc evidence.Scope, id incident.ID) (r Relief, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return r, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		in, err := look(ctx, tx, id)
		if err != nil {
			return err
		}
		r = Relief{Incident: id, Title: in.incident.Title, MadeAt: tx.Now(), Source: reliefSource}
		for _, g := range reliefGrounds {
			ground := ReliefGround{ID: g.id, Title: g.title, Facts: in.resting(g.facts), Evidence: []Proof{}, Missing: []map[string]string{}}
			for _, path := range g.facts {
				if !slices.ContainsFunc(ground.Facts, func(f RestingFact) bool { return f.Path == path }) {
					ground.Missing = append(ground.Missing, missingFact(path))
				}
			}
			r.Grounds = append(r.Grounds, ground)
		}
		last, err := inTime(ctx, tx, in)
		r.Grounds = append(r.Grounds, last)
		r.Complete = !slices.ContainsFunc(r.Grounds, func(g ReliefGround) bool { return len(g.Missing) > 0 })
		return err
	})
	return r, err
}

func missingFact(path string) map[string]string {
	return map[string]string{"zh-Hans": "尚未记录：" + templates.FactName(path, "zh-Hans"), "en": "not recorded: " + templates.FactName(path, "en")}
}

// inTime is the fourth ground: every report under the measures was made, none after its deadline.
func inTime(ctx context.Context, tx Tx, in *situation) (ReliefGround, error) {
	g := ReliefGround{ID: "in_time", Title: map[string]string{"zh-Hans": "按照本办法规定及时报告", "en": "It was reported in time under the measures"},
		Facts: in.resting([]string{"aware_at", "first_signal_at", "closed_at"}), Evidence: []Proof{}, Missing: []map[string]string{}}
	for _, d := range in.duties {
		if !strings.HasPrefix(d.Obligation.ID, reliefRules) || d.State == obligation.Lapsed {
			continue
		}
		one := ReliefDuty{Duty: d.ID, Rule: d.Obligation.ID, Title: d.Obligation.Title, Addressee: d.Obligation.Addressee,
			State: d.State, Deadline: d.Obligation.Deadline, MetAt: d.MetAt}
		if d.MetAt != nil && d.Obligation.Deadline != nil {
			timely := !d.MetAt.After(*d.Obligation.Deadline)
			one.InTime = &timely
		}
		if err := g.proof(ctx, tx, d, &one); err != nil {
			return g, err
		}
		if missing := lateness(one); missing != nil {
			g.Missing = append(g.Missing, missing)
		}
		g.Duties = append(g.Duties, one)
	}
	if len(g.Duties) == 0 {
		g.Missing = append(g.Missing, map[string]string{"zh-Hans": "本事件没有依本办法产生的报告义务", "en": "no duty to report under the measures follows from the facts"})
	}
	return g, nil
}

// proof adds the filings of a duty's report.
func (g *ReliefGround) proof(ctx context.Context, tx Tx, d Duty, one *ReliefDuty) error {
	if !strings.HasPrefix(d.MetBy, "rpt_") {
		return nil
	}
	filings, err := tx.Filings(ctx, d.MetBy)
	if err != nil {
		return err
	}
	for _, f := range filings {
		if f.Receipt != "" && f.State != notify.ReturnedBy {
			one.Receipts = append(one.Receipts, f.Receipt)
		}
		if f.File == "" {
			continue
		}
		p, err := keepProof(ctx, tx, d.Incident, "", &Attachment{File: f.File})
		if err != nil {
			return err
		}
		if !slices.Contains(g.Evidence, *p) {
			g.Evidence = append(g.Evidence, *p)
		}
	}
	return nil
}

// lateness says what is missing of one report; nil when nothing is.
func lateness(d ReliefDuty) map[string]string {
	say := func(zh, en string) map[string]string {
		return map[string]string{"zh-Hans": d.Title["zh-Hans"] + "：" + zh, "en": d.Title["en"] + ": " + en}
	}
	switch {
	case d.State == obligation.Exempt:
		return nil
	case d.InTime != nil && !*d.InTime:
		return say("在期限之后完成", "made after its deadline")
	case d.MetAt == nil && d.State == obligation.Overdue:
		return say("已逾期，尚未完成", "overdue and not made")
	case d.MetAt == nil && d.State != obligation.Waiting:
		return say("尚未完成", "not made yet")
	}
	return nil
}
