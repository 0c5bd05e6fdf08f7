package playbooks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Profile reads the operator's profile and its hash. Without one yet it is NotFound.
func (s *Service) Profile(ctx context.Context, sc evidence.Scope) (p obligation.Profile, hash string, err error) {
	if !access.Can(sc, access.Manage) {
		if err := access.Require(sc, access.Read); err != nil {
			return p, "", err
		}
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		p, hash, err = tx.Profile(ctx)
		return err
	})
	return p, hash, err
}

// PutProfile stores a new version of the profile and has every open incident derived again. ifMatch ""
// skips the check.
func (s *Service) PutProfile(ctx context.Context, sc evidence.Scope, ifMatch string, p obligation.Profile) (hash string, err error) {
	if err := access.Require(sc, access.Manage); err != nil {
		return "", err
	}
	if p.Operator == "" {
		p.Operator = sc.Operator
	}
	err = s.store.InTx(ctx, sc, func(tx Tx) error {
		if problems := s.checkProfile(sc, p, tx.Now()); len(problems) > 0 {
			return incident.InvalidInput(problems)
		}
		old, have, err := tx.Profile(ctx)
		p.Transfers = signed(p.Transfers, old.Transfers, sc.Actor.ID)
		if err != nil && !incident.IsFault(err, incident.NotFound) {
			return err
		}
		if ifMatch != "" && ifMatch != have {
			return incident.NewFault(incident.Stale, "somebody has changed the profile since; read it again")
		}
		if err == nil && same(old, p) {
			hash = have
			return nil
		}
		if hash, err = tx.PutProfile(ctx, p); err != nil {
			return err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("encode profile: %w", err)
		}
		refs := map[string]string{"digest": hashOf(body)}
		tx.AppendLedger(evidence.Draft{Chain: evidence.SystemChain, Kind: "profile.changed", Refs: refs})
		tx.Emit(incident.Event{Kind: "profile.changed", Refs: refs})
		return nil
	})
	return hash, err
}

// What a profile may say.
var (
	profileRoles = []string{"network_operator", "cii_operator", "central_organ", "pi_processor", "entrusted",
		"nd_processor", "important_data_processor", "product_provider", "trust_service_provider"}
	profileSectors = []string{"internet", "telecom", "industry", "banking", "insurance", "securities", "payment",
		"energy", "health", "transport", "education", "government", "cloud"}
	profileChannels = []string{templates.Email, templates.SMS, templates.Push, templates.Announcement}
	regionForm      = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)
	hostForm        = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
)

// profileCheck collects what is wrong with a profile.
type profileCheck struct{ problems []incident.Problem }

func (c *profileCheck) want(ok bool, pointer, rule, message string) {
	if !ok {
		c.problems = append(c.problems, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
	}
}

func (c *profileCheck) among(values, allowed []string, pointer string) {
	for i, v := range values {
		c.want(slices.Contains(allowed, v), fmt.Sprintf("%s/%d", pointer, i), "enum", "must be one of "+strings.Join(allowed, ", "))
		c.want(!slices.Contains(values[:i], v), fmt.Sprintf("%s/%d", pointer, i), "unique", "stands here twice")
	}
}

func (s *Service) checkProfile(sc evidence.Scope, p obligation.Profile, now time.Time) []incident.Problem {
	c := &profileCheck{}
	c.want(p.Operator == sc.Operator, "/operator", "own", "must be the operator you are signed in for")
	c.among(p.Roles, profileRoles, "/roles")
	c.want(len(p.Roles) > 0, "/roles", "required", "must name at least one role")
	c.among(p.Sectors, profileSectors, "/sectors")
	c.among(p.Channels, profileChannels, "/channels")
	for i, e := range p.Establishments {
		c.want(regionForm.MatchString(e), fmt.Sprintf("/establishments/%d", i), "region", "must be a code of ISO 3166-2 such as CN-SH")
	}
	c.want(len(p.Establishments) > 0, "/establishments", "required", "must name where the operator is established")
	for rule, aim := range p.Targets {
		at := incident.Pointer("/targets", rule)
		c.want(s.defs.known.rule(rule), at, "rule", "no rule has this id")
		c.want(aim != "", at, "duration", "must be a duration")
	}
	c.organisation(p.Org)
	c.authorities(p.Authorities, s.engine.Addressees())
	c.standing(p.Standing, s.defs.known.rule, now)
	c.transfers(p.Transfers)
	// The engine knows what else it reads of a profile: commitments, registrations, settings, durations.
	_, problems := s.engine.Derive(obligation.Input{AsOf: time.Unix(0, 0).UTC(), Profile: p})
	for _, problem := range problems {
		if at, ok := strings.CutPrefix(problem.Pointer, "/profile"); ok {
			problem.Pointer = at
			c.problems = append(c.problems, problem)
		}
	}
	return c.problems
}

func (c *profileCheck) organisation(o templates.Organisation) {
	for _, text := range []struct {
		at     string
		values map[string]string
	}{{"/org/name", o.Name}, {"/org/contact", o.Contact}} {
		for _, locale := range []string{"zh-Hans", "en"} {
			c.want(strings.TrimSpace(text.values[locale]) != "", text.at+"/"+locale, "required", "must be given: notices print it")
		}
	}
	c.want(hostForm.MatchString(o.Site), "/org/site", "host", "must be a domain name without scheme or path")
	address, err := mail.ParseAddress(o.Sender)
	c.want(err == nil && address != nil, "/org/sender", "address", "must be an e-mail address")
	_, err = time.LoadLocation(o.Zone)
	c.want(o.Zone != "" && err == nil, "/org/zone", "zone", "must be an IANA time zone such as Asia/Shanghai")
	c.want((o.SMSSign == "") == (o.SMSTemplate == ""), "/org/sms_template", "together", "SMS needs both a signature and an approved template")
}
