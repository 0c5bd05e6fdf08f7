package store_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

func TestUsersSessionsTokens(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		u := access.User{ID: "usr_1", Login: "lihua", Name: "Li Hua", Roles: []string{access.Admin}, Teams: []string{"legal"},
			Locale: "en", Hash: "h", CreatedAt: storetest.Start}
		s := access.Session{TokenHash: []byte{1}, User: u.ID, CreatedAt: storetest.Start, SeenAt: storetest.Start, ExpiresAt: storetest.Start.Add(time.Hour)}
		k := access.Token{ID: "tok_1", Name: "SIEM of Li Hua", Hash: []byte{2}, Kind: evidence.Tool, Roles: []string{access.Reporter}, CreatedAt: storetest.Start}
		view(t, db, acme, func(tx playbooks.Tx) {
			_, err := tx.UserByLogin(ctx, "lihua")
			requireFault(t, err, incident.NotFound)
		})
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.InsertUser(ctx, u))
			other := u
			other.ID = "usr_2"
			requireFault(t, tx.InsertUser(ctx, other), incident.Conflict)
			require.NoError(t, tx.InsertSession(ctx, s))
			require.NoError(t, tx.InsertToken(ctx, k))
		})
		u.Disabled, u.Name = true, "Li Hua the Second"
		s.SeenAt = s.SeenAt.Add(time.Minute)
		k.RevokedAt, k.ExpiresAt = storetest.Start, s.ExpiresAt
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.UpdateUser(ctx, u))
			require.NoError(t, tx.TouchSession(ctx, s.TokenHash, s.SeenAt))
			require.NoError(t, tx.UpdateToken(ctx, k))
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			got, err := tx.UserByLogin(ctx, "lihua")
			require.NoError(t, err)
			require.Equal(t, u, got)
			users, err := tx.Users(ctx)
			require.NoError(t, err)
			require.Equal(t, []access.User{u}, users)
			session, err := tx.Session(ctx, s.TokenHash)
			require.NoError(t, err)
			require.Equal(t, s, session)
			token, err := tx.Token(ctx, k.Hash)
			require.NoError(t, err)
			require.Equal(t, k, token)
		})
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.DeleteSession(ctx, s.TokenHash))
			_, err := tx.Session(ctx, s.TokenHash)
			requireFault(t, err, incident.NotFound)
		})
		tx(t, db, evil, func(tx playbooks.Tx) {
			_, err := tx.Token(ctx, k.Hash)
			requireFault(t, err, incident.NotFound)
			requireFault(t, tx.UpdateUser(ctx, u), incident.NotFound)
		})
	})
}

func TestDocumentsAndTheirVersions(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.InsertRun(ctx, playbooks.Run{ID: "run_1", Incident: i.ID, StartedAt: storetest.Start}))
		})
		due := storetest.Start.Add(time.Hour)
		d := notify.Document{ID: "rpt_1", Kind: templates.Report, Incident: i.ID, Run: "run_1", Step: "s", Version: 1, State: notify.DocDraft,
			Content: templates.Content{Locales: map[string][]templates.Passage{"en": {{Block: "impact", Text: "Li Hua"}}}},
			Policy:  notify.Policy{Quorum: 2, Deadline: &due}, CreatedAt: storetest.Start, UpdatedAt: storetest.Start}
		tx(t, db, acme, func(tx playbooks.Tx) {
			none, err := tx.DocumentAt(ctx, "run_1", "s", "")
			require.NoError(t, err)
			require.Nil(t, none)
			require.NoError(t, tx.InsertDocument(ctx, d))
			d.Version, d.State = 2, notify.DocSubmitted
			require.NoError(t, tx.UpdateDocument(ctx, d))
			got, err := tx.DocumentAt(ctx, "run_1", "s", "")
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(&d, got))
			requireFault(t, tx.UpdateDocument(ctx, d), incident.Stale)
		})
		again := d
		again.ID = "rpt_2"
		err := store.Of[notify.Tx](db).InTx(ctx, acme, func(tx notify.Tx) error { return tx.InsertDocument(ctx, again) })
		requireFault(t, err, incident.Conflict)

		m := notify.FrozenMessage{Document: d.ID, Version: 2, Message: templates.Message{Channel: "email", Locale: "en", Text: "Dear"}, Hash: "ab"}
		a := notify.Approval{ID: "apr_1", Document: d.ID, Version: 2, User: "usr_1", Digest: "dd", Note: "fine", At: storetest.Start}
		f := notify.Filing{ID: "fig_1", Report: d.ID, State: notify.Written, Contact: "Officer Wang", FiledAt: storetest.Start}
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.InsertMessages(ctx, []notify.FrozenMessage{m}))
			require.NoError(t, tx.InsertApproval(ctx, a))
			require.NoError(t, tx.InsertFiling(ctx, f))
			n, err := tx.VoidApprovals(ctx, d.ID, due, "edit")
			require.NoError(t, err)
			require.Equal(t, 1, n)
			a.VoidedAt, a.VoidedBy = &due, "edit"
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			messages, err := tx.Messages(ctx, d.ID, 2)
			require.NoError(t, err)
			require.Equal(t, []notify.FrozenMessage{m}, messages)
			approvals, err := tx.Approvals(ctx, d.ID)
			require.NoError(t, err)
			require.Equal(t, []notify.Approval{a}, approvals)
			filings, err := tx.Filings(ctx, d.ID)
			require.NoError(t, err)
			require.Equal(t, []notify.Filing{f}, filings)
		})
	})
}

