package store

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/internal/access"
)

// userBody is a user but for what rows are found by. Sealed under the operator's key.
type userBody struct {
	Login    string   `json:"login"`
	Name     string   `json:"name"`
	Roles    []string `json:"roles"`
	Teams    []string `json:"teams"`
	Locale   string   `json:"locale"`
	Hash     string   `json:"hash"`
	Disabled bool     `json:"disabled,omitempty"`
}

func (t *Tx) sealUser(ctx context.Context, u access.User) (login, body []byte, err error) {
	key, err := t.operatorKey(ctx)
	if err != nil {
		return nil, nil, err
	}
	body, err = sealJSON(key, "user/"+u.ID, userBody{u.Login, u.Name, u.Roles, u.Teams, u.Locale, u.Hash, u.Disabled})
	return key.Index("login", u.Login), body, err
}

var errLoginTaken = incident.NewFault(incident.Conflict, "this login is taken")

// InsertUser adds a user.
func (t *Tx) InsertUser(ctx context.Context, u access.User) error {
	login, body, err := t.sealUser(ctx, u)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "insert user",
		`INSERT INTO app_user (operator_id, id, login, created_at, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		t.op, u.ID, login, at(&u.CreatedAt), body)
	if err == nil && n == 0 {
		return errLoginTaken
	}
	return err
}

// UpdateUser writes everything of a user but its id and time of creation.
func (t *Tx) UpdateUser(ctx context.Context, u access.User) error {
	login, body, err := t.sealUser(ctx, u)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update user",
		`UPDATE app_user SET login = $3, body = $4 WHERE operator_id = $1 AND id = $2`, t.op, u.ID, login, body)
	if incident.IsFault(err, incident.Conflict) {
		return errLoginTaken
	}
	if err == nil && n == 0 {
		return notFound("user")
	}
	return err
}

// users reads users by a condition whose parameters start at $2.
func (t *Tx) users(ctx context.Context, where string, args ...any) ([]access.User, error) {
	key, err := t.findKey(ctx, t.op)
	if err != nil || key == nil {
		return nil, err
	}
	scan := func(s scanner) (u access.User, err error) {
		var body []byte
		if err := s.Scan(&u.ID, at(&u.CreatedAt), &body); err != nil {
			return u, err
		}
		var b userBody
		err = openJSON(key, "user/"+u.ID, body, &b)
		u.Login, u.Name, u.Roles, u.Teams = b.Login, b.Name, b.Roles, b.Teams
		u.Locale, u.Hash, u.Disabled = b.Locale, b.Hash, b.Disabled
		return u, err
	}
	return all(ctx, t, "read users", scan,
		`SELECT id, created_at, body FROM app_user WHERE operator_id = $1 `+where, append([]any{t.op}, args...)...)
}

func (t *Tx) user(ctx context.Context, where string, arg any) (access.User, error) {
	users, err := t.users(ctx, where, arg)
	if err != nil {
		return access.User{}, err
	}
	if len(users) == 0 {
		return access.User{}, notFound("user")
	}
	return users[0], nil
}

// User reads one by id.
func (t *Tx) User(ctx context.Context, id string) (access.User, error) {
	return t.user(ctx, `AND id = $2`, id)
}

// UserByLogin reads one by login.
func (t *Tx) UserByLogin(ctx context.Context, login string) (access.User, error) {
	key, err := t.findKey(ctx, t.op)
	if err != nil {
		return access.User{}, err
	}
	if key == nil {
		return access.User{}, notFound("user")
	}
	return t.user(ctx, `AND login = $2`, key.Index("login", login))
}

// Users reads all, in order of creation.
func (t *Tx) Users(ctx context.Context) ([]access.User, error) { return t.users(ctx, `ORDER BY id`) }

// InsertSession opens a session.
func (t *Tx) InsertSession(ctx context.Context, s access.Session) error {
	_, err := t.exec(ctx, "insert session", `
		INSERT INTO user_session (operator_id, token_hash, user_id, created_at, seen_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, t.op, s.TokenHash, s.User, at(&s.CreatedAt), at(&s.SeenAt), at(&s.ExpiresAt))
	return err
}

