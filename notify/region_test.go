package notify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

func TestAProviderServesItsRegion(t *testing.T) {
	for _, c := range []struct {
		name      string
		regions   []string
		lives     string
		transfers map[string]string
		want      bool
	}{
		{"everywhere", nil, "DE", nil, true},
		{"everywhere, nobody knows where", nil, "", nil, true},
		{"at home", []string{"CN"}, "CN", nil, true},
		{"a province", []string{"CN"}, "CN-SH", nil, true},
		{"elsewhere", []string{"CN"}, "DE", nil, false},
		{"not known", []string{"CN"}, "", nil, false},
		{"nowhere", []string{}, "CN", nil, false},
		{"Hong Kong is a region of its own", []string{"CN"}, "HK", nil, false},
		{"a member state", []string{"EU"}, "DE", nil, true},
		{"the United Kingdom", []string{"EU"}, "GB", nil, false},
		{"of the area, not of the union", []string{"EU"}, "NO", nil, false},
		{"of the area", []string{"EEA"}, "NO", nil, true},
		{"of the union and so of the area", []string{"EEA"}, "DE-BY", nil, true},
		{"with a legal basis", []string{"CN"}, "DE", map[string]string{"aliyun/EEA": "GDPR 46(2)(c)"}, true},
		{"a basis for others", []string{"CN"}, "US", map[string]string{"aliyun/EEA": "GDPR 46(2)(c)"}, false},
		{"a basis of another provider", []string{"CN"}, "DE", map[string]string{"tencent/EEA": "GDPR 46(2)(c)"}, false},
		{"a basis that says nothing", []string{"CN"}, "DE", map[string]string{"aliyun/EEA": ""}, false},
		{"a basis does not tell where somebody lives", []string{"CN"}, "", map[string]string{"aliyun/EEA": "GDPR 46(2)(c)"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := notify.Provider{ID: "aliyun", Regions: c.regions}
			require.Equal(t, c.want, notify.Allowed(p, notify.Recipient{Jurisdiction: c.lives}, c.transfers))
		})
	}
	require.Equal(t, "aliyun/EEA", notify.TransferKey("aliyun", "EEA"))
}
