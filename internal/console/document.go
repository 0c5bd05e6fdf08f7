package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// documentModel is the editor of a notice or report and everything decided about it.
type documentModel struct {
	page
	forms
	Row         documentRow
	Incident    incidentRow
	Version     int
	Tongue      string // language of the words shown
	Locales     []localeTab
	Subject     string
	Blocks      []blockRow
	Complete    []requirementRow
	Warnings    []warningRow
	Stale       []string
	Voided      []changeRow
	Returned    string
	Channels    []channelChoice
	Previews    []previewTab
	Shown       previewTab
	MayEdit     bool
	Editing     bool // the words stand in fields; what is settled is read first
	Digest      string
	Digests     notify.Digest
	Approvals   []approvalGiven
	Quorum      int
	Teams       []string
	Why         string
	By          string
	Submitted   *moment
	Editors     []string
	Audience    *audienceRow  // frozen with the document
	Audiences   []audienceRow // to choose from
	NeedsPeople bool
	Filings     []filingRow
	FilingSteps []string // that can be recorded now
	Ahead       string   // who filed it before approval; "" once reviewed
	FileAhead   bool     // the viewer may file it before approval
	Proof       []string
	Via         string
	Now         string
	Dispatch    string // of a dispatched notice
	Extends     string // the notice whose words an addition repeats
	Plan        *planModel
	Course      *courseModel
	Mode        incident.Mode
}

type localeTab struct {
	Locale  string
	Gaps    int
	Chosen  bool
	Reading bool
}

type previewTab struct {
	Channel string
	Chosen  bool
	URL     string
}

type channelChoice struct {
	Channel string
	Chosen  bool
}

type approvalGiven struct {
	By, Note string
	At       *moment
}

type changeRow struct{ Locale, Block, Before, After string }

type warningRow struct{ Locale, Block, Kind, Words, Reason string }

type filingRow struct {
	State, Via, Addressee, Contact, Receipt, By, Note string
	At                                                *moment
	Proof, Sealed                                     bool
	Ahead                                             bool // before approval, under a standing authorisation
}

func (r *request) documentPage() error { return r.showDocument(http.StatusOK, nil) }