// Lists that go by deadline page without gaps or repeats, what has none coming last.
func TestQueuesPageByDeadline(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		early, late := storetest.Start, storetest.Start.Add(time.Hour)
		var want []string
		tx(t, db, acme, func(tx playbooks.Tx) {
			for n, due := range []*time.Time{nil, &late, &early, &late, nil} {
				id := itoa(n)
				require.NoError(t, tx.InsertDocument(ctx, notify.Document{ID: "rpt_" + id, Incident: i.ID, State: notify.DocSubmitted, Policy: notify.Policy{Deadline: due}}))
				require.NoError(t, tx.InsertTask(ctx, playbooks.Task{ID: "tsk_" + id, Incident: i.ID, State: "open", DueAt: due}))
			}
			require.NoError(t, tx.InsertTask(ctx, playbooks.Task{ID: "tsk_done", Incident: i.ID, State: "done"}))
			want = []string{"2", "1", "3", "0", "4"}
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			var documents, tasks []string
			for p := (incident.Page{Limit: 2}); ; {
				page, err := tx.Queue(ctx, notify.DocSubmitted, p)
				require.NoError(t, err)
				if len(page) == 0 {
					break
				}
				for _, d := range page {
					documents = append(documents, d.ID[4:])
				}
				p.After = page[len(page)-1].ID
			}
			for p := (incident.Page{Limit: 2}); ; {
				page, err := tx.OpenTasks(ctx, p)
				require.NoError(t, err)
				if len(page) == 0 {
					break
				}
				for _, k := range page {
					tasks = append(tasks, k.ID[4:])
				}
				p.After = page[len(page)-1].ID
			}
			require.Equal(t, want, documents)
			require.Equal(t, want, tasks)
		})
	})
}

