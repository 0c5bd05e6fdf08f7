package console

// handler answers one request of a signed-in person.
type handler func(*request) error

// pages are what a signed-in person can read.
var pages = map[string]handler{
	"/":                        (*request).incidentList,
	"/approvals":               (*request).approvals,
	"/tasks":                   (*request).tasks,
	"/incidents/:id":           (*request).incidentPage,
	"/incidents/:id/timeline":  (*request).timeline,
	"/incidents/:id/evidence":  (*request).evidencePack,
	"/audiences/:id":           (*request).audiencePage,
	"/documents/:id":           (*request).documentPage,
	"/documents/:id/preview":   (*request).preview,
	"/documents/:id/dispatch":  (*request).confirmDispatch,
	"/dispatches/:id":          (*request).dispatchPage,
	"/incidents/:id/response":  (*request).responsePage,
	"/incidents/:id/relief":    (*request).reliefExport,
	"/incidents/:id/customers": (*request).customersPage,
	"/incidents/:id/rules":     (*request).rulesetPage,
	"/incidents/:id/reasons":   (*request).reasonsPage,
	"/duties/:id":              (*request).dutyPage,
	"/decisions/:id":           (*request).decisionPage,
	"/decisions/:id/defence":   (*request).defence,
	"/profile":                 (*request).profilePage,
	"/law":                     (*request).lawPage,
	"/console/events":          (*request).events,

	"/audiences/:id/rejects":     (*request).rejectsFile,
	"/dispatches/:id/export":     (*request).deliveriesFile,
	"/dispatches/:id/proof/:seq": (*request).proof,
	"/providers":                 (*request).providersPage,
}

// actions are the forms that a signed-in person can send.
var actions = map[string]handler{
	"/sign-out":                     (*request).signOut,
	"/preferences":                  (*request).preferences,
	"/incidents/:id/awareness":      (*request).decideAwareness,
	"/incidents/:id/facts":          (*request).answerFact,
	"/incidents/:id/close":          (*request).closeHandling,
	"/tasks/:id":                    (*request).completeTask,
	"/documents/:id":                (*request).saveDocument,
	"/documents/:id/submit":         (*request).submit,
	"/documents/:id/approve":        (*request).approve,
	"/documents/:id/return":         (*request).returnDocument,
	"/documents/:id/withdraw":       (*request).withdraw,
	"/documents/:id/dispatch":       (*request).dispatch,
	"/dispatches/:id/pause":         (*request).pause,
	"/dispatches/:id/resume":        (*request).resume,
	"/dispatches/:id/stop":          (*request).stop,
	"/dispatches/:id/search":        (*request).search,
	"/incidents/:id/plan":           (*request).activatePlan,
	"/incidents/:id/plan/end":       (*request).endPlan,
	"/incidents/:id/relief":         (*request).sayGround,
	"/incidents/:id/customers":      (*request).importCustomers,
	"/incidents/:id/customers/told": (*request).tellCustomer,
	"/incidents/:id/rules":          (*request).acceptRuleset,
	"/decisions/:id":                (*request).decideDecision,
	"/duties/:id/undertake":         (*request).undertake,
	"/profile":                      (*request).saveProfile,
	"/incidents/:id/audience/file":  (*request).importFile,
	"/documents/:id/course":         (*request).saveCourse,
	"/documents/:id/additions":      (*request).extend,
	recountPath:                     (*request).recount,
	"/providers/:id/pause":          (*request).pauseProvider,
	"/providers/:id/resume":         (*request).resumeProvider,
}

// proven are the forms that may come with a file of proof.
var proven = map[string]handler{
	"/documents/:id/filings": (*request).recordFiling,
	"/duties/:id/decisions":  (*request).proposeDecision,
	"/incidents/:id/reasons": (*request).proposeNone,
	"/incidents/:id/letters": (*request).receiveLetter,
	"/letters/:id/answer":    (*request).answerLetter,
}
