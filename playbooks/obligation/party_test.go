package obligation

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const partyLaw = `
covers: {regions: [BE, FR], sectors: [energy]}
instruments: {x: {title: Test law, gloss: Test law}}
items: {x-1: {term: 内容, gloss: content, law: x, article: "1", notice: [circumstances], report: [circumstances]}}
addressees:
  sa:
    name: {en: Data authority, zh-Hans: 数据保护机构}
    contacts:
      - {by: phone, value: "+32 2 000", source: example.com, region: BE}
      - {by: phone, value: "+33 1 000", source: example.com, region: FR}
      - {by: mail, value: energy@example.com, source: example.com, sector: energy}
      - {by: site, value: "https://example.com", source: example.com}
  customer: {name: {en: Customer, zh-Hans: 客户}}
  agency: {name: {en: Agency, zh-Hans: 机构}}
conditions:
  x.any:
    if: kind == "incident"
    yes: {en: it is an incident, zh-Hans: 属于事件}
    no: {en: it is no incident, zh-Hans: 不属于事件}
rules:
`

func partyEngine(t *testing.T, to, lines string) *Engine {
	t.Helper()
	return &Engine{law: lawOf(t, map[string]string{"law/x.yaml": partyLaw + ruleText("x-rule", to, "anchor: aware_at\n"+lines)})}
}

func addressees(r Result) (out []string) {
	for _, o := range r.Obligations {
		out = append(out, o.Addressee)
	}
	return out
}

func asks(r Result) (out []string) {
	for _, q := range r.OpenQuestions {
		out = append(out, q.Fact+" "+fmt.Sprint(q.Decides))
	}
	return out
}

const partyTime = "2026-03-01T03:00:00Z"

func TestARowForEachCountryWherePeopleLive(t *testing.T) {
	e := partyEngine(t, `{name: "sa:{place}", each: {residents: EU}}`, "deadline: {n: 3, count: cal-days}")
	profile := `{"roles": [], "sectors": [], "establishments": ["BE"]}`
	r := derivedFor(t, e, partyTime, `{"aware_at": "2026-03-01T02:00:00Z", "people": {"count": 9}, "jurisdictions": {"DE": 3, "PT": null, "FI": 0, "CH": 5, "DE-BY": 1}}`, profile)
	require.Equal(t, []string{"sa:DE", "sa:PT"}, addressees(r))
	require.Equal(t, []string{"Europe/Berlin", "Europe/Lisbon"}, []string{r.Obligations[0].Zone, r.Obligations[1].Zone}, "days end in the authority's zone")
	require.True(t, r.Obligations[0].Deadline.Before(*r.Obligations[1].Deadline))

	r = derivedFor(t, e, partyTime, `{"people": {"count": 9}}`, profile)
	require.Empty(t, r.Obligations)
	require.Contains(t, asks(r), "jurisdictions.EU [x-rule]", "where they live is asked")
	require.True(t, r.NotApplied[0].Undecided)

	r = derivedFor(t, e, partyTime, `{"people": {"count": 9}, "jurisdictions": {"CH": 9}}`, profile)
	require.Empty(t, r.Obligations)
	require.False(t, r.NotApplied[0].Undecided)
	require.Contains(t, r.NotApplied[0].Because, "nobody")
}

