package access

import (
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// grants is the whole permission model: what each role may do.
var grants = map[string][]Permission{
	Reporter:  {Report},
	Responder: {Report, Read, Work, Send, ReadPeople},
	Approver:  {Read, Approve},
	Admin:     {Read, Manage},
	Auditor:   {Read, ReadPeople},
}

// Roles lists the roles in a fixed order, for choice in the console and on the command line.
func Roles() []string { return []string{Reporter, Responder, Approver, Admin, Auditor} }

// Can reports whether the scope grants the permission. The system may do everything but approve:
// an approval is the word of a named person, so a tool cannot give one either.
func Can(s evidence.Scope, p Permission) bool {
	if p == Approve && s.Actor.Kind != evidence.Person {
		return false
	}
	if s.Actor.Kind == evidence.Machine {
		return true
	}
	return slices.ContainsFunc(s.Roles, func(role string) bool { return slices.Contains(grants[role], p) })
}

// Require returns a Forbidden fault unless the scope's roles (or the system) grant the permission.
func Require(s evidence.Scope, p Permission) error {
	if Can(s, p) {
		return nil
	}
	return incident.NewFault(incident.Forbidden, "this needs the permission %q; ask an administrator", p)
}
