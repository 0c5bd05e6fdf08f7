//go:build unix

package stage

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Imported is how an import went.
type Imported struct {
	Took  time.Duration
	Cost  Cost
	Total int64
}

// Report takes a finding in and gives the incident's id.
func (h *House) Report(key string) (id string, err error) {
	var out struct{ ID string }
	return out.ID, h.call("shen", http.MethodPost, "/incidents", Leak(key), &out)
}

// Import streams an audience in and waits until it is ready.
func (h *House) Import(id string, a Audience) (Imported, error) {
	before, err := h.Cost(true)
	if err != nil {
		return Imported{}, err
	}
	start := time.Now()
	var view struct {
		State string
		Total int64
	}
	kind := map[bool]string{false: "application/x-ndjson", true: "text/csv"}[a.CSV]
	if err := h.call("shen", http.MethodPost, "/incidents/"+id+"/audience", a.reader(), &view, "Content-Type", kind); err != nil {
		return Imported{}, err
	}
	took := time.Since(start)
	if view.State != "ready" || view.Total != a.People {
		return Imported{}, fmt.Errorf("import: %s with %d of %d people", view.State, view.Total, a.People)
	}
	after, err := h.Cost(false)
	after.CPU -= before.CPU
	return Imported{took, after, view.Total}, err
}

type document struct {
	ID, State string
	Version   int
	Channels  []string
	Digest    struct{ All string }
	Content   struct{ Locales map[string][]passage }
}

type passage struct {
	Locale string `json:"locale"`
	Block  string `json:"block"`
	Text   string `json:"text"`
}

// shorten has a person cut each passage down to its first line: the goals are stated for a short message.
func (h *House) shorten(d *document) error {
	var edit struct {
		Passages []passage `json:"passages"`
	}
	for _, p := range d.Content.Locales[locale] {
		p.Locale = locale
		if p.Text, _, _ = strings.Cut(strings.TrimSpace(p.Text), "\n"); p.Text != "" {
			edit.Passages = append(edit.Passages, p)
		}
	}
	return h.call("shen", http.MethodPatch, "/notices/"+d.ID, edit, d, "If-Match", strconv.Quote(strconv.Itoa(d.Version)))
}

// Approve brings the incident's notice to people through submission and two approvals.
func (h *House) Approve(id string) (notice string, err error) {
	var d document
	err = until("the notice", 30*time.Second, 20*time.Millisecond, func() (bool, error) {
		if err := h.finishTasks(id); err != nil {
			return false, err
		}
		var list struct{ Documents []document }
		if err := h.call("shen", http.MethodGet, "/incidents/"+id+"/notices", nil, &list); err != nil {
			return false, err
		}
		at := slices.IndexFunc(list.Documents, func(n document) bool { return len(n.Channels) > 1 })
		if at < 0 {
			return false, nil
		}
		d = list.Documents[at]
		return true, nil
	})
	if err != nil {
		return "", err
	}
	if err := h.shorten(&d); err != nil {
		return "", err
	}
	if err := h.call("shen", http.MethodPost, "/notices/"+d.ID+"/submit", map[string]any{}, &d); err != nil {
		return "", err
	}
	for _, approver := range []string{"lin", "zhou"} {
		if d.State == "approved" {
			break
		}
		if err := h.call(approver, http.MethodPost, "/notices/"+d.ID+"/approve", map[string]any{"digest": d.Digest.All}, &d); err != nil {
			return "", err
		}
	}
	if d.State != "approved" {
		return "", fmt.Errorf("the notice is %s", d.State)
	}
	return d.ID, nil
}

