package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/notify"
)

// banner is what a page says above all else.
func banner(t *testing.T, page string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `<div id="troubles"`)
	require.True(t, found)
	text, _, _ := strings.Cut(rest, "</div>")
	return text
}

func TestEveryPageSaysWhatStandsInTheWay(t *testing.T) {
	h := newHouse(t)
	h.notify.SetWays([]notify.Way{{ID: "relay", Channel: "email"}, {ID: "relay-2", Channel: "email"}, {ID: "aliyun-push", Channel: "push"}})
	b := h.browser("shen")
	pages := []string{"/", "/tasks", "/approvals", "/law", "/profile", "/providers", h.at("/incidents/:id"), "/documents/" + h.notice}
	for _, at := range pages {
		require.NotContains(t, banner(t, body(t, b.get(at))), `class="trouble"`, at)
	}
	for _, id := range []string{"relay", "aliyun-push"} {
		_, err := h.notify.PauseProvider(t.Context(), h.scope("shen"), id, "it is slow")
		require.NoError(t, err)
	}
	h.refuses = "full"
	for locale, words := range map[string][]string{
		"en":      {"disk of the database is full", "Have the operator make room", "Nothing goes out over Mail relay.", "Second mail relay takes its messages", "over Alibaba Cloud Push.", "people wait", "See providers"},
		"zh-Hans": {"磁盘已满", "请运维人员清理磁盘空间", "邮件中继", "没有其他服务商接替"},
	} {
		require.Equal(t, http.StatusSeeOther, b.post("/preferences", url.Values{"locale": {locale}, "back": {"/"}}).StatusCode)
		for _, at := range pages {
			said := banner(t, body(t, b.get(at)))
			require.Equal(t, 3, strings.Count(said, `class="trouble"`), at)
			for _, want := range words {
				require.Contains(t, said, want, at)
			}
			require.Contains(t, said, "<time", "since when")
		}
	}
	require.NotContains(t, banner(t, body(t, h.browser("").get("/sign-in"))), `class="trouble"`, "nobody is told before signing in")
	h.refuses = ""
	for _, id := range []string{"relay", "aliyun-push"} {
		_, err := h.notify.ResumeProvider(t.Context(), h.scope("shen"), id)
		require.NoError(t, err)
	}
	require.NotContains(t, banner(t, body(t, b.get("/"))), `class="trouble"`)
}

func TestWhatDoesNotAgreeIsSaidInTheReadersLanguage(t *testing.T) {
	h := newHouse(t)
	at := h.dispatched()
	require.NoError(t, store.Of[notify.Tx](h.db).InTx(t.Context(), evidence.System(operator), func(tx notify.Tx) error {
		d, err := tx.Dispatch(t.Context(), strings.TrimPrefix(at, "/dispatches/"))
		require.NoError(t, err)
		tx.AppendLedger(evidence.Draft{Chain: string(h.incident), Kind: "delivery.batch", Refs: map[string]string{"dispatch": d.ID, "batch": "77", "root": "r", "count": "1"}})
		return tx.AddCounts(t.Context(), d.No, nil, map[notify.CountKey]int64{{Channel: "email", State: notify.Failed}: 3}, 5)
	}))
	b := h.browser("audit")
	for locale, words := range map[string][]string{
		"en":      {"Batch 77 is in the ledger but not kept.", "E-mail, not reachable: the counters say 3, the deliveries 0.", "Possible duplicates: the counters say 5"},
		"zh-Hans": {"账本中有批次 77，但未保存。", "计数器为 3，投递记录为 0。", "可能重复：计数器为 5"},
	} {
		require.Equal(t, http.StatusSeeOther, b.post("/preferences", url.Values{"locale": {locale}, "back": {"/"}}).StatusCode)
		page := body(t, b.post(at+"/recount", nil))
		for _, want := range words {
			require.Contains(t, page, want)
		}
	}
}
