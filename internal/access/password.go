package access

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/time/rate"

	"tocsin/incident"
)

const (
	minPassword  = 12  // characters
	maxPassword  = 256 // bytes
	hashesAtOnce = 2   // each takes its memory cost
	hashesQueued = 32  // more are turned away, so that sign-ins cannot exhaust memory
)

var errBusy = incident.NewFault(incident.Busy, "too many sign-ins at once; try again in a few seconds")

// hasher makes and checks argon2id hashes, a bounded number at a time.
type hasher struct {
	params argon2id.Params
	queue  chan struct{} // held while waiting or working
	slots  chan struct{} // held while working
	decoy  func() (string, error)
}

func newHasher(p argon2id.Params) *hasher {
	return &hasher{
		params: p,
		queue:  make(chan struct{}, hashesAtOnce+hashesQueued),
		slots:  make(chan struct{}, hashesAtOnce),
		// What the password of an unknown login is compared with: the same work, never a match.
		decoy: sync.OnceValues(func() (string, error) { return argon2id.CreateHash(newSecret(), &p) }),
	}
}

func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, errBusy
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, ctx.Err()
	}
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password, &h.params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// matches compares in constant time; hash "" stands for an unknown login and costs the same.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	known := hash != ""
	if !known {
		if hash, err = h.decoy(); err != nil {
			return false, fmt.Errorf("hash password: %w", err)
		}
	}
	if len(password) > maxPassword {
		password = password[:maxPassword] // cannot match: no stored password is as long
		known = false
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return ok && known, nil
}

// checkPassword is the rule for new passwords: length is what counts.
func checkPassword(login, password string) []incident.Problem {
	problem := func(rule, message string) []incident.Problem {
		return []incident.Problem{{Pointer: "/password", Rule: rule, Message: message}}
	}
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return problem("min-length", fmt.Sprintf("must have at least %d characters", minPassword))
	case len(password) > maxPassword:
		return problem("max-length", fmt.Sprintf("must have at most %d bytes", maxPassword))
	case normalise(password) == login:
		return problem("not-login", "must differ from the login")
	}
	return nil
}

const (
	attemptsAtOnce = 10
	attemptEvery   = 30 * time.Second // an attempt comes back this often
	loginsWatched  = 10_000
)

// throttle slows down guessing per login. It is bounded: when full, the login untouched for longest goes.
type throttle struct {
	mu     sync.Mutex
	logins map[[sha256.Size]byte]*attempts
}

type attempts struct {
	left *rate.Limiter
	last time.Time
}

func newThrottle() *throttle { return &throttle{logins: map[[sha256.Size]byte]*attempts{}} }

// take counts one attempt and reports whether it may be made.
func (t *throttle) take(login string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sha256.Sum256([]byte(login)) // a fixed size, whatever was typed
	a := t.logins[key]
	if a == nil {
		if len(t.logins) >= loginsWatched {
			t.forgetOldest()
		}
		a = &attempts{left: rate.NewLimiter(rate.Every(attemptEvery), attemptsAtOnce)}
		t.logins[key] = a
	}
	a.last = now
	return a.left.AllowN(now, 1)
}

// clear forgets the attempts of a login whose password was right.
func (t *throttle) clear(login string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.logins, sha256.Sum256([]byte(login)))
}

func (t *throttle) forgetOldest() {
	var oldest [sha256.Size]byte
	var at time.Time
	for key, a := range t.logins {
		if at.IsZero() || a.last.Before(at) {
			oldest, at = key, a.last
		}
	}
	delete(t.logins, oldest)
}
