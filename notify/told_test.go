package notify

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// tell decodes one line and gives who is told.
func tell(t *testing.T, row string) []Recipient {
	t.Helper()
	var r Recipient
	p := jsonRow(row, &r)
	if p == nil {
		p = newNormaliser().normalise(&r)
	}
	require.Nil(t, p, row)
	return told(incidentKey(t).Hasher(), &r)
}

func TestGuardiansAreToldInAMinorsPlace(t *testing.T) {
	both := tell(t, `{"person_key":"u-1","name":"Example Child","emails":["child@example.com"],"locale":"zh-Hans","data":["name"],"minor":true,
		"guardians":[{"name":"Parent One","phones":["13900000001"]},{"name":"Parent Two","phones":["13900000001"],"emails":["two@example.com"]}]}`)
	require.Len(t, both, 2)
	for i, name := range []string{"Parent One", "Parent Two"} {
		require.Equal(t, []string{name, RoleGuardian, "u-1", "zh-Hans"}, []string{both[i].Name, both[i].Role, both[i].PersonKey, both[i].Locale})
	}
	require.Empty(t, both[1].Phones, "the phone that both have rings once")
	require.Equal(t, []string{"two@example.com"}, both[1].Emails)
	require.NotContains(t, both[0].Emails, "child@example.com")

	require.Len(t, tell(t, `{"person_key":"u-1","minor":true,"guardians":[{"phones":["13900000001"]},{"phones":["13900000001"]}]}`), 1, "the same address once")
	require.Equal(t, RoleGuardian, tell(t, `{"person_key":"u-1","guardians":[{"phones":["13900000001"]}]}`)[0].Role, "who has guardians is a minor")
	alone := tell(t, `{"person_key":"u-1","emails":["child@example.com"],"minor":true}`)
	require.Empty(t, alone[0].Role, "told itself rather than nobody")
	require.Equal(t, MinorWithoutGuardian, traitsOf(&alone[0], "").minor)
	kin := tell(t, `{"emails":["gone@example.com"],"deceased":true,"next_of_kin":[{"emails":["kin@example.com"]}]}`)
	require.Equal(t, RoleNextOfKin, kin[0].Role)
	require.Equal(t, []string{"kin@example.com"}, kin[0].Emails)

	safe := tell(t, `{"person_key":"u-1","safe_contact":true,"channels":["sms"],"guardians":[{"phones":["13900000001"],"emails":["one@example.com"]}]}`)
	require.Equal(t, []string{"sms"}, Ladder(&safe[0], []string{"email", "sms"}), "who must be careful with a child's mail, must with its guardian's")

	for _, c := range []struct{ row, pointer, rule string }{
		{`{"person_key":"a","deceased":true}`, "/next_of_kin", "next-of-kin"},
		{`{"person_key":"a","next_of_kin":[{"emails":["kin@example.com"]}]}`, "/deceased", "next-of-kin"},
		{`{"person_key":"a","minor":false,"guardians":[{"emails":["a@example.com"]}]}`, "/minor", "guardians"},
		{`{"person_key":"a","guardians":[{"name":"Nobody"}]}`, "/guardians/0", "address"},
		{`{"person_key":"a","guardians":[{"emails":["a@example.com"]},{"emails":["b@example.com"]},{"emails":["c@example.com"]}]}`, "/guardians", "count"},
		{`{"person_key":"a","safe_contact":true}`, "/channels", "safe-contact"},
		{`{"person_key":"a","business":true}`, "/customer", "required"},
		{`{"person_key":"a","emails":["a@example.com"],"shared":["b@example.com"]}`, "/shared/0", "address"},
		{`{"person_key":"a","emails":["a@example.com"],"verified_at":{"b@example.com":"2026-01-01"}}`, "/verified_at", "address"},
		{`{"person_key":"a","verified_at":{"":"last week"}}`, "/verified_at", "day"},
	} {
		var r Recipient
		require.Nil(t, jsonRow(c.row, &r))
		p := newNormaliser().normalise(&r)
		require.NotNil(t, p, c.row)
		require.Equal(t, []string{c.pointer, c.rule}, []string{p.Pointer, p.Rule}, c.row)
	}
}

