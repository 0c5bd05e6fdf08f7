package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

type providerList struct {
	Providers []notify.ProviderState `json:"providers" doc:"In the order of failover of each channel"`
}

func (a *api) providers(h huma.API) {
	type ProviderPath struct {
		ID string `path:"id" doc:"relay, relay-2, aliyun, aliyun-intl, tencent, aliyun-push"`
	}
	register(h, a, a.operation("list-providers", http.MethodGet, "/providers", "The ways out: which are paused and why, how fast each went", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, _ *struct{}) (*body[providerList], error) {
			list, err := a.Notify.Providers(ctx, sc)
			return &body[providerList]{Body: providerList{list}}, err
		})
	type pauseIn struct {
		ProviderPath
		Body struct {
			Reason string `json:"reason" minLength:"1"`
		}
	}
	register(h, a, a.operation("pause-provider", http.MethodPost, "/providers/{id}/pause", "Take a provider out of use, with a reason; the next one of its channel takes over", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *pauseIn) (*body[notify.ProviderState], error) {
			p, err := a.Notify.PauseProvider(ctx, sc, in.ID, in.Body.Reason)
			return &body[notify.ProviderState]{Body: p}, err
		})
	register(h, a, a.operation("resume-provider", http.MethodPost, "/providers/{id}/resume", "Take a provider into use again; dispatches that wait for it run on", http.StatusOK),
		func(ctx context.Context, sc evidence.Scope, in *ProviderPath) (*body[notify.ProviderState], error) {
			p, err := a.Notify.ResumeProvider(ctx, sc, in.ID)
			return &body[notify.ProviderState]{Body: p}, err
		})
}
