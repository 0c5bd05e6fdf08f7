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

func TestPlacesInLawsOfTheEUAreWordedAsTheirs(t *testing.T) {
	for place, want := range map[string][2]string{
		"33":        {"第三十三条", "art. 33"},
		"33(1)":     {"第三十三条第一款", "art. 33(1)"},
		"33(3)(a)":  {"第三十三条第三款第(a)项", "art. 33(3)(a)"},
		"19 para 4": {"第十九条第四款", "art. 19 para. 4"},
		"recital 5": {"recital 5", "recital 5"},
	} {
		law := "Regulation (EU) 2016/679"
		require.Equal(t, want, [2]string{ArticleOf(law, place, "zh-Hans"), ArticleOf(law, place, "en")})
	}
	require.Equal(t, "第三十三条第一项", ArticleOf("网络安全法", "33(1)", "zh-Hans"))
	require.Equal(t, "art. 33(3)(a)", Article("33(3)(a)", "en"))
}

func TestNamesOfKindsAndRegions(t *testing.T) {
	require.Equal(t, "身份证件号码", Name("id_number", "zh-Hans"))
	require.Equal(t, "Shanghai", Name("CN-SH", "en"))
	require.Empty(t, Name("nowhere", "en"))
}