func TestARowForEachEstablishment(t *testing.T) {
	e := partyEngine(t, `{name: "sa:{place}", each: {establishments: EU}}`, "")
	r := derivedFor(t, e, partyTime, `{}`, `{"establishments": ["FR-75", "BE", "CN-SH"], "sectors": ["energy", "forestry"], "authorities": {"sa:FR": "team@example.org"}}`)
	require.Equal(t, []string{"sa:FR", "sa:BE"}, addressees(r))
	reach := func(o Obligation) (out []string) {
		for _, c := range o.Contacts {
			out = append(out, c.By+" "+c.Value)
		}
		return out
	}
	require.Equal(t, []string{"mail team@example.org", "phone +33 1 000", "mail energy@example.com", "site https://example.com"}, reach(r.Obligations[0]), "the operator's own first")
	require.Empty(t, r.Obligations[0].Contacts[0].Source)
	require.Equal(t, []string{"phone +32 2 000", "mail energy@example.com", "site https://example.com"}, reach(r.Obligations[1]))
	require.Equal(t, "数据保护机构（比利时）", r.Obligations[1].AddresseeName["zh-Hans"])

	// What is not researched is asked: a country, and a sector per country.
	require.Contains(t, asks(r), "profile.establishments [counsel:CN-SH]")
	require.Contains(t, asks(r), "profile.sectors [counsel:FR:forestry counsel:BE:forestry]")

	r = derivedFor(t, e, partyTime, `{}`, `{}`)
	require.Empty(t, r.Obligations)
	require.Contains(t, asks(r), "profile.establishments [x-rule]")
}

func TestARowForEachCustomer(t *testing.T) {
	e := partyEngine(t, `{name: "customer:{customer}", each: {customers: true}}`, "")
	r := derivedFor(t, e, partyTime, `{"customers": [{"id": "shop-1"}, {"id": "bank-2", "told_at": "2026-03-01T02:00:00Z"}]}`, `{}`)
	require.Equal(t, []string{"customer:shop-1", "customer:bank-2"}, addressees(r))
	require.Equal(t, "Customer (shop-1)", r.Obligations[0].AddresseeName["en"])
	require.Empty(t, derivedFor(t, e, partyTime, `{"customers": []}`, `{}`).Obligations)

	// Who they are is asked, and the duty is there at once.
	r = derivedFor(t, e, partyTime, `{}`, `{}`)
	require.Contains(t, asks(r), "customers [x-rule]")
	require.Equal(t, []string{"customer"}, addressees(r))
	require.Equal(t, "Customer", r.Obligations[0].AddresseeName["en"])
}

// An unknown condition of an addressee is asked, and the rule is not passed over.
func TestAnUnknownAddresseeIsAsked(t *testing.T) {
	e := partyEngine(t, `{name: agency, if: crime_suspected}`, "")
	r := derivedFor(t, e, partyTime, `{}`, `{}`)
	require.Contains(t, asks(r), "crime_suspected [x-rule]")
	require.True(t, r.NotApplied[0].Undecided)
	require.Equal(t, []string{"agency"}, addressees(derivedFor(t, e, partyTime, `{"crime_suspected": true}`, `{}`)))
}

func TestWhatARuleSaysIsShown(t *testing.T) {
	e := partyEngine(t, "{name: agency}", `phrase: 及时
voluntary: true
repeats: true
also: [letter]
note: {en: a reading, zh-Hans: 一种理解}
hold: {text: {en: police may ask for delay, zh-Hans: 警方可要求推迟}, source: {instrument: x, article: "2"}}
exemptions:
  - {id: safe, if: encrypted_safe, text: {en: encrypted, zh-Hans: 已加密}, source: {instrument: x, article: "3"}}
  - {id: late, if: harm_prevented, never: people.under_14 >= 1, text: {en: prevented, zh-Hans: 已避免}, source: {instrument: x, article: "3"}}`)
	o := derivedFor(t, e, partyTime, `{"harm_prevented": true}`, `{}`).Obligations[0]
	require.Equal(t, []any{"及时", true, true, []string{"letter"}, "一种理解", "2", "Test law"},
		[]any{o.Phrase, o.Voluntary, o.Repeats, o.AlsoChannels, o.Note["zh-Hans"], o.Hold.Source.Article, o.Hold.Source.Title})
	require.Len(t, o.Exemptions, 2)
	require.Equal(t, "late", o.Exempt.ID, "the first that could apply")
	require.Equal(t, Waiting, o.State, "naming it decides nothing")
	o = derivedFor(t, e, partyTime, `{"harm_prevented": true, "people": {"under_14": 1}}`, `{}`).Obligations[0]
	require.Nil(t, o.Exempt, "never for minors")
	require.Len(t, o.Exemptions, 1)
}

