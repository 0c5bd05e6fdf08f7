package access

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/clock"
)

const pass = "correct horse battery"

var (
	ctx    = context.Background()
	system = evidence.System("acme")
)

func setup(t *testing.T) (*Service, *memory, *clock.Fake) {
	t.Helper()
	clk := clock.NewFake(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	m := &memory{clock: clk, sessions: map[string]Session{}}
	s := New(m, "acme", WithCost(64, 1, 1))
	return s, m, clk
}

func add(t *testing.T, s *Service, login string, roles ...string) User {
	t.Helper()
	u, err := s.CreateUser(ctx, system, User{Login: login, Name: "Test Person", Roles: roles, Teams: []string{"legal"}, Locale: "en"}, pass)
	require.NoError(t, err)
	return u
}

func signIn(t *testing.T, s *Service, login string) (string, evidence.Scope) {
	t.Helper()
	token, _, err := s.SignIn(ctx, login, pass)
	require.NoError(t, err)
	sc, _, err := s.BySession(ctx, token)
	require.NoError(t, err)
	return token, sc
}

func TestRequire(t *testing.T) {
	all := []Permission{Report, Read, Work, Approve, Send, ReadPeople, Manage}
	for _, c := range []struct {
		role string
		may  []Permission
	}{
		{Reporter, []Permission{Report}},
		{Responder, []Permission{Report, Read, Work, Send, ReadPeople}},
		{Approver, []Permission{Read, Approve}},
		{Admin, []Permission{Read, Manage}},
		{Auditor, []Permission{Read, ReadPeople}},
		{"unheard-of", nil},
	} {
		sc := evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: "usr_1"}, Roles: []string{c.role}}
		var may []Permission
		for _, p := range all {
			if Require(sc, p) == nil {
				may = append(may, p)
			}
		}
		require.Equal(t, c.may, may, c.role)
	}
}

func TestOnlyPeopleApprove(t *testing.T) {
	require.NoError(t, Require(system, Manage))
	require.Error(t, Require(system, Approve), "the system approves nothing")
	tool := evidence.Scope{Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_1"}, Roles: []string{Approver}}
	require.True(t, incident.IsFault(Require(tool, Approve), incident.Forbidden))
}

func TestSignIn(t *testing.T) {
	s, _, _ := setup(t)
	u := add(t, s, "Lin", Responder)
	token, sc := signIn(t, s, " LIN ")
	require.NotEmpty(t, token)
	require.Equal(t, evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: u.ID},
		Roles: []string{Responder}, Teams: []string{"legal"}}, sc)

	_, _, wrong := s.SignIn(ctx, "lin", "not the password")
	_, _, unknown := s.SignIn(ctx, "nobody", pass)
	_, _, empty := s.SignIn(ctx, "nobody", "")
	require.True(t, incident.IsFault(wrong, incident.Unauthorized))
	require.Equal(t, wrong.Error(), unknown.Error(), "the answer does not tell whether a login exists")
	require.Equal(t, wrong.Error(), empty.Error())

	require.NoError(t, s.SignOut(ctx, token))
	_, _, err := s.BySession(ctx, token)
	require.True(t, incident.IsFault(err, incident.Unauthorized))
}

func TestStoreHoldsNoSecret(t *testing.T) {
	s, m, _ := setup(t)
	u := add(t, s, "lin", Responder)
	token, sc := signIn(t, s, "lin")
	api, err := s.IssueToken(ctx, sc, Token{Name: "shell", Kind: evidence.Person, User: u.ID, Roles: []string{Responder}})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(api, "tcs_"))
	kept := m.dump()
	for _, secret := range []string{pass, token, strings.Split(token, ".")[0], api} {
		require.NotContains(t, kept, secret)
	}
}

func TestSessionEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(t *testing.T, s *Service, clk *clock.Fake, token string)
		alive bool
	}{
		{"used within the idle limit", func(_ *testing.T, _ *Service, clk *clock.Fake, _ string) { clk.Advance(11 * time.Hour) }, true},
		{"idle for 12 hours", func(_ *testing.T, _ *Service, clk *clock.Fake, _ string) { clk.Advance(12 * time.Hour) }, false},
		{"24 hours in use", func(t *testing.T, s *Service, clk *clock.Fake, token string) {
			for range 3 {
				clk.Advance(8*time.Hour - time.Second)
				_, _, err := s.BySession(ctx, token)
				require.NoError(t, err)
			}
			clk.Advance(3 * time.Second)
		}, false},
		{"password set anew", func(t *testing.T, s *Service, _ *clock.Fake, _ string) {
			require.NoError(t, s.SetPassword(ctx, system, "lin", "another long password"))
		}, false},
		{"user disabled", func(t *testing.T, s *Service, _ *clock.Fake, _ string) {
			require.NoError(t, s.Disable(ctx, system, "lin"))
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, clk := setup(t)
			add(t, s, "lin", Responder)
			token, _ := signIn(t, s, "lin")
			c.do(t, s, clk, token)
			_, _, err := s.BySession(ctx, token)
			require.Equal(t, c.alive, err == nil)
			if !c.alive {
				require.True(t, incident.IsFault(err, incident.Unauthorized))
			}
		})
	}
}

func TestForgedCookieIsNoSession(t *testing.T) {
	s, _, _ := setup(t)
	add(t, s, "lin", Responder)
	token, _ := signIn(t, s, "lin")
	secret, _, _ := strings.Cut(token, ".")
	for _, forged := range []string{"", ".", secret, secret + ".", secret + ".AAAAAAAAAAAAAAAAAAAAAA", "x" + token} {
		_, _, err := s.BySession(ctx, forged)
		require.True(t, incident.IsFault(err, incident.Unauthorized))
	}
}

func TestGuessingIsSlowedDownPerLogin(t *testing.T) {
	s, _, clk := setup(t)
	add(t, s, "lin", Responder)
	add(t, s, "wei", Responder)
	for range attemptsAtOnce {
		_, _, err := s.SignIn(ctx, "lin", "not the password")
		require.True(t, incident.IsFault(err, incident.Unauthorized))
	}
	_, _, err := s.SignIn(ctx, "lin", pass)
	require.True(t, incident.IsFault(err, incident.Busy), "even the right password waits")
	signIn(t, s, "wei")
	clk.Advance(attemptEvery)
	signIn(t, s, "lin")
	for range attemptsAtOnce {
		signIn(t, s, "lin") // a right password gives the attempts back
	}
}

func TestThrottleIsBounded(t *testing.T) {
	th, now := newThrottle(), time.Unix(0, 0)
	for i := range loginsWatched + 100 {
		now = now.Add(time.Second)
		th.take(string(rune(i)), now)
	}
	require.Len(t, th.logins, loginsWatched)
}

func TestHashingTurnsAwayWhatIsTooMuch(t *testing.T) {
	s, _, _ := setup(t)
	for range cap(s.hasher.queue) {
		s.hasher.queue <- struct{}{}
	}
	_, _, err := s.SignIn(ctx, "nobody", pass)
	require.True(t, incident.IsFault(err, incident.Busy))
}

func TestLastAdminStays(t *testing.T) {
	s, _, _ := setup(t)
	add(t, s, "first", Admin)
	require.True(t, incident.IsFault(s.Disable(ctx, system, "first"), incident.Conflict))
	require.True(t, incident.IsFault(s.SetRoles(ctx, system, "first", []string{Auditor}, nil), incident.Conflict))
	add(t, s, "second", Admin)
	require.NoError(t, s.Disable(ctx, system, "first"))
	require.True(t, incident.IsFault(s.Disable(ctx, system, "second"), incident.Conflict))
	require.NoError(t, s.Enable(ctx, system, "first"))
	require.NoError(t, s.SetRoles(ctx, system, "second", []string{Auditor}, nil))
}

func TestManagingNeedsAnAdmin(t *testing.T) {
	s, _, _ := setup(t)
	add(t, s, "lin", Responder, Approver, Auditor)
	_, lin := signIn(t, s, "lin")
	other := evidence.System("other")
	for _, by := range []evidence.Scope{lin, other} {
		_, err := s.CreateUser(ctx, by, User{Login: "x", Roles: []string{Admin}}, pass)
		require.Error(t, err)
		require.Error(t, s.SetPassword(ctx, by, "lin", pass))
		require.Error(t, s.SetRoles(ctx, by, "lin", []string{Admin}, nil))
		require.Error(t, s.Disable(ctx, by, "lin"))
		_, err = s.Users(ctx, by)
		require.Error(t, err)
		_, err = s.IssueToken(ctx, by, Token{Name: "siem", Kind: evidence.Tool, Roles: []string{Reporter}})
		require.Error(t, err)
	}
}

