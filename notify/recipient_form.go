package notify

import (
	"encoding/binary"
	"maps"
	"slices"
)

// A recipient is kept as a mask of the fields it has and their values in the order of the bits: texts and
// lists with their lengths. The order is for good; the mask of most people takes one byte.
const (
	hasPersonKey = 1 << iota
	hasName
	hasLocale
	hasJurisdiction
	hasEmails
	hasPhones
	hasData
	hasZone
	hasPush
	hasChannels
	hasVars
	hasCustomer
	hasBrand
	hasBurnt
	hasShared
	hasVerified
	hasRole
	hasLine
	isMinor
	isOfAge
	isDeceased
	isBusiness
	isFormer
	isWithoutApp
	isSafe
	isOptedOut
)

// appendRecipient writes the kept form of a recipient. Whoever is told in somebody's place carries no
// guardians or kin of their own.
func appendRecipient(b []byte, r *Recipient) []byte {
	b = binary.AppendUvarint(b, r.mask())
	b = appendText(b, r.PersonKey)
	b = appendText(b, r.Name)
	b = appendText(b, r.Locale)
	b = appendText(b, r.Jurisdiction)
	b = appendList(b, r.Emails)
	b = appendList(b, r.Phones)
	b = appendList(b, r.Data)
	b = appendText(b, r.Zone)
	if len(r.Push) > 0 {
		b = binary.AppendUvarint(b, uint64(len(r.Push)))
		for _, p := range r.Push {
			b = appendCounted(appendCounted(appendCounted(b, p.Provider), p.Target), p.ID)
		}
	}
	b = appendList(b, r.Channels)
	b = appendMap(b, r.Vars)
	if r.Customer != nil {
		b = appendCounted(b, *r.Customer)
	}
	b = appendText(b, r.Brand)
	b = appendList(b, r.Burnt)
	b = appendList(b, r.Shared)
	b = appendMap(b, r.VerifiedAt)
	b = appendText(b, r.Role)
	return appendText(b, r.line)
}

func (r *Recipient) mask() (m uint64) {
	for _, f := range [...]struct {
		is  bool
		bit uint64
	}{
		{r.PersonKey != "", hasPersonKey}, {r.Name != "", hasName}, {r.Locale != "", hasLocale}, {r.Jurisdiction != "", hasJurisdiction},
		{len(r.Emails) > 0, hasEmails}, {len(r.Phones) > 0, hasPhones}, {len(r.Data) > 0, hasData}, {r.Zone != "", hasZone},
		{len(r.Push) > 0, hasPush}, {len(r.Channels) > 0, hasChannels}, {len(r.Vars) > 0, hasVars}, {r.Customer != nil, hasCustomer},
		{r.Brand != "", hasBrand}, {len(r.Burnt) > 0, hasBurnt}, {len(r.Shared) > 0, hasShared}, {len(r.VerifiedAt) > 0, hasVerified},
		{r.Role != "", hasRole}, {r.line != "", hasLine},
		{r.Minor != nil && *r.Minor, isMinor}, {r.Minor != nil && !*r.Minor, isOfAge}, {r.Deceased, isDeceased}, {r.Business, isBusiness},
		{r.Former, isFormer}, {r.NoApp, isWithoutApp}, {r.Safe, isSafe}, {r.OptedOut, isOptedOut},
	} {
		if f.is {
			m |= f.bit
		}
	}
	return m
}

func appendText(b []byte, s string) []byte {
	if s == "" {
		return b
	}
	return appendCounted(b, s)
}

func appendCounted[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendList(b []byte, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendCounted(b, s)
	}
	return b
}

func appendMap(b []byte, m map[string]string) []byte {
	if len(m) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = appendCounted(appendCounted(b, k), m[k])
	}
	return b
}

// reader takes a kept form apart; its texts are parts of s. After a fault everything is empty and bad is set.
type reader struct {
	s   string
	bad bool
}

