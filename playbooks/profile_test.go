package playbooks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/playbooks/obligation"
)

func TestProfileFaultsAllAtOnce(t *testing.T) {
	h := open(t)
	bad := profile()
	bad.Operator, bad.Roles, bad.Sectors, bad.Establishments = "other", []string{"king"}, []string{"magic"}, []string{"Shanghai"}
	bad.Commitments, bad.Channels, bad.Targets = "nobody", []string{"fax"}, map[string]string{"cn-made-up": "1h"}
	bad.Org.Site, bad.Org.Sender, bad.Org.Zone, bad.Org.SMSTemplate = "https://acme.example/", "nobody", "Mars/Olympus", ""
	bad.Org.Name = map[string]string{"zh-Hans": "示例公司"}
	_, err := h.books.PutProfile(ctx, admin, "", bad)
	var f *incident.Fault
	require.ErrorAs(t, err, &f)
	var at []string
	for _, p := range f.Problems {
		at = append(at, p.Pointer)
	}
	require.Subset(t, at, []string{"/operator", "/roles/0", "/sectors/0", "/establishments/0", "/channels/0", "/targets/cn-made-up",
		"/org/site", "/org/sender", "/org/zone", "/org/sms_template", "/org/name/en", "/commitments"})
}

func TestProfileIsVersionedAndGuarded(t *testing.T) {
	h := open(t)
	_, hash, err := h.books.Profile(ctx, lin)
	require.NoError(t, err)
	again, err := h.books.PutProfile(ctx, admin, hash, profile())
	require.NoError(t, err)
	require.Equal(t, hash, again, "the same profile is no new version")
	next := profile()
	next.Commitments = "ctyun-huiju"
	_, err = h.books.PutProfile(ctx, lin, "", next)
	require.True(t, incident.IsFault(err, incident.Forbidden))
	_, err = h.books.PutProfile(ctx, admin, "another", next)
	require.True(t, incident.IsFault(err, incident.Stale))
	other, err := h.books.PutProfile(ctx, admin, hash, next)
	require.NoError(t, err)
	require.NotEqual(t, hash, other)
}

func TestNewProfileReachesOpenIncidents(t *testing.T) {
	h := open(t)
	r := h.report(leak(1_200_000))
	h.pump()
	next := profile()
	next.Commitments = ""
	_, err := h.books.PutProfile(ctx, admin, "", next)
	require.NoError(t, err)
	h.pump()
	h.restart()
	require.Equal(t, 1, h.wake())
	d := duty(t, h.view(r.ID).Duties, "cn-privacy-promise")
	require.Equal(t, obligation.Lapsed, d.State)
	require.Equal(t, "the operator's profile changed", d.Reason)
}
