package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"tocsin/internal/httpapi"
)

func mounted(t *testing.T) (*gin.Engine, map[string]map[string]json.RawMessage) {
	gin.SetMode(gin.TestMode)
	law, err := builtinLaw()
	require.NoError(t, err)
	engine := gin.New()
	httpapi.Mount(engine, httpapi.Options{Engine: law, MaxBody: 1 << 20})
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, httpapi.Base+"/openapi.json", nil))
	require.Equal(t, http.StatusOK, w.Code)
	var described struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &described))
	require.True(t, strings.HasPrefix(described.OpenAPI, "3.1"))
	return engine, described.Paths
}

// undescribed are served but no part of the API that others are written against.
var undescribed = []string{"POST /callbacks/{provider}/{token}", "GET /openapi.json"}

func TestTheDescriptionIsExactlyWhatIsServed(t *testing.T) {
	engine, paths := mounted(t)
	var described, served []string
	for path, methods := range paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	param := regexp.MustCompile(`:(\w+)`)
	for _, r := range engine.Routes() {
		served = append(served, r.Method+" "+param.ReplaceAllString(strings.TrimPrefix(r.Path, httpapi.Base), "{$1}"))
	}
	described = append(described, undescribed...)
	slices.Sort(described)
	slices.Sort(served)
	require.Equal(t, described, served)
}

// The paths that other tools are written against (docs/api.md).
func TestTheContractIsServed(t *testing.T) {
	_, paths := mounted(t)
	for _, want := range strings.Fields(`
		/incidents /incidents/{id} /intake/{format} /obligations/derive /incidents/{id}/obligations /incidents/{id}/tasks
		/tasks/{id}/complete /incidents/{id}/notices /incidents/{id}/reports /notices/{id} /reports/{id} /notices/{id}/submit
		/notices/{id}/approve /notices/{id}/return /notices/{id}/withdraw /reports/{id}/submit /notices/{id}/preview
		/reports/{id}/export /reports/{id}/filings /incidents/{id}/audience /audiences/{id} /audiences/{id}/rejects
		/notices/{id}/dispatch /dispatches/{id} /dispatches/{id}/pause /dispatches/{id}/resume /dispatches/{id}/stop
		/dispatches/{id}/deliveries /dispatches/{id}/deliveries/search /providers /providers/{id}/pause /providers/{id}/resume
		/incidents/{id}/evidence /operators/{id}/profile /events`) {
		require.Contains(t, paths, want)
	}
}

func TestEveryOperationNeedsAToken(t *testing.T) {
	engine, paths := mounted(t)
	for path, methods := range paths {
		for method := range methods {
			w := httptest.NewRecorder()
			target := httpapi.Base + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x")
			engine.ServeHTTP(w, httptest.NewRequest(strings.ToUpper(method), target, strings.NewReader("{}")))
			require.Equal(t, http.StatusUnauthorized, w.Code, "%s %s", method, path)
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		}
	}
}

func TestCallbacksNeedTheirSecretPath(t *testing.T) {
	gin.SetMode(gin.TestMode)
	law, err := builtinLaw()
	require.NoError(t, err)
	engine := gin.New()
	httpapi.Mount(engine, httpapi.Options{Engine: law, Callback: "right"})
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodPost, httpapi.Base+"/callbacks/aliyun-sms/wrong", strings.NewReader("[]")))
	require.Equal(t, http.StatusNotFound, w.Code)
}

func TestProblemsNeverRepeatTheValue(t *testing.T) {
	mounted(t)
	p := huma.NewError(http.StatusUnprocessableEntity, "validation failed", &huma.ErrorDetail{Location: "body.people[0].name", Message: "expected string", Value: "secret person"})
	b, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(b), "secret person")
	require.Contains(t, string(b), `"pointer":"/people/0/name"`)
	require.Equal(t, http.StatusBadRequest, p.GetStatus())
	p = huma.NewError(http.StatusInternalServerError, "password=hunter2")
	b, err = json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(b), "hunter2")
}
