package notify

import (
	"slices"
	"strings"

	"tocsin/internal/seal"
)

// The fields of blind indexes.
const (
	indexPerson = "person"
	indexEmail  = "email"
	indexPhone  = "phone"
	indexPush   = "push"
)

// indexes are what a search finds a person by, the identity first: the operator's person_key, else the
// first address, exactly. They are appended to all. People are never joined by an address they share. known
// is false when nothing tells who it is.
func indexes(all []blind, h *seal.Hasher, r *Recipient) (_ []blind, known bool) {
	from := len(all)
	add := func(field, value string) {
		if b := toBlind(h.Index(field, value)); !slices.Contains(all[from:], b) {
			all = append(all, b)
		}
	}
	switch {
	case r.line != "":
		all = append(all, blind([]byte(r.line)))
	case r.PersonKey != "":
		add(indexPerson, r.PersonKey)
	case len(r.Emails) > 0:
		add(indexEmail, r.Emails[0])
	case len(r.Phones) > 0:
		add(indexPhone, r.Phones[0])
	case len(r.Push) > 0:
		add(indexPush, r.Push[0].Provider+"/"+r.Push[0].Target+"/"+r.Push[0].ID)
	}
	known = len(all) > from
	for _, e := range r.Emails {
		add(indexEmail, strings.ToLower(e))
	}
	for _, p := range r.Phones {
		add(indexPhone, p)
	}
	for _, p := range r.Push {
		add(indexPush, p.ID)
	}
	return all, known
}

// SearchIndex is every blind index under which a person with this key or this address may stand. What a
// person types is brought into the same form as an import's addresses first.
func SearchIndex(key *seal.Key, personKey, address string) [][]byte {
	var out [][]byte
	if k := strings.TrimSpace(personKey); k != "" {
		out = append(out, key.Index(indexPerson, k))
	}
	address = strings.TrimSpace(address)
	if address == "" {
		return out
	}
	if e, err := email(address); err == nil {
		out = append(out, key.Index(indexEmail, strings.ToLower(e)))
	}
	if p, err := phone(address, ""); err == nil {
		out = append(out, key.Index(indexPhone, p))
	}
	return append(out, key.Index(indexPush, address))
}
