package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/internal/httpapi"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

const operator = "acme"

// house is the API over a database, with a token for each of its people.
type house struct {
	t      *testing.T
	engine *gin.Engine
	clock  *clock.Fake
	tokens map[string]string
	codec  *notify.Codec
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: clock.NewFake(storetest.Start), tokens: map[string]string{}}
	db := storetest.SQLite(t, storetest.WithClock(h.clock), storetest.Simulated())
	key, err := db.OperatorKey(t.Context(), operator)
	require.NoError(t, err)
	h.codec = notify.NewCodec(key)
	law, err := obligation.New()
	require.NoError(t, err)
	catalog, err := templates.Load()
	require.NoError(t, err)
	definitions, err := playbooks.Load(law, catalog)
	require.NoError(t, err)
	people := access.New(store.Of[access.Tx](db), operator, access.WithCost(1<<10, 1, 1))
	for login, role := range map[string]string{"shen": access.Responder, "lin": access.Approver, "boss": access.Admin} {
		u, err := people.CreateUser(t.Context(), evidence.System(operator), access.User{Login: login, Name: strings.ToUpper(login), Roles: []string{role}, Locale: "en"}, "a-long-passphrase-for-tests")
		require.NoError(t, err)
		h.tokens[login], err = people.IssueToken(t.Context(), evidence.Scope{Operator: operator, Actor: evidence.Actor{Kind: evidence.Person, ID: u.ID}},
			access.Token{Name: login, Kind: evidence.Person, User: u.ID, Roles: []string{role}})
		require.NoError(t, err)
	}
	gin.SetMode(gin.TestMode)
	h.engine = gin.New()
	httpapi.Mount(h.engine, httpapi.Options{Playbooks: playbooks.New(store.Of[playbooks.Tx](db), law, definitions, catalog),
		Notify: notify.New(store.Of[notify.Tx](db), catalog, key), Access: people, Engine: law, Store: store.Of[incident.Tx](db),
		Clock: h.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Operator: operator, MaxBody: 4 << 20, Callback: "right"})
	return h
}

// do asks as somebody and decodes the answer, which must have the status.
func (h *house) do(who, method, path string, body any, status int) (answer map[string]any) {
	h.t.Helper()
	raw := h.raw(who, method, path, body, status)
	require.NoError(h.t, json.Unmarshal(raw.Body.Bytes(), &answer), raw.Body.String())
	return answer
}

func (h *house) raw(who, method, path string, body any, status int) *httptest.ResponseRecorder {
	h.t.Helper()
	var b bytes.Buffer
	if body != nil {
		require.NoError(h.t, json.NewEncoder(&b).Encode(body))
	}
	r := httptest.NewRequest(method, httpapi.Base+path, &b)
	r.Header.Set("Authorization", "Bearer "+h.tokens[who])
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.engine.ServeHTTP(w, r)
	require.Equal(h.t, status, w.Code, w.Body.String())
	return w
}

type object = map[string]any

// leak reports a leak of encrypted data and returns the incident and its duties by rule.
func (h *house) leak(more object) (id string, duties map[string]object) {
	h.t.Helper()
	facts := object{"first_signal_at": "2026-03-01T02:00:00Z", "kind": "incident", "confirmed": true, "jurisdictions": object{"CN": 1_200_000},
		"people": object{"count": 1_200_000, "certainty": "exact", "under_14": 0, "under_18": 0}, "data": []string{"name", "phone"}, "data_event": "leaked", "encrypted_safe": true}
	for k, v := range more {
		facts[k] = v
	}
	profile := object{"operator": operator, "roles": []string{"network_operator", "pi_processor"}, "sectors": []string{"internet"}, "establishments": []string{"CN-SH"},
		"registrations": object{}, "commitments": "", "channels": []string{"email"}, "org": object{"name": object{"zh-Hans": "示例", "en": "Example"},
			"contact": object{"zh-Hans": "热线", "en": "Hotline"}, "site": "acme.example", "sender": "notice@acme.example", "zone": "Asia/Shanghai"}}
	h.do("boss", http.MethodPut, "/operators/acme/profile", profile, http.StatusOK)
	r := h.do("shen", http.MethodPost, "/incidents", object{"title": "Leak", "facts": facts}, http.StatusCreated)
	id = r["id"].(string)
	return id, h.duties(id)
}

func (h *house) duties(id string) map[string]object {
	h.t.Helper()
	out := map[string]object{}
	for _, d := range h.do("shen", http.MethodGet, "/incidents/"+id+"/obligations", nil, http.StatusOK)["obligations"].([]any) {
		out[d.(object)["rule"].(string)] = d.(object)
	}
	return out
}

