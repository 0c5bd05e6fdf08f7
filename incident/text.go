package incident

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

var escapeSequence = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")

// CleanText takes out what a hostile tool may hide in a text: terminal escapes, control characters
// other than tab and newline, characters that turn the reading direction. It is cut at most characters.
func CleanText(s string, most int) string {
	s = escapeSequence.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > most { // bytes are never fewer than characters
		if r := []rune(s); len(r) > most {
			s = string(r[:most-1]) + "…"
		}
	}
	return s
}

// CleanTitle makes a title fit for lists: one line, cleaned, cut, personal data masked. masked says
// whether there was any.
func CleanTitle(s string) (title string, masked bool) {
	return MaskPersonal(strings.Join(strings.Fields(CleanText(s, longestTitle)), " "))
}

var (
	digitRun   = regexp.MustCompile(`\+?\d+(?:[ -]\d+)*[Xx]?`)
	digitGroup = regexp.MustCompile(`\+?\d+[Xx]?`)
)

// MaskPersonal masks what looks like a resident id, a mainland mobile number or a bank card, also when
// it is written in groups of digits.
func MaskPersonal(s string) (string, bool) {
	var b strings.Builder
	from := 0
	for _, run := range digitRun.FindAllStringIndex(s, -1) {
		groups := digitGroup.FindAllStringIndex(s[run[0]:run[1]], -1)
		for i := 0; i < len(groups); i++ {
			start := run[0] + groups[i][0]
			for j := i; j < len(groups) && groups[j][1]-groups[i][0] <= 24; j++ {
				end := run[0] + groups[j][1]
				if inWord(s, start, end) || !isPersonal(s[start:end]) {
					continue
				}
				b.WriteString(s[from:start])
				b.WriteString("[masked]")
				from, i = end, j
				break
			}
		}
	}
	return b.String() + s[from:], from > 0
}

// inWord tells digits that are part of an identifier, such as a hash, from a number that stands alone.
func inWord(s string, from, to int) bool {
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
	return from > 0 && letter(s[from-1]) || to < len(s) && letter(s[to])
}

func isPersonal(run string) bool {
	d := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "+", "").Replace(run))
	switch {
	case len(d) == 18 && isBirthday(d[6:14]):
		return true // resident id, with a check digit or X
	case strings.HasSuffix(d, "X"):
		return false
	case len(d) == 13 && strings.HasPrefix(d, "86"):
		return isMobile(d[2:])
	case len(d) == 11:
		return isMobile(d)
	}
	return len(d) >= 13 && len(d) <= 19 && luhn(d)
}

func isMobile(d string) bool { return d[0] == '1' && d[1] >= '3' }

func isBirthday(d string) bool {
	t, err := time.Parse("20060102", d)
	return err == nil && t.Year() >= 1900 && t.Year() < 2100
}

func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
