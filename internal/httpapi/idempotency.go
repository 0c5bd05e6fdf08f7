package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// inFlight knows the keys whose first request is still running.
type inFlight struct {
	mu   *sync.Mutex
	keys map[string]bool
}

func newInFlight() inFlight { return inFlight{mu: &sync.Mutex{}, keys: map[string]bool{}} }

func (f inFlight) enter(key string) (leave func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keys[key] {
		return nil, false
	}
	f.keys[key] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.keys, key)
	}, true
}

// answer is a JSON answer with its status, kept under an Idempotency-Key.
type answer struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed"`
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     json.RawMessage
}

// once runs do at most once per (caller, route, key) and body, and gives the stored first answer afterwards
// (draft-ietf-httpapi-idempotency-key-header). Without a key it just runs do.
func (a *api) once(ctx context.Context, sc evidence.Scope, route, key string, body []byte, do func() (*answer, error)) (*answer, error) {
	key = strings.Trim(strings.TrimSpace(key), `"`)
	if key == "" {
		return do()
	}
	if len(key) > 255 {
		return nil, incident.InvalidInput([]incident.Problem{{Pointer: "/header/Idempotency-Key", Rule: "length", Message: "must be at most 255 characters"}})
	}
	route = string(sc.Actor.Kind) + ":" + sc.Actor.ID + " " + route
	leave, free := a.running.enter(route + " " + key)
	if !free {
		return nil, incident.NewFault(incident.Conflict, "the first request with this Idempotency-Key is still running: ask again")
	}
	defer leave()
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	var kept *incident.KeptAnswer
	err := a.Store.View(ctx, sc, func(tx incident.Tx) (err error) {
		kept, err = tx.KeptAnswer(ctx, route, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	if kept != nil {
		if kept.BodyHash != hash {
			return nil, incident.NewFault(incident.Reused, "this Idempotency-Key came with another body: use a new key")
		}
		return &answer{Status: kept.Status, Replayed: "true", Body: kept.Body}, nil
	}
	out, err := do()
	if err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, sc, func(tx incident.Tx) error {
		return tx.KeepAnswer(ctx, incident.KeptAnswer{Route: route, Key: key, BodyHash: hash, Status: out.Status, Body: out.Body, At: tx.Now()})
	})
	if err != nil && !incident.IsFault(err, incident.Conflict) {
		return nil, fmt.Errorf("keep answer: %w", err)
	}
	return out, nil
}

func jsonAnswer(status int, v any) (*answer, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write answer: %w", err)
	}
	return &answer{Status: status, Body: b}, nil
}
