package notify

import (
	"cmp"
	"context"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// Providers are the configured ways out, in the order of failover, with what is known of each.
func (s *Service) Providers(ctx context.Context, sc evidence.Scope) ([]ProviderState, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	out := make([]ProviderState, len(s.ways))
	for i, w := range s.ways {
		out[i] = ProviderState{ID: w.ID, Channel: w.Channel}
	}
	err := s.store.View(ctx, sc, func(tx Tx) error {
		states, err := tx.ProviderStates(ctx)
		for _, state := range states {
			if i := slices.IndexFunc(out, func(p ProviderState) bool { return p.ID == state.ID }); i >= 0 {
				out[i] = state
			}
		}
		return err
	})
	return out, err
}

// PauseProvider takes a provider out of use: what it has not begun goes to the next one.
func (s *Service) PauseProvider(ctx context.Context, sc evidence.Scope, id, reason string) (ProviderState, error) {
	if problem := plain("/reason", reason, maxReason); problem != nil {
		return ProviderState{}, incident.InvalidInput([]incident.Problem{*problem})
	}
	return s.setProvider(ctx, sc, id, true, reason)
}

// ResumeProvider takes a provider into use again, and lets the dispatches run on that wait for it alone.
func (s *Service) ResumeProvider(ctx context.Context, sc evidence.Scope, id string) (ProviderState, error) {
	return s.setProvider(ctx, sc, id, false, "")
}

func (s *Service) setProvider(ctx context.Context, sc evidence.Scope, id string, paused bool, reason string) (ProviderState, error) {
	var p ProviderState
	if err := access.Require(sc, access.Send); err != nil {
		return p, err
	}
	at := slices.IndexFunc(s.ways, func(w Way) bool { return w.ID == id })
	if at < 0 {
		return p, incident.NewFault(incident.NotFound, "there is no such provider")
	}
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		known, err := providerState(ctx, tx, id)
		if err != nil || known.Paused == paused && (!paused || known.By != "") {
			p = known
			return err
		}
		now := tx.Now()
		p = ProviderState{ID: id, Channel: s.ways[at].Channel, Paused: paused, Since: &now, By: sc.Actor.ID, Reason: reason, Rate: known.Rate}
		if err := putProvider(ctx, tx, p, "", reason); err != nil || paused {
			return err
		}
		return runOn(ctx, tx, p.Channel)
	})
	return p, err
}

func providerState(ctx context.Context, tx Tx, id string) (ProviderState, error) {
	states, err := tx.ProviderStates(ctx)
	if err != nil {
		return ProviderState{}, err
	}
	for _, p := range states {
		if p.ID == id {
			return p, nil
		}
	}
	return ProviderState{ID: id}, nil
}

// StopProvider pauses a provider whose verdict, met on the way of a dispatch, says that it takes nothing more
// from us. One that is paused already stays as it is.
func StopProvider(ctx context.Context, tx Tx, d Dispatch, p ProviderState) error {
	known, err := providerState(ctx, tx, p.ID)
	if err != nil || known.Paused {
		return err
	}
	p.Code = ShortCode(p.Code)
	return putProvider(ctx, tx, p, d.ID, "")
}

// putProvider writes a provider's state, into the ledger of the system and as an event, too.
func putProvider(ctx context.Context, tx Tx, p ProviderState, dispatch, words string) error {
	if err := tx.PutProviderState(ctx, p); err != nil {
		return err
	}
	kind := "provider.resumed"
	if p.Paused {
		kind = "provider.paused"
	}
	refs := map[string]string{"provider": p.ID, "channel": p.Channel, "reason_code": cmp.Or(string(p.Class), "person")}
	for key, value := range map[string]string{"code": p.Code, "dispatch": dispatch} {
		if value != "" {
			refs[key] = value
		}
	}
	draft := evidence.Draft{Chain: evidence.SystemChain, Kind: kind, Refs: refs}
	if words != "" {
		draft.Commit = map[string]string{"reason": words}
	}
	tx.AppendLedger(draft)
	tx.Emit(incident.Event{Kind: kind, Refs: refs})
	return nil
}

// The reasons for which a dispatch pauses because somebody is left whom no provider takes now.
var providerReasons = []string{"stop", "bug", "provider"}

// lacksProvider says that a dispatch was paused because somebody is left whom no provider takes.
func (d Dispatch) lacksProvider() bool {
	return d.State == DispPaused && slices.Contains(providerReasons, d.Flow.Halted)
}

// runOn resumes the dispatches that wait for a provider of a channel.
func runOn(ctx context.Context, tx Tx, channel string) error {
	live, err := tx.RunningDispatches(ctx)
	if err != nil {
		return err
	}
	for _, d := range live {
		if !d.lacksProvider() || !slices.Contains(d.Channels, channel) {
			continue
		}
		if d, err = lockDispatch(ctx, tx, d); err != nil {
			return err
		}
		if !d.lacksProvider() { // somebody stopped it, or let it run on, meanwhile
			continue
		}
		d.hold(tx, DispRunning, "", "")
		if err := tx.UpdateDispatch(ctx, d); err != nil {
			return err
		}
		announceState(tx, d, steered[DispRunning], "", map[string]string{"reason_code": "provider"})
	}
	return nil
}

// useAgain takes the providers back into use that stopped a dispatch which a person now lets run on. Those that
// a person has paused stay so.
func useAgain(ctx context.Context, tx Tx, d Dispatch) error {
	if !d.lacksProvider() {
		return nil
	}
	states, err := tx.ProviderStates(ctx)
	for _, p := range states {
		if err != nil || !p.Paused || p.By != "" || !slices.Contains(d.Channels, p.Channel) {
			continue
		}
		now := tx.Now()
		err = putProvider(ctx, tx, ProviderState{ID: p.ID, Channel: p.Channel, Since: &now, By: tx.Scope().Actor.ID}, d.ID, "")
	}
	return err
}
