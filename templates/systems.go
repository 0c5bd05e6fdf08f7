package templates

import (
	"strings"

	"tocsin/incident"
)

func systemName(p *pen, v any) string {
	s, _ := v.(map[string]any)
	return p.name(s["name"])
}

func printSystems(p *pen, f []incident.Fact) string {
	return bullets(p.each(f[0], func(p *pen, v any) string {
		s, _ := v.(map[string]any)
		about := append(p.level(s), p.regions([]any{s["province"]})...)
		return p.about(systemName(p, v), append(about, p.down(s)...))
	}))
}

// printLevels lists the systems whose level of protection is known.
func printLevels(p *pen, f []incident.Fact) string {
	return bullets(p.each(f[0], func(p *pen, v any) string {
		s, _ := v.(map[string]any)
		if level := p.level(s); len(level) > 0 {
			return p.about(systemName(p, v), level)
		}
		return ""
	}))
}

func (p *pen) level(system map[string]any) []string {
	var out []string
	if n := number(system["mlps_level"]); n != "" {
		out = append(out, fill(p.w.Certainty["mlps"][p.locale], n))
	}
	if cii, ok := system["cii"].(bool); ok && cii {
		out = append(out, p.w.Certainty["cii"][p.locale])
	} else if ok {
		out = append(out, p.w.Certainty["not_cii"][p.locale])
	}
	return out
}

func (p *pen) about(name string, about []string) string {
	if name == "" || len(about) == 0 {
		return name
	}
	if p.locale == "en" {
		return name + ": " + strings.Join(about, ", ")
	}
	return name + "：" + strings.Join(about, "，")
}

func (p *pen) down(s map[string]any) []string {
	var out []string
	if since, ok := s["down_since"].(string); ok && p.time(since, false) != "" {
		out = append(out, fill(p.w.Certainty["down_since"][p.locale], p.time(since, false)))
	}
	if n := number(s["down_minutes"]); n != "" {
		out = append(out, fill(p.w.Certainty["down"][p.locale], n))
	}
	return out
}

func printOutages(p *pen, f []incident.Fact) string {
	items := p.each(f[0], func(p *pen, v any) string {
		s, _ := v.(map[string]any)
		if down := p.down(s); len(down) > 0 {
			return p.about(systemName(p, v), down)
		}
		return ""
	})
	return strings.Join(items, map[string]string{"en": "; ", "zh-Hans": "；"}[p.locale])
}

func printPlaces(p *pen, f []incident.Fact) string {
	var codes []any
	for _, v := range list(f[0].Value) {
		if s, ok := v.(map[string]any); ok && s["province"] != nil {
			codes = append(codes, s["province"])
		}
	}
	return p.list(p.regions(codes))
}