func TestAudiences(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		a := notify.Audience{ID: "aud_1", Incident: i.ID, State: notify.Importing, Name: "customers of Li Hua.csv", CreatedAt: storetest.Start, UpdatedAt: storetest.Start}
		index := func(c byte) []byte { return bytes.Repeat([]byte{c}, 12) }
		entries := func(run int64, of ...string) notify.IndexChunk { // index and sequence
			c := notify.IndexChunk{Run: run}
			for _, e := range of {
				c.Body = append(append(c.Body, index(e[0])...), 0, 0, 0, e[1]-'0')
			}
			c.First = c.Body[:16]
			return c
		}
		tx(t, db, acme, func(tx playbooks.Tx) {
			var err error
			a.No, err = tx.InsertAudience(ctx, a)
			require.NoError(t, err)
			got, err := tx.Audience(ctx, a.ID)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(a, got, cmp.Comparer(func(x, y evidence.Root) bool { return x.Hex() == y.Hex() })))

			pages := []notify.RecipientPage{{From: 0, Count: 250, Body: []byte("first")}, {From: 250, Count: 3, Body: []byte("begun")}}
			require.NoError(t, tx.InsertPages(ctx, a, pages))
			pages[1].Count, pages[1].Body = 250, []byte("full")
			require.NoError(t, tx.InsertPages(ctx, a, append(pages[1:], notify.RecipientPage{From: 500, Count: 1, Body: []byte("last")})))
			require.NoError(t, tx.InsertChunks(ctx, a, []notify.IndexChunk{entries(0, "a1", "b0", "x0"), entries(0, "x1"), entries(0, "x4", "y0")}))
			require.NoError(t, tx.InsertChunks(ctx, a, []notify.IndexChunk{entries(1, "x3")}))
			require.NoError(t, tx.InsertRejects(ctx, a, []notify.Reject{{Line: 3, Pointer: "/a", Rule: "r"}, {Line: 3, Pointer: "/b", Rule: "r"}, {Line: 9}}))
			a.Total, a.State = 6, notify.Ready
			require.NoError(t, tx.UpdateAudience(ctx, a))
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			var room []notify.RecipientPage
			for _, c := range []struct {
				from, to int64
				want     string
			}{{0, 1, "first"}, {249, 250, "first"}, {249, 251, "first full"}, {499, 501, "full last"}, {501, 600, "last"}, {0, 1000, "first full last"}} {
				pages, err := tx.Pages(ctx, room[:0], a.No, c.from, c.to)
				require.NoError(t, err)
				room = pages
				var bodies []string
				for _, p := range pages {
					bodies = append(bodies, string(p.Body))
				}
				require.Equal(t, c.want, strings.Join(bodies, " "))
			}
			for c, want := range map[byte][]int64{'x': {0, 1, 3, 4}, 'a': {1}, 'y': {0}, 'z': nil, '0': nil, 'w': nil} {
				seqs, err := tx.RecipientSeqs(ctx, a.No, index(c))
				require.NoError(t, err)
				require.Equal(t, want, seqs, string(c))
			}
			rejects, err := tx.Rejects(ctx, a.No, 0, 10)
			require.NoError(t, err)
			require.Len(t, rejects, 3)
			rejects, err = tx.Rejects(ctx, a.No, 0, 1)
			require.NoError(t, err)
			require.Len(t, rejects, 2, "a line is never cut by a page")
			rejects, err = tx.Rejects(ctx, a.No, 3, 10)
			require.NoError(t, err)
			require.Len(t, rejects, 1)
			list, err := tx.Audiences(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, []notify.Audience{a}, list)
		})
		view(t, db, evil, func(tx playbooks.Tx) {
			_, err := tx.Pages(ctx, nil, a.No, 0, 10)
			requireFault(t, err, incident.NotFound)
			_, err = tx.RecipientSeqs(ctx, a.No, index('x'))
			requireFault(t, err, incident.NotFound)
		})
	})
}

func TestAnnouncementsLiveOnes(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		var want []notify.Announcement
		for n, after := range []time.Duration{-2 * time.Hour, -time.Hour, time.Hour} {
			a := notify.Announcement{Notice: insertNotice(t, db, i.ID).ID, Version: n, Incident: i.ID, LiveAt: storetest.Start.Add(after)}
			tx(t, db, acme, func(tx playbooks.Tx) { require.NoError(t, tx.PutAnnouncement(ctx, a)) })
			want = append([]notify.Announcement{a}, want...)
		}
		view(t, db, acme, func(tx playbooks.Tx) {
			got, err := tx.Announcements(ctx)
			require.NoError(t, err)
			require.Equal(t, want[1:], got)
		})
	})
}