// TouchSession notes that a session was used.
func (t *Tx) TouchSession(ctx context.Context, tokenHash []byte, seenAt time.Time) error {
	_, err := t.exec(ctx, "touch session",
		`UPDATE user_session SET seen_at = $3 WHERE operator_id = $1 AND token_hash = $2`, t.op, tokenHash, at(&seenAt))
	return err
}

// Session finds a session by its token's hash.
func (t *Tx) Session(ctx context.Context, tokenHash []byte) (access.Session, error) {
	scan := func(r scanner) (s access.Session, err error) {
		return s, r.Scan(&s.TokenHash, &s.User, at(&s.CreatedAt), at(&s.SeenAt), at(&s.ExpiresAt))
	}
	s, ok, err := one(ctx, t, "read session", scan, `
		SELECT token_hash, user_id, created_at, seen_at, expires_at FROM user_session
		WHERE operator_id = $1 AND token_hash = $2`, t.op, tokenHash)
	if err == nil && !ok {
		err = notFound("session")
	}
	return s, err
}

// DeleteSession ends a session; that there is none is no error.
func (t *Tx) DeleteSession(ctx context.Context, tokenHash []byte) error {
	_, err := t.exec(ctx, "delete session",
		`DELETE FROM user_session WHERE operator_id = $1 AND token_hash = $2`, t.op, tokenHash)
	return err
}

func (t *Tx) sealTokenName(ctx context.Context, k access.Token) ([]byte, error) {
	key, err := t.operatorKey(ctx)
	if err != nil {
		return nil, err
	}
	return key.Seal("token/"+k.ID, []byte(k.Name)), nil
}

// InsertToken adds an API token.
func (t *Tx) InsertToken(ctx context.Context, k access.Token) error {
	name, err := t.sealTokenName(ctx, k)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert token", `
		INSERT INTO api_token (operator_id, id, token_hash, kind, user_id, roles, created_at, expires_at, revoked_at, name_sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		t.op, k.ID, k.Hash, string(k.Kind), k.User, text{k.Roles}, at(&k.CreatedAt), at(&k.ExpiresAt), at(&k.RevokedAt), name)
	return err
}

// UpdateToken changes name, roles, end and revocation of a token.
func (t *Tx) UpdateToken(ctx context.Context, k access.Token) error {
	name, err := t.sealTokenName(ctx, k)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update token", `
		UPDATE api_token SET roles = $3, expires_at = $4, revoked_at = $5, name_sealed = $6 WHERE operator_id = $1 AND id = $2`,
		t.op, k.ID, text{k.Roles}, at(&k.ExpiresAt), at(&k.RevokedAt), name)
	if err == nil && n == 0 {
		return notFound("token")
	}
	return err
}

func (t *Tx) tokens(ctx context.Context, where string, args ...any) ([]access.Token, error) {
	key, err := t.findKey(ctx, t.op)
	if err != nil || key == nil {
		return nil, err
	}
	scan := func(s scanner) (k access.Token, err error) {
		var name []byte
		err = s.Scan(&k.ID, &k.Hash, &k.Kind, &k.User, text{&k.Roles}, at(&k.CreatedAt), at(&k.ExpiresAt), at(&k.RevokedAt), &name)
		if err != nil {
			return k, err
		}
		name, err = key.Open("token/"+k.ID, name)
		k.Name = string(name)
		return k, err
	}
	return all(ctx, t, "read tokens", scan, `
		SELECT id, token_hash, kind, user_id, roles, created_at, expires_at, revoked_at, name_sealed FROM api_token
		WHERE operator_id = $1 `+where, append([]any{t.op}, args...)...)
}

// Token finds a token by its hash.
func (t *Tx) Token(ctx context.Context, hash []byte) (access.Token, error) {
	tokens, err := t.tokens(ctx, `AND token_hash = $2`, hash)
	if err != nil {
		return access.Token{}, err
	}
	if len(tokens) == 0 {
		return access.Token{}, notFound("token")
	}
	return tokens[0], nil
}

// Tokens reads all, in order of creation.
func (t *Tx) Tokens(ctx context.Context) ([]access.Token, error) {
	return t.tokens(ctx, `ORDER BY id`)
}
