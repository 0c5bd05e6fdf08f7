package console

// trouble is what stands in the way of everybody's work: every page says it.
type trouble struct {
	What     string
	Since    *moment
	Do       string // what a person can do about it, or who else does the work
	Provider string // id, when it is one of those, whose page has more
}

// troubles are what is known to stand in the way. Nobody is told before signing in, and who may not see providers
// not of them. What cannot be read is no trouble of its own: the page itself says that.
func (r *request) troubles() (out []trouble) {
	if r.User.ID == "" {
		return nil
	}
	if r.Refusing != nil {
		if why, since := r.Refusing(); why != "" {
			out = append(out, trouble{What: r.word("store-refuses", why), Since: r.at(&since), Do: r.word("store-do", why)})
		}
	}
	rows, err := r.providerRows()
	if err != nil {
		return out
	}
	for _, row := range rows {
		if !row.Paused {
			continue
		}
		t := trouble{What: r.tr("trouble.provider", "id", r.word("provider", row.ID)), Since: row.Since, Do: r.tr("providers.waits"), Provider: row.ID}
		if row.Next != "" {
			t.Do = r.tr("providers.taken-over", "id", r.word("provider", row.Next))
		}
		out = append(out, t)
	}
	return out
}