func TestWhichAddressIsUsed(t *testing.T) {
	all := []string{"push", "sms", "email"}
	for _, c := range []struct {
		name, row string
		plan      []string
		ladder    []string
		email     string
	}{
		{"file order", `{"emails":["a@example.com","b@example.com"]}`, all, []string{"email"}, "a@example.com"},
		{"verified first", `{"emails":["a@example.com","b@example.com"],"verified_at":{"a@example.com":"2025-01-01","b@EXAMPLE.com":"2020-01-01"}}`, all, []string{"email"}, "a@example.com"},
		{"verified", `{"emails":["a@example.com","b@example.com"],"verified_at":{"a@example.com":"2020-01-01","b@example.com":"2025-01-01"}}`, all, []string{"email"}, "b@example.com"},
		{"verified at all", `{"emails":["a@example.com","b@example.com"],"verified_at":{"b@example.com":"2025-01-01"}}`, all, []string{"email"}, "b@example.com"},
		{"private before shared", `{"emails":["work@example.com","own@example.com"],"shared":["work@example.com"],"verified_at":{"work@example.com":"2026-01-01"}}`, all, []string{"email"}, "own@example.com"},
		{"no shared one beside a private phone", `{"emails":["work@example.com"],"phones":["13900000001"],"shared":["work@example.com"]}`, all, []string{"sms"}, "work@example.com"},
		{"a shared one when nothing else is planned", `{"emails":["work@example.com"],"phones":["13900000001"],"shared":["work@example.com"]}`, []string{"email"}, []string{"email"}, "work@example.com"},
		{"a shared one when the private phone is burnt", `{"emails":["work@example.com"],"phones":["13900000001"],"shared":["work@example.com"],"burnt":["sms"]}`, all, []string{"email"}, "work@example.com"},
		{"only what is safe, in that order", `{"emails":["a@example.com"],"phones":["13900000001"],"push":[{"id":"d"}],"safe_contact":true,"channels":["email","push"]}`, all, []string{"email", "push"}, "a@example.com"},
		{"nothing safe is planned", `{"emails":["a@example.com"],"phones":["13900000001"],"safe_contact":true,"channels":["email"]}`, []string{"sms"}, []string{}, "a@example.com"},
		{"no app", `{"emails":["a@example.com"],"push":[{"id":"d"}],"no_app":true}`, all, []string{"email"}, "a@example.com"},
		{"opted out of marketing", `{"emails":["a@example.com"],"phones":["13900000001"],"opted_out":true}`, all, []string{"sms", "email"}, "a@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tell(t, c.row)[0]
			require.Equal(t, c.ladder, Ladder(&r, c.plan))
			require.Equal(t, c.email, Address(&r, "email"))
		})
	}
}

// TestSegmentsHaveTheLadderOfTheirPeople holds what a plan counts to what is done with each person.
func TestSegmentsHaveTheLadderOfTheirPeople(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.Permutation([]string{"push", "sms", "email"})
		part := func(name string) []string { return some.Draw(t, name)[:rapid.IntRange(0, 3).Draw(t, name+" n")] }
		r := Recipient{Channels: part("own"), Burnt: part("burnt"), Safe: rapid.Bool().Draw(t, "safe"), NoApp: rapid.Bool().Draw(t, "no app")}
		r.Safe = r.Safe && len(r.Channels) > 0
		addresses := rapid.SliceOfN(rapid.SampledFrom([]string{"p", "s"}), 0, 2)
		for _, c := range []struct {
			kind string
			to   *[]string
		}{{"e", &r.Emails}, {"m", &r.Phones}} {
			for i, a := range addresses.Draw(t, c.kind) {
				id := c.kind + a + string(rune('0'+i))
				*c.to = append(*c.to, id)
				if a == "s" {
					r.Shared = append(r.Shared, id)
				}
			}
		}
		if rapid.Bool().Draw(t, "device") {
			r.Push = []PushTarget{{Provider: "aliyun", Target: "DEVICE", ID: "d"}}
		}
		plan := part("plan")
		require.Equal(t, Ladder(&r, plan), Segment{Ladder: rungsOf(&r).ladder()}.On(plan))
	})
}

// TestAddressesKeepTheirPlaces: the first is the one that is used first; shared ones come last and only in a ladder
// that has them; a plan that leads elsewhere leaves out the end of the list and moves nothing, so that the number of
// an address means the same one for good.
func TestAddressesKeepTheirPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Recipient{VerifiedAt: map[string]string{}}
		for _, a := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 1, 5, rapid.ID).Draw(t, "mail") {
			r.Emails = append(r.Emails, a)
			if rapid.Bool().Draw(t, "shared") {
				r.Shared = append(r.Shared, a)
			}
			if day := rapid.SampledFrom([]string{"", "2025-01-01", "2026-01-01"}).Draw(t, "verified"); day != "" {
				r.VerifiedAt[a] = day
			}
		}
		if rapid.Bool().Draw(t, "phone") {
			r.Phones = []string{"p"}
		}
		narrow, wide := Addresses(&r, "email", []string{"email", "sms"}), Addresses(&r, "email", []string{"email"})
		require.Equal(t, narrow, wide[:len(narrow)])
		require.Equal(t, Address(&r, "email"), wide[0])
		for rest := r; len(wide) > 0; wide = wide[1:] {
			require.Equal(t, Address(&rest, "email"), wide[0], "of those left it is the first choice")
			rest.Emails = slices.DeleteFunc(slices.Clone(rest.Emails), func(a string) bool { return a == wide[0] })
		}
		for _, plan := range [][]string{{"email", "sms"}, {"email"}, {"sms", "email"}} {
			rungs := Rungs(&r, plan)
			require.Equal(t, Ladder(&r, plan), slices.Compact(slices.Clone(rungs)))
			n := len(slices.DeleteFunc(rungs, func(c string) bool { return c != "email" }))
			require.Len(t, Addresses(&r, "email", plan), n)
		}
	})
}