func TestARuleThatIsOffSaysSoWhenAskedToExplain(t *testing.T) {
	e := partyEngine(t, "{name: agency}", "off: {en: the text was not read, zh-Hans: 未读到原文}")
	in, _ := ReadInput([]byte(`{"as_of": "` + partyTime + `", "facts": {}}`))
	r, _ := e.Derive(in)
	require.Empty(t, r.NotApplied)
	r, _ = e.derive(in, explanation)
	require.Empty(t, r.Obligations)
	require.Equal(t, Reason{ID: "x-rule", Off: true, Because: "the text was not read", Texts: words{"en": "the text was not read", "zh-Hans": "未读到原文"}}, r.NotApplied[0])
}

// Each customer that was told owes what a controller owes, from that moment.
func TestCustomersHaveTheirOwnClocks(t *testing.T) {
	facts := `{"role": "entrusted", "aware_at": "2026-03-01T01:00:00Z", "data_event": "leaked", "data": ["name"], "people": {"count": 3000000}, "jurisdictions": {"CN": 3000000},
		"customers": [{"id": "a", "told_at": "2026-03-01T02:00:00Z", "residents": ["CN"], "people": 10}, {"id": "b", "residents": ["CN"]}, {"id": "c", "told_at": "2026-03-01T02:30:00Z", "residents": ["JP"], "people": 10}]}`
	r := derive1(t, engine(t), facts, `{"roles": ["network_operator", "entrusted"]}`, partyTime)
	require.Len(t, r.Customers, 2, "who was not told has no clock yet")
	require.Equal(t, "a", r.Customers[0].ID)
	var individuals *Obligation
	for i, o := range r.Customers[0].Obligations {
		require.NotEqual(t, "contract", o.Urgency)
		if o.ID == "cn-pipl-57-individuals" {
			individuals = &r.Customers[0].Obligations[i]
		}
	}
	require.NotNil(t, individuals)
	require.Equal(t, "2026-03-01T02:00:00Z", individuals.Start.Format("2006-01-02T15:04:05Z"))
	for _, o := range r.Customers[1].Obligations {
		require.NotEqual(t, "cn-pipl-57-individuals", o.ID, "its people live elsewhere")
	}
	require.Empty(t, derive1(t, engine(t), `{"customers": [{"id": "a", "told_at": "2026-03-01T02:00:00Z"}]}`, `{}`, partyTime).Customers, "a controller has none")
}

func TestFunctionsOfConditions(t *testing.T) {
	e := &Engine{law: lawOf(t, map[string]string{"law/x.yaml": partyLaw + ruleText("x-rule", "{name: agency, if: known(\"closed_at\") && !known(\"recovered\")}", "anchor: aware_at") +
		ruleText("x-sum", "{name: agency, if: people.count + 2 * people.under_14 >= 10}", "anchor: aware_at")})}
	ids := func(facts string) (out []string) {
		for _, o := range derivedFor(t, e, partyTime, facts, `{}`).Obligations {
			out = append(out, o.ID)
		}
		return out
	}
	require.Equal(t, []string{"x-rule"}, ids(`{"closed_at": "2026-03-01", "people": {"count": 4, "under_14": 2}}`))
	require.Empty(t, ids(`{"closed_at": "2026-03-01", "anchors": {"recovered": "2026-03-01"}, "people": {"count": 0, "under_14": 0}}`))
	require.Equal(t, []string{"x-sum"}, ids(`{"people": {"count": 4, "under_14": 3}}`))
	require.Equal(t, []string{"x-sum"}, ids(`{"people": {"count": 10, "certainty": "at_least"}}`), "an unknown summand cannot lower it")
	require.Contains(t, asks(derivedFor(t, e, partyTime, `{"people": {"count": 4}}`, `{}`)), "people.under_14 [x-sum]")
}
