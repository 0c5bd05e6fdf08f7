package notify

import (
	"encoding/json"
	"fmt"
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

// place is where a recipient's body is sealed for.
func place(audienceNo int64) string { return fmt.Sprintf("recipient/%d", audienceNo) }

// sealRecipient makes the kept form of a normalised recipient, and its leaf of the audience's snapshot
// root: a keyed commitment to the very bytes that are sealed, personal values included.
func sealRecipient(key *seal.Key, audienceNo int64, r Recipient) (SealedRecipient, []byte) {
	body := mustJSON(r)
	return SealedRecipient{
		Identity: identity(key, r),
		Indexes:  indexes(key, r),
		Body:     key.Seal(place(audienceNo), body),
	}, key.Leaf(body)
}

// OpenRecipient reads what an import sealed.
func OpenRecipient(key *seal.Key, audienceNo int64, sealed SealedRecipient) (Recipient, error) {
	body, err := key.Open(place(audienceNo), sealed.Body)
	if err != nil {
		return Recipient{}, fmt.Errorf("open recipient: %w", err)
	}
	r := Recipient{Seq: sealed.Seq}
	if err := json.Unmarshal(body, &r); err != nil {
		return Recipient{}, fmt.Errorf("read recipient %d: damaged body", sealed.Seq)
	}
	return r, nil
}

// identity says who a person is: the operator's person_key, else the first address, exactly. People are
// never joined by an address they share. nil: nothing tells who it is.
func identity(key *seal.Key, r Recipient) []byte {
	switch {
	case r.PersonKey != "":
		return key.Index(indexPerson, r.PersonKey)
	case len(r.Emails) > 0:
		return key.Index(indexEmail, r.Emails[0])
	case len(r.Phones) > 0:
		return key.Index(indexPhone, r.Phones[0])
	case len(r.Push) > 0:
		return key.Index(indexPush, r.Push[0].Provider+"/"+r.Push[0].Target+"/"+r.Push[0].ID)
	}
	return nil
}

// indexes are what a search finds the person by.
func indexes(key *seal.Key, r Recipient) [][]byte {
	var out [][]byte
	if r.PersonKey != "" {
		out = append(out, key.Index(indexPerson, r.PersonKey))
	}
	for _, e := range r.Emails {
		out = append(out, key.Index(indexEmail, strings.ToLower(e)))
	}
	for _, p := range r.Phones {
		out = append(out, key.Index(indexPhone, p))
	}
	for _, p := range r.Push {
		out = append(out, key.Index(indexPush, p.ID))
	}
	return out
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
