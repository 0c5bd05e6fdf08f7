package obligation

import (
	"slices"
	"strconv"
)

func itoa(i int) string { return strconv.Itoa(i) }

// profile reads the operator as conditions see it. An absent list is unknown, an empty one is empty.
func (fs *factSet) profile(p Profile, promise *commitments) {
	setTexts := func(path string, values []string) {
		if values == nil {
			return
		}
		items := make([]val, len(values))
		for i, v := range values {
			items[i] = text(v)
		}
		fs.set(path, list(items...))
	}
	setTexts("profile.roles", p.Roles)
	setTexts("profile.sectors", p.Sectors)
	setTexts("profile.establishments", p.Establishments)
	for _, key := range sortedKeys(p.Registrations) {
		def := fs.vocabulary.byPath["profile.registrations."+key]
		at := pointerTo("/profile/registrations", key)
		switch {
		case def == nil:
			fs.problem(at, "known", "there is no registration of this name")
		case p.Registrations[key] == false:
			fs.values[def.index] = val{known: true} // "not registered", for texts and flags alike
		case p.Registrations[key] != nil:
			fs.values[def.index] = fs.plainValue(fieldDef{Is: def.Is, Words: def.Words}, def.Path, p.Registrations[key], at)
		}
	}
	fs.set("setting.portal_reading", text("broad"))
	for _, key := range sortedKeys(p.Settings) {
		def := fs.vocabulary.byPath["setting."+key]
		if def == nil {
			fs.problem(pointerTo("/profile/settings", key), "known", "there is no setting of this name")
			continue
		}
		fs.values[def.index] = fs.plainValue(fieldDef{Is: def.Is, Words: def.Words}, def.Path, p.Settings[key], pointerTo("/profile/settings", key))
	}
	if promise == nil {
		promise = &commitments{}
	}
	fs.set("promise.notice", flag(promise.Notice != nil))
	fs.set("promise.report", flag(promise.Report != nil))
	fs.set("promise.user_information", flag(promise.Covers == "user_information"))
	fs.set("promise.network_report", flag(promise.Report != nil && promise.Report.Covers == "network"))
	fs.set("promise.national_plan", flag(promise.Plan))
}

// defaults fills facts that follow from others. Nothing is invented: a default is what the given facts
// imply, as an interval where they leave room; an explicit value wins, one that cannot be is a problem.
func (fs *factSet) defaults() {
	fs.people()
	fs.networks()
	if kind := fs.get("kind"); !kind.known {
		fs.set("kind", text("incident")) // what is reported as an incident is one, until somebody says it is only a threat
	}
	switch confirmed := fs.get("confirmed"); { // what is reported is taken as true; "not confirmed" leaves open whether it happened
	case confirmed.isFalse():
		fs.set("confirmed", open("confirmed"))
	case !confirmed.known:
		fs.set("confirmed", yes())
	}
	fs.role()
	fs.leakedPersons()
	fs.otherEvents()
	fs.outages()
	fs.criticalSystems()
	fs.dailyLife()
	fs.loss()
}

// people turns the count and its certainty into an interval. An estimate counts as its value, and the
// result says that it rests on an estimate.
func (fs *factSet) people() {
	count, certainty := fs.get("people.count"), fs.get("people.certainty").text
	if fs.uncounted {
		count = open("people.count")
	}
	sum := 0.0
	for _, n := range fs.residence {
		sum += n.lo
	}
	if count.known && count.hi == 0 && sum > 0 {
		count = open("people.count") // nobody, although people are counted where they live: it has to be asked again
	}
	if certainty == "at_least" && !count.known {
		sum = 0
	}
	least := sum
	for _, part := range []string{"people.sensitive", "people.under_18", "people.under_14"} {
		least = max(least, fs.get(part).lo)
	}
	if count.known && certainty != "at_least" && count.hi < least && least > sum {
		count = open("people.count") // fewer than some of them
	}
	switch {
	case !count.known:
		count = interval(least, infinity, "people.count") // at least those whose home, age or data is known
	case certainty == "at_least":
		count = interval(max(count.lo, least), infinity, "people.count")
	case certainty == "estimate":
		fs.estimated = true
	}
	fs.set("people.count", count)
	for key, n := range fs.residence {
		if certainty == "at_least" && n.known && n.lo > 0 {
			fs.residence[key] = interval(n.lo, infinity, "jurisdictions."+key)
		}
	}
	fs.atMost("people.sensitive", count, 0)
	fs.atMost("people.under_18", count, fs.get("people.under_14").lo)
	fs.atMost("people.under_14", fs.get("people.under_18"), 0)
}