func TestExemptionThroughTheAPI(t *testing.T) {
	h := newHouse(t)
	id, duties := h.leak(nil)
	duty := duties["cn-pipl-57-individuals"]["id"].(string)
	h.raw("shen", http.MethodPost, "/obligations/"+duty+"/exempt", object{"reason": ""}, http.StatusBadRequest)
	h.raw("boss", http.MethodPost, "/obligations/"+duty+"/exempt", object{"reason": "x"}, http.StatusForbidden)
	file := object{"name": "kms.txt", "content_type": "text/plain", "data": base64.StdEncoding.EncodeToString([]byte("audit"))}
	d := h.do("shen", http.MethodPost, "/obligations/"+duty+"/exempt", object{"reason": "encrypted", "evidence": []object{file}}, http.StatusCreated)
	require.Equal(t, "proposed", d["state"])
	require.False(t, d["can_confirm"].(bool))
	path := "/decisions/" + d["id"].(string)
	h.raw("shen", http.MethodPost, path+"/confirm", object{}, http.StatusForbidden)
	require.True(t, h.do("lin", http.MethodGet, path, nil, http.StatusOK)["can_confirm"].(bool))
	require.Equal(t, "confirmed", h.do("lin", http.MethodPost, path+"/confirm", object{"note": "seen"}, http.StatusOK)["state"])
	require.Equal(t, "exempt", h.duties(id)["cn-pipl-57-individuals"]["state"])
	h.raw("lin", http.MethodPost, path+"/refuse", object{"reason": "too late"}, http.StatusConflict)

	page := h.raw("boss", http.MethodGet, path+"/defence?locale=en", nil, http.StatusOK)
	require.Contains(t, page.Header().Get("Content-Type"), "text/html")
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "sandbox")
	require.Contains(t, page.Body.String(), "SHEN")
	require.Contains(t, page.Body.String(), "LIN")
	defence := h.do("boss", http.MethodGet, path+"/defence?format=json", nil, http.StatusOK)
	require.Len(t, defence["evidence"], 1)
	require.NotEmpty(t, defence["facts"])

	list := h.do("boss", http.MethodGet, "/obligations/"+duty+"/decisions", nil, http.StatusOK)["decisions"].([]any)
	require.Len(t, list, 1)
	require.Len(t, h.do("boss", http.MethodGet, "/incidents/"+id+"/decisions", nil, http.StatusOK)["decisions"], 1)
	h.raw("boss", http.MethodGet, "/decisions/dcn_none", nil, http.StatusNotFound)

	h.do("shen", http.MethodPatch, "/incidents/"+id, object{"facts": object{"encrypted_safe": false}}, http.StatusOK)
	require.Equal(t, "running", h.duties(id)["cn-pipl-57-individuals"]["state"], "it reopens by itself")
	require.Equal(t, "reopened", h.do("boss", http.MethodGet, path, nil, http.StatusOK)["state"])
}

func TestLettersThroughTheAPI(t *testing.T) {
	h := newHouse(t)
	id, _ := h.leak(nil)
	due := storetest.Start.Add(24 * time.Hour).Format(time.RFC3339)
	bad := h.raw("shen", http.MethodPost, "/incidents/"+id+"/letters", object{"kind": "questions", "authority": "Some Body", "received_at": due}, http.StatusBadRequest)
	require.Contains(t, bad.Body.String(), "/authority")
	require.NotContains(t, bad.Body.String(), "Some Body")
	l := h.do("shen", http.MethodPost, "/incidents/"+id+"/letters", object{"kind": "questions", "authority": "provincial-cac:CN-SH", "reference": "7",
		"received_at": storetest.Start.Format(time.RFC3339), "due_at": due, "text": "How many?"}, http.StatusCreated)
	require.Equal(t, "running", h.duties(id)["authority-letter"]["state"])
	require.Equal(t, due, h.duties(id)["authority-letter"]["deadline"])
	require.Len(t, h.do("boss", http.MethodGet, "/incidents/"+id+"/letters", nil, http.StatusOK)["letters"], 1)
	answer := object{"at": storetest.Start.Format(time.RFC3339), "via": "site", "receipt_number": "R7"}
	h.do("shen", http.MethodPost, "/letters/"+l["id"].(string)+"/answer", answer, http.StatusOK)
	require.Equal(t, "met", h.duties(id)["authority-letter"]["state"])
	h.raw("shen", http.MethodPost, "/letters/"+l["id"].(string)+"/answer", answer, http.StatusConflict)

	until := storetest.Start.Add(48 * time.Hour).Format(time.RFC3339)
	hold := h.do("shen", http.MethodPost, "/incidents/"+id+"/letters", object{"kind": "hold_request", "authority": "police",
		"received_at": storetest.Start.Format(time.RFC3339), "hold_until": until}, http.StatusCreated)
	require.NotEmpty(t, hold["conflicts"], "no law of China stops a clock for the police")
	require.NotEmpty(t, hold["holds"])
}

