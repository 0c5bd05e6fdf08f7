package templates

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlacesInLawsAreWorded(t *testing.T) {
	for place, want := range map[string][2]string{
		"4":         {"第四条", "art. 4"},
		"10":        {"第十条", "art. 10"},
		"57 para 2": {"第五十七条第二款", "art. 57 para. 2"},
		"7(8)":      {"第七条第八项", "art. 7(8)"},
		"20":        {"第二十条", "art. 20"},
		"annex":     {"附件", "annex"},
		"10.2":      {"10.2", "10.2"},
		"以推送通知告知":   {"以推送通知告知", "以推送通知告知"},
	} {
		require.Equal(t, want, [2]string{Article(place, "zh-Hans"), Article(place, "en")})
	}
}

func TestNamesOfKindsAndRegions(t *testing.T) {
	require.Equal(t, "身份证件号码", Name("id_number", "zh-Hans"))
	require.Equal(t, "Shanghai", Name("CN-SH", "en"))
	require.Empty(t, Name("nowhere", "en"))
}
