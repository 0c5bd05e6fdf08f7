package notify

import (
	"regexp"
	"slices"
)

var slotPattern = regexp.MustCompile(`\[\[([a-z][a-z0-9_]*)\]\]`)

// shortSlots are what a short message or a notice on a lock screen may hold of a person: a number may have
// passed to somebody else, and a lock screen is public.
var shortSlots = []string{"code", "ref", "brand"}

// ShortSlot tells whether a slot may stand in a short message or an app notice.
func ShortSlot(name string) bool { return slices.Contains(shortSlots, name) }

// Words are a text with slots, taken apart once for all who get it.
type Words struct {
	pieces []piece
	size   int // of what is fixed
}

type piece struct{ fixed, slot string } // one of them

// ParseWords takes a text apart. Of what looks like a slot only those that known accepts are slots.
func ParseWords(text string, known func(slot string) bool) Words {
	var w Words
	from := 0
	for _, at := range slotPattern.FindAllStringSubmatchIndex(text, -1) {
		slot := text[at[2]:at[3]]
		if !known(slot) {
			continue
		}
		w.fix(text[from:at[0]])
		w.pieces = append(w.pieces, piece{slot: slot})
		from = at[1]
	}
	w.fix(text[from:])
	return w
}

func (w *Words) fix(text string) {
	if text != "" {
		w.pieces = append(w.pieces, piece{fixed: text})
		w.size += len(text)
	}
}

// Slots are the names of the slots in it.
func (w Words) Slots() (names []string) {
	for _, p := range w.pieces {
		if p.slot != "" {
			names = append(names, p.slot)
		}
	}
	return names
}

// Fill is the text for one person; missing names a slot that has no value for this one.
func (w Words) Fill(o *Outgoing) (text, missing string) {
	if len(w.pieces) == 1 { // the common case of a parameter: nothing to join
		if p := w.pieces[0]; p.slot == "" {
			return p.fixed, ""
		}
	}
	b := make([]byte, 0, w.size+32*len(w.pieces))
	for _, p := range w.pieces {
		if p.slot == "" {
			b = append(b, p.fixed...)
			continue
		}
		v, ok := o.Value(p.slot)
		if !ok {
			return "", p.slot
		}
		b = append(b, v...)
	}
	return string(b), ""
}