func (r *request) showDocument(status int, bad forms) error {
	d, err := r.Notify.Document(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	v, err := r.incident(d.Incident)
	if err != nil {
		return err
	}
	m := &documentModel{page: r.page("document.title"), forms: bad, Row: r.documentRow(d, v.Duties), Incident: r.incidentRow(v.Incident),
		Version: d.Version, Returned: d.ReturnReason, Digest: d.Digest.All, Digests: d.Digest, Quorum: len(d.Approvals) + d.Needed,
		Why: r.whyNot(d), By: r.submitter(d), Submitted: r.at(d.SubmittedAt), Now: r.input(r.now), Proof: d.Policy.Proof,
		Via: r.word("via", d.Policy.Via), Mode: v.Incident.Mode, MayEdit: editable(d.State) && d.Extends == "" && r.Can("work"), Extends: d.Extends}
	if d.Kind == templates.Notice {
		m.Course = r.course(d.Course, d.Channels, false)
	}
	settled := d.State == notify.DocSubmitted || d.State == notify.DocApproved
	m.Editing = m.MayEdit && (!settled || r.Query("edit") != "" || bad.Form("edit") != nil)
	if m.Course != nil {
		m.Course.MayEdit = m.MayEdit && (!settled || r.Query("edit") != "" || bad.Form("course") != nil)
	}
	m.Title, m.Nav, m.Listen, m.Back = m.Row.Title, "incidents", string(d.Incident), "/documents/"+d.ID
	t, _ := r.Catalog.Form(d.Content)
	r.chooseLocale(m, d, t)
	m.Blocks = r.blocks(d, t, v.Snapshot, m.Tongue, bad.Form("edit"))
	m.Subject = bad.Form("edit").Or("subject", d.Content.Subject[m.Tongue])
	m.Complete = r.requirements(d)
	m.Warnings = r.warnings(d, t)
	for _, path := range d.Stale {
		m.Stale = append(m.Stale, r.factName(path))
	}
	for _, c := range d.Voided {
		m.Voided = append(m.Voided, changeRow{Locale: c.Locale, Block: r.blockName(t, c.Block), Before: c.Before, After: c.After})
	}
	r.choosePreview(m, d, t)
	r.judged(m, d)
	if err := r.recipients(m, d); err != nil {
		return err
	}
	if m.Plan, err = r.releasePlan(d); err != nil {
		return err
	}
	r.show(status, "document", m)
	return nil
}

func editable(s notify.DocumentState) bool {
	return s == notify.DocDraft || s == notify.DocReturned || s == notify.DocSubmitted || s == notify.DocApproved
}

// chooseLocale picks the language of the words to edit: the asked one, else the viewer's.
func (r *request) chooseLocale(m *documentModel, d notify.DocumentView, t templates.Template) {
	asked := r.Query("locale")
	if form := m.Form("edit"); form != nil {
		asked = form.Or("locale", asked)
	}
	all := t.Locales
	if len(all) == 0 {
		all = slices.Sorted(maps.Keys(d.Content.Locales))
	}
	for i, want := range append([]string{asked, r.Locale}, all...) {
		if slices.Contains(all, want) && (i != 1 || !slices.Contains(t.Reading, want)) { // what is filed comes before a reading version
			m.Tongue = want
			break
		}
	}
	for _, l := range all {
		tab := localeTab{Locale: l, Chosen: l == m.Tongue, Reading: slices.Contains(t.Reading, l)}
		for _, g := range d.Gaps {
			if g.Locale == l {
				tab.Gaps++
			}
		}
		m.Locales = append(m.Locales, tab)
	}
}

func (r *request) choosePreview(m *documentModel, d notify.DocumentView, t templates.Template) {
	channels := d.Channels
	if d.Kind == templates.Report {
		channels = []string{"report"}
	}
	asked := r.Query("channel")
	for _, ch := range channels {
		q := url.Values{"locale": {m.Tongue}, "channel": {ch}, "v": {strconv.Itoa(d.Version)}}
		m.Previews = append(m.Previews, previewTab{Channel: ch, Chosen: ch == asked, URL: "/documents/" + d.ID + "/preview?" + q.Encode()})
	}
	if len(m.Previews) == 0 {
		return
	}
	i := max(0, slices.IndexFunc(m.Previews, func(p previewTab) bool { return p.Chosen }))
	m.Previews[i].Chosen = true
	m.Shown = m.Previews[i]
	for _, ch := range d.Channels {
		m.Channels = append(m.Channels, channelChoice{Channel: ch, Chosen: true})
	}
	for _, ch := range t.Channels { // those not chosen would come last
		if !slices.Contains(d.Channels, ch) {
			m.Channels = append(m.Channels, channelChoice{Channel: ch})
		}
	}
}

// judged shows approvals and filings.
func (r *request) judged(m *documentModel, d notify.DocumentView) {
	for _, a := range d.Approvals {
		m.Approvals = append(m.Approvals, approvalGiven{By: r.person(a.User), Note: a.Note, At: r.at(&a.At)})
	}
	for _, e := range d.Editors {
		m.Editors = append(m.Editors, r.person(e))
	}
	for _, t := range d.Policy.Teams {
		m.Teams = append(m.Teams, r.word("team", t))
	}
	m.Filings, m.FileAhead = r.filingRows(d), d.FileAhead
	if m.Row.Ahead {
		m.Ahead = r.person(d.Ahead)
	}
	steps := []notify.FilingState{notify.Written, notify.Spoken}
	if d.State == notify.DocFiled {
		steps = []notify.FilingState{notify.Confirmed, notify.ReturnedBy, notify.Written}
	}
	if r.Can("work") && (d.State == notify.DocApproved || d.State == notify.DocFiled || d.FileAhead) {
		for _, s := range steps {
			m.FilingSteps = append(m.FilingSteps, string(s))
		}
	}
}

// recipients reads whom a notice goes to, and where its dispatch is.
func (r *request) recipients(m *documentModel, d notify.DocumentView) error {
	m.NeedsPeople = slices.ContainsFunc(d.Channels, func(ch string) bool { return ch != templates.Announcement })
	if d.Kind != templates.Notice {
		return nil
	}
	audiences, err := r.Notify.Audiences(r.ctx(), r.scope, d.Incident)
	if err != nil {
		return err
	}
	for _, a := range audiences {
		row := r.audienceRow(a)
		if a.State == notify.Ready {
			m.Audiences = append(m.Audiences, row)
		}
		if a.ID == d.Audience {
			m.Audience = &row
		}
	}
	if d.State != notify.DocDispatched {
		return nil
	}
	all, err := r.Notify.Dispatches(r.ctx(), r.scope, d.Incident)
	for _, p := range all {
		if p.Notice == d.ID {
			m.Dispatch = p.ID
		}
	}
	return err
}

// saveDocument takes an edit of the words of one language, of the channels, or the present facts.
func (r *request) saveDocument() error {
	form := r.Request.PostForm
	version, err := strconv.Atoi(r.PostForm("version"))
	if err != nil {
		return r.againDocument("edit", incident.NewFault(incident.Stale, "the document has changed since you read it; read it again"))
	}
	locale := r.PostForm("locale")
	edit := notify.Edit{Refresh: r.PostForm("refresh") != ""}
	if form.Has("subject") {
		edit.Subject = map[string]string{locale: r.PostForm("subject")}
	}
	for _, block := range form["block"] {
		edit.Passages = append(edit.Passages, notify.EditPassage{Locale: locale, Block: block, Text: r.PostForm("text." + block), Open: r.PostForm("open."+block) != ""})
	}
	if form.Has("channels") {
		edit.Channels = slices.DeleteFunc(slices.Clone(form["channel"]), func(s string) bool { return s == "" })
		if edit.Channels == nil {
			edit.Channels = []string{}
		}
	}
	if _, err := r.Notify.Edit(r.ctx(), r.scope, r.Param("id"), version, edit); err != nil {
		return r.againDocument("edit", r.blamed(err, form["block"]))
	}
	return r.done(r.documentURL(locale)+"#words", "saved")
}

// blamed points the faults of an edit at blocks rather than at places in a list.
func (r *request) blamed(err error, blocks []string) error {
	f := r.fault(err)
	if f == nil {
		return err
	}
	for i, p := range f.Problems {
		rest, ok := strings.CutPrefix(p.Pointer, "/passages/")
		number, _, _ := strings.Cut(rest, "/")
		if n, err := strconv.Atoi(number); ok && err == nil && n < len(blocks) {
			f.Problems[i].Pointer = "/blocks/" + blocks[n]
		}
	}
	kind := map[int]incident.FaultKind{http.StatusBadRequest: incident.Invalid, http.StatusForbidden: incident.Forbidden,
		http.StatusNotFound: incident.NotFound, http.StatusPreconditionFailed: incident.Stale, http.StatusServiceUnavailable: incident.Busy}[f.Status]
	if kind == "" {
		kind = incident.Conflict
	}
	return &incident.Fault{Kind: kind, Message: f.Message, Problems: f.Problems}
}

func (r *request) documentURL(locale string) string {
	at := "/documents/" + r.Param("id")
	if slices.Contains(locales, locale) {
		r.Request.URL.RawQuery = ""
		return at + "?locale=" + locale
	}
	return at
}

func (r *request) againDocument(name string, err error) error {
	bad := r.rejected(name, err)
	if bad == nil {
		return err
	}
	return r.showDocument(bad[name].Status, bad)
}

// previewPolicy lets an e-mail carry its own style and nothing else; the page frames it without scripts.
const previewPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox"

// preview shows what one channel's reader will see, in a frame with a policy of its own.
func (r *request) preview() error {
	locale, channel := r.Query("locale"), r.Query("channel")
	var body []byte
	if channel == "report" {
		html, _, err := r.Notify.Export(r.ctx(), r.scope, r.Param("id"), locale, "html")
		if err != nil {
			return err
		}
		body = html
	} else {
		message, err := r.Notify.Preview(r.ctx(), r.scope, r.Param("id"), locale, channel)
		if err != nil {
			return err
		}
		body = templates.Preview(message)
	}
	r.Header("Content-Security-Policy", previewPolicy)
	r.Data(http.StatusOK, "text/html; charset=utf-8", body)
	return nil
}