// atMost bounds a number of people, while it is unknown, by those that it is a part of.
func (fs *factSet) atMost(path string, whole val, least float64) {
	if !fs.get(path).known {
		fs.set(path, interval(least, max(least, whole.hi), path))
	}
}

// networks is where the networks hit are, as far as that is known.
func (fs *factSet) networks() {
	if processed := fs.get("processed_in"); processed.known {
		fs.set("profile.networks", processed)
		return
	}
	provinces := list()
	for _, s := range fs.get("systems").items {
		if p := s.fields["province"]; p.known {
			provinces.items = append(provinces.items, p)
		}
	}
	if len(provinces.items) == 0 {
		provinces = fs.get("profile.establishments")
	}
	fs.set("profile.networks", provinces)
}

// residents is how many affected people live in a region. A country that is not named holds at most
// those of the total that the named ones leave over.
func (fs *factSet) residents(r regions, region string) val {
	if fs.assumed != nil {
		return fs.assumption(openResidents+region, interval(0, infinity, openResidents+region))
	}
	if !fs.get("jurisdictions").known {
		total := fs.get("people.count")
		return interval(0, total.hi, "jurisdictions."+region)
	}
	lo, hi, all, named, needs := 0.0, 0.0, 0.0, false, []string(nil)
	around := "" // the smallest group given that the region lies in: what it leaves over bounds the rest
	for _, code := range fs.codes {
		n := fs.residence[code]
		all += n.lo
		if r.within(code, region) {
			lo, hi, needs = lo+n.lo, hi+n.hi, union(needs, n.needs)
			named = named || code == region
		} else if r.Groups[code] != nil && r.within(region, code) && (around == "" || r.within(code, around)) {
			around = code
		}
	}
	if named {
		return interval(lo, min(hi, infinity), needs...)
	}
	rest := max(0, fs.get("people.count").hi-all)
	if around != "" {
		rest = fs.residence[around].hi
	}
	if rest > 0 {
		needs = union(needs, []string{"jurisdictions." + region})
	}
	return interval(lo, min(hi+rest, infinity), needs...)
}

// groupResidence turns the number given for a group of countries (EEA) into what it leaves over for those of
// its members that are not named, so that nobody counts twice.
func (fs *factSet) groupResidence(r regions) {
	groups := slices.DeleteFunc(sortedKeys(fs.residence), func(code string) bool { return r.Groups[code] == nil })
	slices.SortFunc(groups, func(a, b string) int { return len(r.Groups[b]) - len(r.Groups[a]) }) // EU before the EEA around it
	for _, group := range groups {
		n := fs.residence[group]
		for code, inner := range fs.residence {
			if code != group && r.within(code, group) {
				n.lo, n.hi = max(0, n.lo-inner.hi), max(0, n.hi-inner.lo)
			}
		}
		fs.residence[group] = interval(n.lo, n.hi, n.needs...)
	}
}

// role of the operator in this incident: its own where it has only one of the two.
func (fs *factSet) role() {
	roles := fs.get("profile.roles")
	if fs.get("role").known || !roles.known {
		return
	}
	has := func(role string) bool {
		return slices.ContainsFunc(roles.items, func(v val) bool { return v.text == role })
	}
	switch {
	case has("entrusted") && has("pi_processor"):
	case has("entrusted"):
		fs.set("role", text("entrusted"))
	default:
		fs.set("role", text("pi_processor"))
	}
}