func (r *reader) number() uint64 {
	var n uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		c := r.s[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.s = r.s[i+1:]
			return n
		}
	}
	r.s, r.bad = "", true
	return 0
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.s)) {
		r.s, r.bad = "", true
		return ""
	}
	out := r.s[:n]
	r.s = r.s[n:]
	return out
}

// count is the length of a list, of which each member takes a byte at least.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.s)) {
		r.s, r.bad = "", true
		return 0
	}
	return int(n)
}

// decoding reads recipients. The lists of many share one array.
type decoding struct {
	lists []string
	push  []PushTarget
}

func (d *decoding) list(r *reader) (out []string) {
	d.lists, out = room(d.lists, r.count(), 3*PageSize)
	for i := range out {
		out[i] = r.text()
	}
	return out
}

func (d *decoding) targets(r *reader) (out []PushTarget) {
	d.push, out = room(d.push, r.count(), PageSize)
	for i := range out {
		out[i] = PushTarget{Provider: r.text(), Target: r.text(), ID: r.text()}
	}
	return out
}

// room takes n places of a slab, or of a new one of at least that many where too few are left.
func room[T any](slab []T, n, least int) (_, taken []T) {
	if cap(slab)-len(slab) < n {
		slab = make([]T, 0, max(n, least))
	}
	from, to := len(slab), len(slab)+n
	return slab[:to], slab[from:to:to]
}

func (d *decoding) recipient(record string, to *Recipient) error {
	r := reader{s: record}
	m := r.number()
	for _, f := range [...]struct {
		bit  uint64
		text *string
		list *[]string
	}{
		{bit: hasPersonKey, text: &to.PersonKey}, {bit: hasName, text: &to.Name}, {bit: hasLocale, text: &to.Locale},
		{bit: hasJurisdiction, text: &to.Jurisdiction}, {bit: hasEmails, list: &to.Emails}, {bit: hasPhones, list: &to.Phones},
		{bit: hasData, list: &to.Data}, {bit: hasZone, text: &to.Zone},
	} {
		switch {
		case m&f.bit == 0:
		case f.text != nil:
			*f.text = r.text()
		default:
			*f.list = d.list(&r)
		}
	}
	if m >= hasPush {
		d.rare(m, &r, to)
	}
	if r.bad || r.s != "" || m >= isOptedOut<<1 || len(to.line)%indexSize != 0 {
		return ErrUnreadable
	}
	return nil
}

// rare reads what few people have.
func (d *decoding) rare(m uint64, r *reader, to *Recipient) {
	if m&hasPush != 0 {
		to.Push = d.targets(r)
	}
	if m&hasChannels != 0 {
		to.Channels = d.list(r)
	}
	if m&hasVars != 0 {
		to.Vars = pairs(r)
	}
	if m&hasCustomer != 0 {
		customer := r.text()
		to.Customer = &customer
	}
	if m&hasBrand != 0 {
		to.Brand = r.text()
	}
	if m&hasBurnt != 0 {
		to.Burnt = d.list(r)
	}
	if m&hasShared != 0 {
		to.Shared = d.list(r)
	}
	if m&hasVerified != 0 {
		to.VerifiedAt = pairs(r)
	}
	if m&hasRole != 0 {
		to.Role = r.text()
	}
	if m&hasLine != 0 {
		to.line = r.text()
	}
	if m&(isMinor|isOfAge) != 0 {
		minor := m&isMinor != 0
		to.Minor = &minor
	}
	to.Deceased, to.Business, to.Former = m&isDeceased != 0, m&isBusiness != 0, m&isFormer != 0
	to.NoApp, to.Safe, to.OptedOut = m&isWithoutApp != 0, m&isSafe != 0, m&isOptedOut != 0
}

func pairs(r *reader) map[string]string {
	n := r.count()
	m := make(map[string]string, n)
	for range n {
		k := r.text()
		m[k] = r.text()
	}
	return m
}