func TestCreateUserNamesEveryFault(t *testing.T) {
	s, _, _ := setup(t)
	_, err := s.CreateUser(ctx, system, User{Login: "no spaces", Roles: []string{"king"}, Locale: "xx"}, "short")
	var f *incident.Fault
	require.ErrorAs(t, err, &f)
	var at []string
	for _, p := range f.Problems {
		at = append(at, p.Pointer)
	}
	require.Equal(t, []string{"/login", "/locale", "/roles", "/password"}, at)
	require.NotContains(t, err.Error(), "short")
}

func TestChangePassword(t *testing.T) {
	s, _, _ := setup(t)
	add(t, s, "lin", Responder)
	token, lin := signIn(t, s, "lin")
	require.True(t, incident.IsFault(s.ChangePassword(ctx, lin, "not the password", "a new long password"), incident.Unauthorized))
	require.True(t, incident.IsFault(s.ChangePassword(ctx, lin, pass, "short"), incident.Invalid))
	require.NoError(t, s.ChangePassword(ctx, lin, pass, "a new long password"))
	_, _, err := s.BySession(ctx, token)
	require.Error(t, err)
	_, _, err = s.SignIn(ctx, "lin", "a new long password")
	require.NoError(t, err)
}

func TestToolToken(t *testing.T) {
	s, _, clk := setup(t)
	token, err := s.IssueToken(ctx, system, Token{Name: "siem", Kind: evidence.Tool, Roles: []string{Reporter}, ExpiresAt: clk.Now().Add(time.Hour)})
	require.NoError(t, err)
	sc, err := s.ByToken(ctx, token)
	require.NoError(t, err)
	require.Equal(t, evidence.Tool, sc.Actor.Kind)
	require.Equal(t, []string{Reporter}, sc.Roles)

	clk.Advance(time.Hour)
	_, err = s.ByToken(ctx, token)
	require.True(t, incident.IsFault(err, incident.Unauthorized), "expired")
	_, err = s.ByToken(ctx, "tcs_unknown")
	require.True(t, incident.IsFault(err, incident.Unauthorized))
}

func TestPersonToken(t *testing.T) {
	s, _, _ := setup(t)
	u := add(t, s, "lin", Responder, Approver)
	_, lin := signIn(t, s, "lin")
	want := Token{Name: "shell", Kind: evidence.Person, User: u.ID, Roles: []string{Responder, Admin}}
	token, err := s.IssueToken(ctx, lin, want)
	require.NoError(t, err)
	sc, err := s.ByToken(ctx, token)
	require.NoError(t, err)
	require.Equal(t, []string{Responder}, sc.Roles, "never more than the person holds")
	require.Equal(t, []string{"legal"}, sc.Teams)

	_, err = s.IssueToken(ctx, system, want)
	require.True(t, incident.IsFault(err, incident.Forbidden), "nobody acts in another's name")

	require.NoError(t, s.Disable(ctx, system, "lin"))
	_, err = s.ByToken(ctx, token)
	require.True(t, incident.IsFault(err, incident.Unauthorized))
}

func TestRevokeToken(t *testing.T) {
	s, _, _ := setup(t)
	add(t, s, "lin", Responder)
	_, lin := signIn(t, s, "lin")
	token, err := s.IssueToken(ctx, system, Token{Name: "siem", Kind: evidence.Tool, Roles: []string{Reporter}})
	require.NoError(t, err)
	tokens, err := s.Tokens(ctx, system)
	require.NoError(t, err)
	require.Len(t, tokens, 1)
	require.Nil(t, tokens[0].Hash)
	hers, err := s.Tokens(ctx, lin)
	require.NoError(t, err)
	require.Empty(t, hers)

	require.True(t, incident.IsFault(s.RevokeToken(ctx, lin, tokens[0].ID), incident.NotFound))
	require.NoError(t, s.RevokeToken(ctx, system, tokens[0].ID))
	_, err = s.ByToken(ctx, token)
	require.True(t, incident.IsFault(err, incident.Unauthorized))
}