func (fs *factSet) leakedPersons() {
	const path = "grading.pi.leaked_persons"
	event, people, explicit := fs.get("data_event"), fs.get("people.count"), fs.get(path)
	leaked := event.known && (event.text == "leaked" || event.text == "stolen")
	if explicit.known {
		switch {
		case event.known && event.text == "none" && explicit.lo > 0:
			fs.problem("/facts/grading/pi/leaked_persons", "consistent", "persons leaked, although data_event says that nothing happened to data")
		case explicit.lo > people.hi:
			fs.problem("/facts/grading/pi/leaked_persons", "consistent", "more persons leaked than people.count has")
		}
		return
	}
	switch {
	case leaked:
		fs.set(path, people)
	case event.known:
		fs.set(path, number(0))
	default:
		fs.set(path, interval(0, people.hi, union(people.needs, event.needs)...))
	}
}

// otherEvents fills what else happened to data. Encrypted data is lost until it is restored.
func (fs *factSet) otherEvents() {
	event := fs.get("data_event")
	if !event.known {
		return
	}
	other := event.text
	switch other {
	case "encrypted":
		other = "lost"
	case "leaked":
		other = "none"
	}
	fill := func(path, word string) {
		if !fs.get(path).known {
			fs.set(path, text(word))
		}
	}
	fill("grading.pi.other_event", other)
	if event.text == "none" {
		fill("grading.data.core.event", "none")
		fill("grading.data.important.event", "none")
	}
}

// criticalSystems reads involvement and duration of critical infrastructure from the systems. Only a
// system that the protection department has named is one, so an operator without that role has none.
func (fs *factSet) criticalSystems() {
	systems, roles := fs.get("systems"), fs.get("profile.roles")
	involved := open("systems")
	if roles.known && contains(&roles, &val{known: true, text: "cii_operator"}, false).isFalse() {
		involved = no()
	}
	down, anyCII := interval(0, infinity, "systems"), false
	if systems.known && len(systems.items) > 0 {
		all := fails
		for _, s := range systems.items {
			cii := s.fields["cii"]
			all = or(all, &cii)
			if cii.isTrue() {
				if d := fs.downtime(s); !anyCII || d.lo > down.lo {
					down = d
				}
				anyCII = true
			}
		}
		if all.known {
			involved = *all
		}
	}
	switch explicit := fs.get("grading.cii.involved"); {
	case explicit.isFalse() && anyCII:
		fs.problem("/facts/grading/cii/involved", "consistent", "a system is marked as critical infrastructure")
	case !explicit.known:
		fs.set("grading.cii.involved", involved)
	}
	for _, path := range []string{"grading.cii.whole_down_min", "grading.cii.main_down_min"} {
		if anyCII && !fs.get(path).known {
			fs.set(path, down)
		}
	}
}

// outages lets the time that a system has been down grow while nobody has said how long it was.
func (fs *factSet) outages() {
	for _, s := range fs.get("systems").items {
		if s.fields["down_since"].known {
			s.fields["down_minutes"] = fs.downtime(s)
		}
	}
}

// downtime in minutes: as given, or growing since the system went down.
func (fs *factSet) downtime(system val) val {
	if d := system.fields["down_minutes"]; d.known {
		return d
	}
	since := system.fields["down_since"]
	if !since.known {
		return interval(0, infinity, "systems")
	}
	v := number(max(0, fs.asOf.Sub(*since.since).Minutes()))
	v.since = since.since
	return v
}

// dailyLife asks first how many people lost services of daily life: where nobody did, no region has a share.
func (fs *factSet) dailyLife() {
	const affected = "grading.people.affected_persons"
	persons := fs.get(affected)
	for _, path := range []string{"grading.people.province_pct_max", "grading.people.prefecture_pct_max"} {
		switch {
		case fs.get(path).known:
		case !persons.known:
			fs.set(path, interval(0, 100, affected))
		case persons.hi == 0:
			fs.set(path, number(0))
		default:
			fs.set(path, interval(0, 100, path))
		}
	}
}

func (fs *factSet) loss() {
	plain, graded := fs.get("loss_cny"), fs.get("grading.loss_cny")
	switch {
	case graded.known && plain.known && graded.lo != plain.lo:
		fs.problem("/facts/grading/loss_cny", "consistent", "differs from loss_cny")
	case !graded.known && plain.known:
		fs.set("grading.loss_cny", plain)
	case !graded.known:
		fs.set("grading.loss_cny", interval(0, infinity, "loss_cny"))
	}
}
