package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// The cookies of the console.
const (
	cookieSession = "tocsin_session"
	cookieLocale  = "tocsin_locale"
	cookieTheme   = "tocsin_theme"
)

var themes = []string{"auto", "light", "dark"}

// sessionCookie has a name that only TLS may set where there is TLS.
func (c *console) sessionCookie() string {
	if c.Secure {
		return "__Host-" + cookieSession
	}
	return cookieSession
}

func (c *console) setCookie(g *gin.Context, name, value string, life time.Duration) {
	http.SetCookie(g.Writer, &http.Cookie{Name: name, //nolint:gosec // Secure wherever there is TLS; loopback has none
		Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteStrictMode})
}

func cookie(g *gin.Context, name string, allowed []string) string {
	if v, err := g.Cookie(name); err == nil && slices.Contains(allowed, v) {
		return v
	}
	return allowed[0]
}

// guestLocale is the language of who has not signed in: the one chosen here, now or before, else the browser's.
func guestLocale(g *gin.Context) string {
	if v := g.Query("lang"); slices.Contains(locales, v) {
		return v
	}
	if v, err := g.Cookie(cookieLocale); err == nil && slices.Contains(locales, v) {
		return v
	}
	for tag := range strings.SplitSeq(g.GetHeader("Accept-Language"), ",") {
		tag = strings.ToLower(strings.TrimSpace(tag))
		for _, l := range locales {
			if strings.HasPrefix(tag, strings.ToLower(l[:2])) {
				return l
			}
		}
	}
	return locales[0]
}

// signedIn lets only signed-in people reach a page; everybody else comes to the sign-in page.
func (c *console) signedIn(do handler) gin.HandlerFunc {
	return func(g *gin.Context) {
		token, err := g.Cookie(c.sessionCookie())
		if err != nil {
			token = ""
		}
		sc, user, err := c.Access.BySession(g.Request.Context(), token)
		switch {
		case incident.IsFault(err, incident.Unauthorized):
			c.askSignIn(g)
			return
		case err != nil:
			(&request{Context: g, console: c, viewer: c.guest(g)}).refuse(err)
			return
		}
		r := &request{Context: g, console: c, viewer: c.viewer(g, sc, user)}
		if err := do(r); err != nil {
			r.refuse(err)
		}
	}
}

// askSignIn sends a page's reader to the sign-in page and back, and a part of a page to the whole one.
func (c *console) askSignIn(g *gin.Context) {
	to := "/sign-in"
	if g.Request.Method == http.MethodGet && g.FullPath() != "/" && g.FullPath() != "/console/events" {
		to += "?next=" + url.QueryEscape(g.Request.URL.Path)
	}
	if g.GetHeader("HX-Request") != "" || g.FullPath() == "/console/events" {
		g.Header("HX-Redirect", to)
		g.Status(http.StatusUnauthorized)
		return
	}
	g.Redirect(http.StatusSeeOther, to)
}

func (c *console) guest(g *gin.Context) *viewer {
	return &viewer{Locale: guestLocale(g), Theme: cookie(g, cookieTheme, themes), words: c.looks.words, zone: time.UTC, now: c.Clock.Now()}
}

func (c *console) viewer(g *gin.Context, sc evidence.Scope, user access.User) *viewer {
	v := c.guest(g)
	v.scope, v.User = sc, user
	if slices.Contains(locales, user.Locale) {
		v.Locale = user.Locale
	}
	if p, _, err := c.Playbooks.Profile(g.Request.Context(), sc); err == nil {
		if zone, err := time.LoadLocation(p.Org.Zone); err == nil {
			v.zone = zone
		}
	}
	v.people = c.names(g.Request.Context())
	return v
}

// peopleFor is how long names of colleagues may be old.
const peopleFor = 15 * time.Second

// names of colleagues by user id, so that decisions show who took them.
func (c *console) names(ctx context.Context) map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.Clock.Now(); c.people == nil || now.Sub(c.peopled) > peopleFor {
		users, err := c.Access.Users(ctx, evidence.System(c.Operator))
		if err != nil {
			return c.people
		}
		c.people, c.peopled = map[string]string{}, now
		for _, u := range users {
			c.people[u.ID] = u.Name
			if u.Name == "" {
				c.people[u.ID] = u.Login
			}
		}
	}
	return c.people
}

type signInModel struct {
	page
	Next, Login string
}

func (c *console) signInPage(g *gin.Context) {
	r := &request{Context: g, console: c, viewer: c.guest(g)}
	r.show(http.StatusOK, "sign-in", &signInModel{page: r.page("sign-in.title"), Next: local(g.Query("next"))})
}

func (c *console) signIn(g *gin.Context) {
	r := &request{Context: g, console: c, viewer: c.guest(g)}
	next, login := local(g.PostForm("next")), g.PostForm("login")
	token, user, err := c.Access.SignIn(g.Request.Context(), login, g.PostForm("password"))
	if err != nil {
		if f := r.fault(err); f != nil {
			m := &signInModel{page: r.page("sign-in.title"), Next: next, Login: login}
			m.Fault = f
			r.show(f.Status, "sign-in", m)
			return
		}
		r.refuse(err)
		return
	}
	c.setCookie(g, c.sessionCookie(), token, 24*time.Hour)
	c.setCookie(g, cookieLocale, user.Locale, year)
	g.Redirect(http.StatusSeeOther, next)
}

const year = 365 * 24 * time.Hour

// local is a path on this site, or the first page.
func local(next string) string {
	if strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && !strings.ContainsAny(next, "\\\r\n") {
		return next
	}
	return "/"
}

func (r *request) signOut() error {
	if token, err := r.Cookie(r.sessionCookie()); err == nil {
		if err := r.Access.SignOut(r.ctx(), token); err != nil {
			return err
		}
	}
	r.setCookie(r.Context, r.sessionCookie(), "", -time.Second)
	r.Redirect(http.StatusSeeOther, "/sign-in")
	return nil
}

// preferences keeps language and look.
func (r *request) preferences() error {
	if locale := r.PostForm("locale"); slices.Contains(locales, locale) {
		if err := r.Access.SetLocale(r.ctx(), r.scope, locale); err != nil {
			return err
		}
		r.setCookie(r.Context, cookieLocale, locale, year)
	}
	if theme := r.PostForm("theme"); slices.Contains(themes, theme) {
		r.setCookie(r.Context, cookieTheme, theme, year)
	}
	r.Redirect(http.StatusSeeOther, local(r.PostForm("back")))
	return nil
}
