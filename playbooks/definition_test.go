package playbooks

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// testVocabulary knows the rules and templates that the built-in playbook names.
func testVocabulary() vocabulary {
	known := map[string]templates.Template{}
	for _, name := range []string{"cn/cac-initial", "cn/pipl-57-authority"} {
		known[name] = templates.Template{Name: name, Kind: templates.Report, Locales: []string{"zh-Hans", "en"}}
	}
	known["cn/pipl-57-individuals"] = templates.Template{Kind: templates.Notice, Locales: []string{"zh-Hans", "en"},
		Channels: []string{"email", "sms", "push", "announcement"}}
	known["cn/announcement"] = templates.Template{Kind: templates.Notice, Locales: []string{"zh-Hans", "en"}, Channels: []string{"announcement"}}
	rules := []string{"cn-cac-incident-initial", "cn-cac-incident-initial-cii", "cn-cac-incident-initial-central",
		"cn-cac-incident-supplement", "cn-cac-incident-final", "cn-pipl-57-authority", "cn-pipl-57-individuals", "cn-privacy-promise"}
	return vocabulary{
		rules:    rules,
		fact:     isFact,
		template: func(name string) (templates.Template, bool) { t, ok := known[name]; return t, ok },
	}
}

func TestBuiltInPlaybook(t *testing.T) {
	_, _, defs := built(t)
	byID := map[string]*stepDef{}
	for _, s := range defs.all[0].written {
		byID[s.id] = s
	}
	require.Equal(t, "incident-lead", byID["establish"].assign)
	require.Equal(t, []string{"announcement"}, byID["announce"].doc.channels)
	require.Equal(t, []string{"dpo-team", "legal"}, byID["report-cac"].doc.teams)
	require.True(t, byID["supplement"].repeat)
	require.Equal(t, []string{perAddressee, perStep, perRule}, []string{byID["report-cac"].per, byID["tell-people"].per, byID["internal"].per})
	for grade, n := range map[string]int{"": 1, "general": 1, "larger": 1, "major": 2, "extreme": 2} {
		require.Equal(t, n, byID["tell-people"].doc.approvals(grade), grade)
	}
}

func TestADutyIsWorkedOffByTheFirstStepThatServesIt(t *testing.T) {
	def, faults := compile("p.yaml", []byte(head+`steps:
- id: promises
  for: cn-privacy-promise
  to: users
  announce: {template: cn/announcement}
  approve: {by: [lead], quorum: 1}
- id: cac
  for: cn-cac-*
  per: rule
  report: {template: cn/cac-initial}
  approve: {by: [lead], quorum: 1}
- id: rest
  for: "*"
  report: {template: cn/cac-initial}
  approve: {by: [lead], quorum: 1}
`), testVocabulary())
	require.Empty(t, faults)
	for _, c := range []struct{ rule, addressee, kind, step, group string }{
		{"cn-privacy-promise", "users", "notice", "promises", ""},
		{"cn-privacy-promise", "guardians", "notice", "", ""},
		{"cn-privacy-promise", "users", "report", "rest", "users"},
		{"cn-cac-incident-final", "provincial-cac:CN-SH", "report", "cac", "cn-cac-incident-final/provincial-cac:CN-SH"},
		{"cn-cac-incident-final", "provincial-cac:CN-SH", "task", "", ""},
		{"cn-pipl-57-authority", "pi-authority:CN-SH", "report", "rest", "pi-authority:CN-SH"},
	} {
		o := obligation.Obligation{ID: c.rule, Addressee: c.addressee, Kind: c.kind}
		s := def.worker(o)
		if c.step == "" {
			require.Nil(t, s, c)
			continue
		}
		require.Equal(t, []string{c.step, c.group}, []string{s.id, s.of(o).base})
	}
}

const head = `apiVersion: tocsin/v1
kind: Playbook
id: p
revision: 1
title: T
roles: {lead: the-team}
`

func TestPlaybookFaultsStandWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"not YAML", "a: [", "p.yaml:1:4: sequence end token ']' not found"},
		{"empty", "", "p.yaml:1:1: want exactly one YAML document"},
		{"a key of a later issue", head + "steps:\n- id: a\n  task: x\n  warn: [25%]", `p.yaml:10:3: unknown key "warn"`},
		{"a missing key", strings.Replace(head, "revision: 1\n", "", 1) + "steps: []", `p.yaml:1:11: key "revision" is missing`},
		{"a key twice", head + "id: q\nsteps: []", `p.yaml:7:1: mapping key "id" already defined at [3:1]`},
		{"a wrong version", strings.Replace(head, "v1", "v9", 1) + "steps: []", `p.yaml:1:13: want "tocsin/v1"`},
		{"two bodies", head + "steps:\n- id: a\n  task: x\n  announce: {template: cn/announcement}\n  approve: {by: [lead], quorum: 1}", "p.yaml:8:5: a step is exactly one of task, report, notice and announce"},
		{"a document nobody approves", head + "steps:\n- id: a\n  announce: {template: cn/announcement}", `p.yaml:8:5: key "approve" is missing: a document goes out only when people have approved it`},
		{"an unknown role", head + "steps:\n- id: a\n  task: x\n  assign: chef", `p.yaml:10:11: role "chef" is not among the playbook's roles`},
		{"an unknown rule", head + "steps:\n- id: a\n  task: x\n  for: cn-made-up", `p.yaml:10:8: no rule has the id "cn-made-up"`},
		{"a pattern of no rule", head + "steps:\n- id: a\n  task: x\n  for: eu-made-*", `p.yaml:10:8: no rule has the id "eu-made-*"`},
		{"one report to several", head + "steps:\n- id: a\n  for: cn-cac-*\n  per: step\n  report: {template: cn/cac-initial}\n  approve: {by: [lead], quorum: 1}", "p.yaml:10:8: a report goes to one addressee"},
		{"an unknown fact to ask", head + "steps:\n- id: a\n  task: x\n  asks: [data, people.shoe_size]", `p.yaml:10:16: "people.shoe_size" is not a fact`},
		{"an unknown fact in a condition", head + "steps:\n- id: a\n  task: x\n  when: facts.people.cout > 1", `p.yaml:10:9: "people.cout" is not a fact`},
		{"a broken condition", head + "steps:\n- id: a\n  task: x\n  when: facts.records >> 1", `p.yaml:10:24: Syntax error`},
		{"a missing step", head + "steps:\n- id: a\n  task: x\n  after: [b]", `p.yaml:10:11: there is no step "b"`},
		{"steps in a circle", head + "steps:\n- id: a\n  task: x\n  after: [b]\n- id: b\n  task: x\n  after: [a]", `p.yaml:10:11: step "b" waits for itself`},
		{"a step twice", head + "steps:\n- id: a\n  task: x\n- id: a\n  task: x", `p.yaml:10:7: step "a" stands here twice`},
		{"a target without an anchor", head + "steps:\n- id: a\n  task: x\n  target: 2h", `p.yaml:10:11: want a target such as "aware_at + 2h30m" or "closed_at + 20d"`},
		{"a report that is a notice", head + "steps:\n- id: a\n  report: {template: cn/announcement}\n  approve: {by: [lead], quorum: 1}", `template "cn/announcement" is a notice`},
		{"a locale the template lacks", head + "steps:\n- id: a\n  announce: {template: cn/announcement, locales: [zh-Hant]}\n  approve: {by: [lead], quorum: 1}", `the template has no locale "zh-Hant"`},
		{"a filing of a notice", head + "steps:\n- id: a\n  announce: {template: cn/announcement}\n  approve: {by: [lead], quorum: 1}\n  file: {via: x}", "p.yaml:11:9: this belongs to a report"},
		{"half a title", strings.Replace(head, "title: T", "title: {en: T}", 1) + "steps: []", `key "zh-Hans" is missing`},
		{"no quorum at all", head + "steps:\n- id: a\n  announce: {template: cn/announcement}\n  approve: {by: [lead], quorum: 0}", "p.yaml:10:33: want a number from 1 to 10"},
		{"aliases", "a: &x 1\nb: *x", `unknown key "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			def, faults := compile("p.yaml", []byte(c.src), testVocabulary())
			require.Nil(t, def)
			require.Contains(t, strings.Join(faults, "\n"), c.want)
		})
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	_, faults := compile("p.yaml", []byte(head+"steps:\n- id: a\n  task: x\n  warn: 1\n- id: B\n  task: x\n  assign: chef"), testVocabulary())
	require.Len(t, faults, 3)
}

func FuzzCompile(f *testing.F) {
	src, err := os.ReadFile("builtin/cn-personal-data-leak.yaml")
	require.NoError(f, err)
	f.Add(src)
	f.Add([]byte(head + "steps:\n- id: a\n  task: x"))
	f.Add([]byte("? [a]\n: - &x *x\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if def, faults := compile("f.yaml", src, testVocabulary()); (def == nil) != (len(faults) > 0) {
			t.Fatal("a playbook either compiles or has faults")
		}
	})
}

func TestTarget(t *testing.T) {
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		src   string
		facts map[string]any
		want  *time.Time
	}{
		{"aware_at + 2h30m", map[string]any{"aware_at": "2026-03-01T10:00:00+08:00"}, new(at.Add(150 * time.Minute))},
		{"aware_at + 1h", map[string]any{"first_signal_at": "2026-03-01T02:00:00Z"}, new(at.Add(time.Hour))},
		{"closed_at + 20d", map[string]any{"aware_at": "2026-03-01T02:00:00Z"}, nil},
		{"closed_at + 1d12h", map[string]any{"closed_at": "2026-03"}, new(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))},
	} {
		target, err := parseTarget(c.src)
		require.NoError(t, err)
		require.Equal(t, c.want, target.due(c.facts), c.src)
	}
	for _, bad := range []string{"", "aware_at", "aware_at + ", "aware_at - 1h", "aware_at + 1h1h x"} {
		_, err := parseTarget(bad)
		require.Error(t, err, bad)
	}
}
