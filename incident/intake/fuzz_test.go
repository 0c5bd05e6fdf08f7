package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/intake"
)

func FuzzNative(f *testing.F)      { fuzz(f, "native", "native*.json", nil) }
func FuzzVERIS(f *testing.F)       { fuzz(f, "veris", "veris-*.json", nil) }
func FuzzCloudEvents(f *testing.F) { fuzz(f, "cloudevents", "cloudevents-*.json", nil) }
func FuzzAuto(f *testing.F)        { fuzz(f, "auto", "*.json", nil) }

// FuzzBinaryEvent takes any header value.
func FuzzBinaryEvent(f *testing.F) {
	f.Add("1", "/s", []byte(`{"title":"a","facts":{}}`))
	f.Add(`"%2F"`, "%C0%AF", []byte(`{`))
	f.Fuzz(func(t *testing.T, id, source string, body []byte) {
		same(t, intake.Request{Format: "auto", Body: body, Header: map[string]string{"ce-specversion": "1.0", "ce-type": "t", "ce-id": id, "ce-source": source}})
	})
}

// fuzz feeds a reader with its samples, whole, cut and bent.
func fuzz(f *testing.F, format, samples string, header map[string]string) {
	files, err := filepath.Glob(filepath.Join("testdata/samples", samples))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
		for i := 1; i < 20; i++ {
			f.Add(body[:len(body)*i/20])
			bent := append([]byte{}, body...)
			bent[len(body)*i/20] ^= 1 << (i % 8)
			f.Add(bent)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		same(t, intake.Request{Format: format, Header: header, Body: body})
	})
}

// same takes a request twice: the answer is the same, nothing panics, and what is refused says why.
func same(t *testing.T, r intake.Request) {
	t.Helper()
	r.DryRun = true
	s, store := service()
	first, err := s.Accept(context.Background(), tool, r)
	second, again := s.Accept(context.Background(), tool, r)
	require.Equal(t, err, again)
	a, _ := json.Marshal(first)
	b, _ := json.Marshal(second)
	require.Equal(t, string(a), string(b))
	var fault *incident.Fault
	if err != nil {
		require.True(t, errors.As(err, &fault), "%v", err)
		require.True(t, fault.Kind == incident.Unsupported || len(fault.Problems) > 0)
		return
	}
	r.DryRun = false
	if _, err = s.Accept(context.Background(), tool, r); err != nil {
		require.True(t, errors.As(err, &fault), "%v", err)
		require.NotEmpty(t, fault.Problems)
		require.Empty(t, store.All())
	}
}
