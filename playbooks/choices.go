package playbooks

import "tocsin/playbooks/obligation"

// Choices is what an operator's profile can say.
type Choices struct {
	Roles, Sectors, Channels []string
	Registrations, Settings  []obligation.Choice
	Statements               map[string]map[string]string // id → operator per locale
}

// Choices lists what a profile can say under the rules of this program.
func (s *Service) Choices() Choices {
	c := Choices{Roles: profileRoles, Sectors: profileSectors, Channels: profileChannels}
	c.Registrations, c.Settings, c.Statements = s.engine.Choices()
	return c
}

// Law lists every rule of this program, those that are off too.
func (s *Service) Law() []obligation.RuleInfo { return s.engine.List() }