func TestRegisterRunsAndTimers(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		due := storetest.Start.Add(time.Hour)
		duty := playbooks.Duty{ID: "obl_1", Incident: i.ID, State: obligation.Running, DerivedAt: due, UpdatedAt: due,
			Obligation: obligation.Obligation{ID: "cn-x", Addressee: "individuals", Deadline: &due, Because: []string{"people.count = 12"}}}
		derivation := playbooks.Derivation{Incident: i.ID, FactRevision: 3, At: due, Result: obligation.Result{AsOf: due, NextChange: &due}}
		run := playbooks.Run{ID: "run_1", Incident: i.ID, Playbook: "leak", Revision: 1, Hash: "h", State: "running", StartedAt: due}
		step := playbooks.Step{Run: run.ID, ID: "tell", Item: "2", State: playbooks.StepOpen, Reason: "12 people", Document: "ntc_1", DueAt: &due, UpdatedAt: due}
		task := playbooks.Task{ID: "tsk_1", Incident: i.ID, Title: map[string]string{"en": "Ask Li Hua"}, State: "open", DueAt: &due, CreatedAt: due}
		timer := playbooks.Timer{ID: "next/1", Incident: i.ID, Kind: "next", DueAt: due}
		tx(t, db, acme, func(tx playbooks.Tx) {
			none, err := tx.Derivation(ctx, i.ID)
			require.NoError(t, err)
			require.Nil(t, none)
			require.NoError(t, tx.InsertRun(ctx, run))
			require.NoError(t, tx.InsertTask(ctx, task))
			for range 2 { // every put is repeatable
				require.NoError(t, tx.PutDuty(ctx, duty))
				require.NoError(t, tx.PutDerivation(ctx, derivation))
				require.NoError(t, tx.PutStep(ctx, step))
				require.NoError(t, tx.PutTimer(ctx, timer))
				duty.State, derivation.FactRevision, step.State = obligation.Met, 4, playbooks.StepDone
			}
			run.State, task.State, task.Note = "done", "done", "asked"
			require.NoError(t, tx.UpdateRun(ctx, run))
			require.NoError(t, tx.UpdateTask(ctx, task))
		})
		tx(t, db, acme, func(tx playbooks.Tx) {
			gotDuty, err := tx.Duty(ctx, duty.ID)
			require.NoError(t, err)
			require.Equal(t, duty, gotDuty)
			duties, err := tx.Duties(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Duty{duty}, duties)
			gotDerivation, err := tx.Derivation(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, &derivation, gotDerivation)
			runs, err := tx.Runs(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Run{run}, runs)
			steps, err := tx.Steps(ctx, run.ID)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Step{step}, steps)
			tasks, err := tx.Tasks(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Task{task}, tasks)

			timers, err := tx.DueTimers(ctx, storetest.Start, 10)
			require.NoError(t, err)
			require.Empty(t, timers)
			timers, err = tx.DueTimers(ctx, due, 10)
			require.NoError(t, err)
			require.Equal(t, []playbooks.Timer{timer}, timers)
			require.NoError(t, tx.DeleteTimer(ctx, timer.ID))
			timers, err = tx.DueTimers(ctx, due, 10)
			require.NoError(t, err)
			require.Empty(t, timers)
		})
	})
}

func TestProfileVersionsAndArtefacts(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		p := obligation.Profile{Operator: "acme", Roles: []string{"pi_processor"}, Registrations: map[string]any{"nis2": "important", "level": int64(3)}}
		view(t, db, acme, func(tx playbooks.Tx) {
			_, _, err := tx.Profile(ctx)
			requireFault(t, err, incident.NotFound)
		})
		tx(t, db, acme, func(tx playbooks.Tx) {
			first, err := tx.PutProfile(ctx, p)
			require.NoError(t, err)
			same, err := tx.PutProfile(ctx, p)
			require.NoError(t, err)
			require.Equal(t, first, same)
			p.Roles = append(p.Roles, "network_operator")
			second, err := tx.PutProfile(ctx, p)
			require.NoError(t, err)
			require.NotEqual(t, first, second)
			got, hash, err := tx.Profile(ctx)
			require.NoError(t, err)
			require.Equal(t, second, hash)
			require.Equal(t, p, got)

			a := templates.Artefact{Kind: "rules", Name: "mainland", Hash: "ab", Body: []byte("rules"), At: storetest.Start}
			require.NoError(t, tx.Freeze(ctx, a))
			require.NoError(t, tx.Freeze(ctx, a))
			frozen, err := tx.Artefact(ctx, "rules", "ab")
			require.NoError(t, err)
			require.Equal(t, a, frozen)
			_, err = tx.Artefact(ctx, "rules", "cd")
			requireFault(t, err, incident.NotFound)
		})
	})
}