func TestPlanReliefCustomersAndRulesThroughTheAPI(t *testing.T) {
	h := newHouse(t)
	id, _ := h.leak(object{"role": "entrusted"})
	at := storetest.Start.Format(time.RFC3339)
	h.do("shen", http.MethodPost, "/incidents/"+id+"/plan", object{"name": "Plan", "version": "3", "level": "II", "by": "Wang", "at": at}, http.StatusOK)
	h.do("shen", http.MethodPost, "/incidents/"+id+"/plan/end", object{"at": at}, http.StatusOK)
	relief := h.do("boss", http.MethodGet, "/incidents/"+id+"/relief?format=json", nil, http.StatusOK)
	require.Len(t, relief["grounds"], 4)
	require.Contains(t, h.raw("boss", http.MethodGet, "/incidents/"+id+"/relief", nil, http.StatusOK).Body.String(), "应急预案")

	r := h.do("shen", http.MethodPost, "/incidents/"+id+"/customers", object{"customers": []object{{"id": "c-1", "residents": []string{"CN"}, "people": 5}}}, http.StatusOK)
	towards := func(r object) (states []string) {
		for _, d := range r["obligations"].([]any) {
			if d.(object)["addressee"] == "customer:c-1" {
				states = append(states, d.(object)["state"].(string))
			}
		}
		return states
	}
	require.NotEmpty(t, towards(r))
	r = h.do("shen", http.MethodPost, "/incidents/"+id+"/customers/c-1/told", object{"at": at, "how": "phone"}, http.StatusOK)
	for _, state := range towards(r) {
		require.Equal(t, "met", state)
	}
	h.raw("shen", http.MethodPost, "/incidents/"+id+"/customers/c-9/told", object{"at": at, "how": "phone"}, http.StatusNotFound)

	rules := h.do("boss", http.MethodGet, "/incidents/"+id+"/ruleset", nil, http.StatusOK)
	require.True(t, rules["same"].(bool))
	h.raw("shen", http.MethodPost, "/incidents/"+id+"/ruleset/accept", object{"version": rules["current"], "reason": "read"}, http.StatusConflict)
	whole := h.do("boss", http.MethodGet, "/incidents/"+id, nil, http.StatusOK)
	require.NotEmpty(t, whole["customers"])
}

func TestNotToNotifyThroughTheAPI(t *testing.T) {
	h := newHouse(t)
	id, _ := h.leak(object{"role": "pi_processor", "jurisdictions": object{"CN": 0, "DE": 500}, "risk": "unlikely"})
	d := h.do("shen", http.MethodPost, "/incidents/"+id+"/not-notify", object{"rule": "eu-gdpr-33-authority", "reason": "no risk"}, http.StatusCreated)
	h.do("lin", http.MethodPost, "/decisions/"+d["id"].(string)+"/confirm", object{}, http.StatusOK)
	page := h.raw("boss", http.MethodGet, "/decisions/"+d["id"].(string)+"/defence?locale=en", nil, http.StatusOK).Body.String()
	require.Contains(t, page, "Decision not to notify")
	require.Contains(t, page, "Why there is no duty")
}

// derive explains what it answers, in the language asked for, and stays what it was when nobody asks.
func TestDeriveExplainsThroughTheAPI(t *testing.T) {
	h := newHouse(t)
	_, duties := h.leak(nil)
	input := object{"as_of": "2026-03-01T03:00:00Z", "facts": object{"aware_at": "2026-03-01T02:00:00Z", "data_event": "leaked", "data": []string{"name"},
		"jurisdictions": object{"CN": 1_000_000}, "people": object{"count": 1_000_000, "certainty": "exact"}, "processed_in": []string{"CN-SH"}},
		"profile": object{"roles": []string{"network_operator", "pi_processor"}, "establishments": []string{"CN-SH"}}}
	require.NotContains(t, h.do("shen", http.MethodPost, "/obligations/derive", input, http.StatusOK), "explanations")
	explained := h.do("shen", http.MethodPost, "/obligations/derive?explain=true&locale=zh-Hans", input, http.StatusOK)
	require.NotEmpty(t, explained["obligations"])
	first := explained["explanations"].([]any)[0].(object)
	require.NotEmpty(t, first["clock"])
	require.Regexp(t, `\p{Han}`, first["because"].([]any)[0])
	one := h.do("shen", http.MethodGet, "/obligations/"+duties["cn-pipl-57-individuals"]["id"].(string)+"/explanation", nil, http.StatusOK)
	require.Equal(t, "cn-pipl-57-individuals", one["id"])
	require.NotEmpty(t, one["because"])
}

// A provider waits 700 ms and pushes three times more: a slow minute must not lose its receipts.
func TestReceiptsAreKeptAlthoughTheCallerHungUp(t *testing.T) {
	h := newHouse(t)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	r := httptest.NewRequestWithContext(gone, http.MethodPost, httpapi.Base+"/callbacks/aliyun-sms/right",
		strings.NewReader(fmt.Sprintf(`[{"phone_number":"8613900000001","success":true,"err_code":"DELIVERED","biz_id":"9000^0","out_id":%q,"report_time":"2026-03-01 10:00:00"}]`, h.codec.OutID(1, 0, "sms"))))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.engine.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
}
