package notify

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// csvForm is how a CSV file is written: what stands between its values and what its columns mean.
type csvForm struct {
	delimiter byte
	columns   []column
}

var errQuotes = errors.New("quotes do not match")

// delimiter is the one that a header uses most.
func delimiter(header []byte) byte {
	best := byte(',')
	for _, d := range []byte{';', '\t'} {
		if bytes.Count(header, []byte{d}) > bytes.Count(header, []byte{best}) {
			best = d
		}
	}
	return best
}

// span is the length of a record that begins with b and goes on over several lines, with its end; 0 when the first
// line stands for itself. A quote that is never closed, or a record of more or fewer values than the
// header names, takes no further line with it: a missing quote must not swallow people. known is false when
// more must be read to tell.
func (f *csvForm) span(b []byte, whole bool) (n int, known bool) {
	fields, quotes := 1, false
	for i := 0; i < len(b) && i < maxLine; i++ {
		switch c := b[i]; {
		case quotes && c != '"':
		case quotes && i+1 < len(b) && b[i+1] == '"':
			i++
		case quotes && i+1 == len(b) && !whole:
			return 0, false
		case quotes:
			quotes = false
			if rest := bytes.TrimPrefix(b[i+1:], []byte{'\r'}); len(rest) > 0 && rest[0] != f.delimiter && rest[0] != '\n' {
				return 0, true
			}
		case c == '"':
			if i > 0 && b[i-1] != f.delimiter {
				return 0, true
			}
			quotes = true
		case c == f.delimiter:
			fields++
		case c == '\n' && fields == len(f.columns):
			return i + 1, true
		case c == '\n':
			return 0, true
		}
	}
	switch {
	case len(b) < maxLine && !whole:
		return 0, false
	case len(b) < maxLine && !quotes && fields == len(f.columns):
		return len(b), true
	}
	return 0, true
}

// fields appends the values of one record (RFC 4180) to values. They are parts of row.
func (f *csvForm) fields(values []string, row string) ([]string, error) {
	for {
		if !strings.HasPrefix(row, `"`) {
			i := strings.IndexByte(row, f.delimiter)
			value := row
			if i >= 0 {
				value = row[:i]
			}
			if strings.IndexByte(value, '"') >= 0 {
				return values, errQuotes
			}
			if values = append(values, value); i < 0 {
				return values, nil
			}
			row = row[i+1:]
			continue
		}
		value, rest, err := quoted(row[1:])
		if err != nil {
			return values, err
		}
		values = append(values, value)
		if rest == "" {
			return values, nil
		}
		if rest[0] != f.delimiter {
			return values, errQuotes
		}
		row = rest[1:]
	}
}

// quoted reads up to the closing quote; two quotes stand for one.
func quoted(s string) (value, rest string, err error) {
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", errQuotes
		}
		value, s = value+s[:i], s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			return value, s, nil
		}
		value, s = value+`"`, s[1:]
	}
}

// character is where the value of a column begins in its line, counted from 1 in characters; 0 when it does
// not begin on the first line.
func (f *csvForm) character(row string, index int) int64 {
	at := 0
	for range index {
		if strings.HasPrefix(row[at:], `"`) {
			_, rest, err := quoted(row[at+1:])
			if err != nil {
				return 0
			}
			at = len(row) - len(rest)
		}
		i := strings.IndexByte(row[at:], f.delimiter)
		if i < 0 {
			return 0
		}
		at += i + 1
	}
	if strings.IndexByte(row[:at], '\n') >= 0 {
		return 0
	}
	return int64(utf8.RuneCountInString(row[:at])) + 1
}
