package templates

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run with -update if this is meant")
}

func catalog(t testing.TB) *Catalog {
	t.Helper()
	c, err := Load()
	require.NoError(t, err)
	return c
}

// snapshot holds facts given as JSON, path by path, each at revision 3.
func snapshot(t testing.TB, facts string) incident.Snapshot {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(facts))
	d.UseNumber()
	var m map[string]any
	require.NoError(t, d.Decode(&m))
	s := incident.Snapshot{Revision: 3, Facts: map[string]incident.Fact{}}
	for path, v := range m {
		s.Facts[path] = incident.Fact{Path: path, Value: v, Source: "person", Revision: 3}
	}
	return s
}

// leak is a leak as it looks a few hours in.
const leak = `{
	"first_signal_at": "2026-03-01T01:10:00+08:00", "occurred_at": "2026-02-28", "aware_at": "2026-03-01T02:00:00+08:00",
	"confirmed": true, "data_event": "leaked", "people.count": 1200000, "people.certainty": "at_least", "records": 3100000,
	"data": ["name", "phone", "id_number", "health"], "harm": "possible", "processed_in": ["CN-SH"],
	"systems": [{"name": "crm", "cii": false, "mlps_level": 3, "province": "CN-SH", "down_minutes": 45}],
	"ransom.asked": false, "plan_activated_at": "2026-03-01T02:10:00+08:00",
	"cause": {"text": {"zh-Hans": "一个对外接口没有检查访问权限，被人批量读取。", "en": "An interface open to the internet did not check who was asking, and someone read records through it in bulk."}, "certainty": "suspected"},
	"measures": [
		{"text": {"zh-Hans": "关闭了有问题的接口", "en": "Switched off the faulty interface"}, "taken_at": "2026-03-01T02:30:00+08:00", "effect": {"zh-Hans": "未授权的读取已停止", "en": "the unauthorised reading stopped"}},
		{"text": {"zh-Hans": "更换了全部接口密钥", "en": "Replaced every key of the interface"}, "taken_at": "2026-03-01T04:00:00+08:00"},
		{"text": {"zh-Hans": "向公安机关报案", "en": "Reported the case to the police"}}],
	"advice": [{"zh-Hans": "在应用的“账号与安全”页面查看最近的登录记录。", "en": "Look at the recent sign-ins on the app's account and security page."}],
	"remedies": [{"zh-Hans": "免费提供一年的身份信息监测，拨打客服热线即可开通，不需要提供更多信息。", "en": "One year of identity monitoring free of charge. Call our hotline to start it; you need not give any further information."}]
}`

func organisation() Organisation {
	return Organisation{
		Name:    map[string]string{"zh-Hans": "示例网络科技有限公司", "en": "Example Network Technology Co., Ltd."},
		Contact: map[string]string{"zh-Hans": "客服热线：400-000-0000（每天 8:00–22:00）\n个人信息保护负责人：privacy@example.com\n地址：上海市示例路 1 号", "en": "Hotline: 400-000-0000 (every day 8:00–22:00)\nPersonal information protection officer: privacy@example.com\nAddress: 1 Example Road, Shanghai"},
		Site:    "www.example.com", Sender: "notice@example.com", SMSSign: "示例网络", SMSTemplate: "SMS_100001",
		Zone: "Asia/Shanghai", Reporter: "王示例，+86 139 0000 0000",
	}
}

var preparedAt = time.Date(2026, 2, 28, 20, 0, 0, 0, time.UTC)

func draft(t testing.TB, c *Catalog, name, facts string) Content {
	t.Helper()
	content, err := c.Draft(Input{Template: name, Facts: snapshot(t, facts), Org: organisation(), Grade: "larger", Now: preparedAt, Blocks: every(t, c, name)})
	require.NoError(t, err)
	return content
}

// every is all blocks of a template.
func every(t testing.TB, c *Catalog, name string) []string {
	t.Helper()
	tm, ok := c.Template(name)
	require.True(t, ok)
	var out []string
	for _, it := range tm.Items {
		out = append(out, it.Block)
	}
	return out
}

// requirements asks for every block of a template but the context of reports.
func requirements(t testing.TB, c *Catalog, name string) []Requirement {
	t.Helper()
	tm, ok := c.Template(name)
	require.True(t, ok)
	var out []Requirement
	for _, it := range tm.Items {
		r := Requirement{ID: it.Block, Block: it.Block, Term: it.Label["zh-Hans"], Gloss: it.Label["en"],
			Law: "个人信息保护法", Article: "57", Rule: "cn-pipl-57-individuals"}
		switch isCAC := strings.HasPrefix(it.Block, "cac-"); {
		case isCAC:
			r.Law, r.Article, r.Rule = "国家网络安全事件报告管理办法", "7("+it.Block[4:5]+")", "cn-cac-incident-initial"
			r.MayBeOpen = it.Block >= "cac-3"
		case strings.HasPrefix(it.Block, "dora-"):
			r.Law, r.Article, r.Rule = "Implementing Regulation (EU) 2025/302", "annex", "eu-dora-initial"
		case tm.Kind == Report && !strings.HasPrefix(it.Block, "pipl-"):
			continue
		}
		out = append(out, r)
	}
	return out
}

// mark lets a person say that a block is not yet known.
func mark(c Content, block string) {
	for _, ps := range c.Locales {
		for i := range ps {
			if ps[i].Block == block {
				ps[i].Open, ps[i].OpenBy = true, "usr_1"
			}
		}
	}
}

// write lets a person write a block in one locale.
func write(c Content, locale, block, text string) {
	for i := range c.Locales[locale] {
		if p := &c.Locales[locale][i]; p.Block == block {
			p.Text, p.Author = text, "usr_1"
		}
	}
}