func (h *House) finishTasks(id string) error {
	var list struct {
		Tasks []struct{ ID, State, Kind string }
	}
	if err := h.call("shen", http.MethodGet, "/incidents/"+id+"/tasks", nil, &list); err != nil {
		return err
	}
	for _, t := range list.Tasks {
		if t.State == "open" && t.Kind == "task" {
			if err := h.call("shen", http.MethodPost, "/tasks/"+t.ID+"/complete", map[string]any{"note": "checked"}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Progress of a dispatch.
type Progress struct {
	ID, State, Reason string
	People            map[string]int64
	Duplicates        int64 `json:"possible_duplicates"`
}

// Release dispatches a notice.
func (h *House) Release(notice string) (p Progress, err error) {
	return p, h.call("shen", http.MethodPost, "/notices/"+notice+"/dispatch", nil, &p)
}

// Progress reads a dispatch.
func (h *House) Progress(dispatch string) (p Progress, err error) {
	return p, h.call("shen", http.MethodGet, "/dispatches/"+dispatch, nil, &p)
}

// Listed are the people whom the ledger names as possibly told twice.
func (h *House) Listed(dispatch string) (map[int64]bool, error) {
	out := map[int64]bool{}
	for after := int64(-1); ; {
		var page struct{ Deliveries []struct{ Recipient int64 } }
		if err := h.call("shen", http.MethodGet, fmt.Sprintf("/dispatches/%s/deliveries?duplicates=true&limit=1000&after=%d", dispatch, after), nil, &page); err != nil {
			return nil, err
		}
		if len(page.Deliveries) == 0 {
			return out, nil
		}
		for _, d := range page.Deliveries {
			out[d.Recipient], after = true, d.Recipient
		}
	}
}

func both(zh, en string) map[string]string { return map[string]string{"zh-Hans": zh, "en": en} }

// Profile is the operator's.
var Profile = map[string]any{
	"operator": "acme", "roles": []string{"network_operator", "pi_processor"}, "sectors": []string{"internet"},
	"establishments": []string{"CN-SH"}, "registrations": map[string]any{}, "commitments": "tencent-cloud",
	"channels": []string{"push", "sms", "email", "announcement"},
	"org": map[string]any{
		"name": both("示例商城（上海）有限公司", "Example Mall (Shanghai) Co., Ltd."), "contact": both("客服热线 400-000-0000", "Hotline 400-000-0000"),
		"site": "www.example.com", "sender": "security@example.com", "sms_sign": "示例商城", "sms_template": "SMS_000000001",
		"zone": "Asia/Shanghai", "reporter": "周明 400-000-0000",
	},
}

// Leak is a complete finding that is owed to people and to two authorities.
func Leak(key string) map[string]any {
	at := time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339)
	return map[string]any{
		"dedup_key": key, "title": "Order export read", "source": map[string]any{"tool": "siem", "id": key},
		"facts": map[string]any{
			"first_signal_at": at, "occurred_at": at, "kind": "incident", "confirmed": true, "role": "pi_processor",
			"jurisdictions": map[string]any{"CN": 1200000}, "processed_in": []string{"CN-SH"},
			"people": map[string]any{"count": 1200000, "certainty": "at_least", "under_14": 0},
			"data":   []string{"name", "phone"}, "data_event": "leaked", "user_information": true, "encrypted_safe": false, "harm": "possible",
		},
		"cause":    map[string]any{"text": both("接口缺少权限校验。", "An interface lacked a check."), "certainty": "suspected"},
		"measures": []any{map[string]any{"text": both("关闭接口", "Closed the interface"), "taken_at": at}},
		"advice":   []any{both("警惕可疑来电。", "Be wary of suspicious calls.")},
		"remedies": []any{both("免费提醒服务一年。", "A year of free alerts.")},
	}
}

// Ready brings a notice to the point of release: reported, its audience imported, approved.
func (h *House) Ready(key string, a Audience) (notice string, in Imported, err error) {
	id, err := h.Report(key)
	if err != nil {
		return "", in, err
	}
	if in, err = h.Import(id, a); err != nil {
		return "", in, err
	}
	notice, err = h.Approve(id)
	return notice, in, err
}
