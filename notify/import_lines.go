package notify

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	maxLine    = 64 << 10 // bytes
	chunkLines = 1000     // rows of one bulk transaction
	chunkBytes = 1 << 20
)

// chunk is a run of lines, kept in one buffer.
type chunk struct {
	lines []inputLine
	buf   []byte
}

// inputLine is where one line stands in its chunk; long lines are named without their bytes.
type inputLine struct {
	no       int64
	from, to int
	long     bool
}

// lineReader cuts an input into chunks of lines in constant memory. One line is one record: a line break
// inside quotes is refused as part of the line it breaks, so that no missing quote can swallow people.
type lineReader struct {
	r  *bufio.Reader
	no int64
}

// newLineReader skips a byte order mark.
func newLineReader(r io.Reader) *lineReader {
	b := bufio.NewReaderSize(r, maxLine)
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3)
	}
	return &lineReader{r: b}
}

// next reads the next chunk; io.EOF comes alone, after the last one.
func (l *lineReader) next() (chunk, error) {
	var c chunk
	for len(c.lines) < chunkLines && len(c.buf) < chunkBytes {
		text, long, err := l.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return chunk{}, err
		}
		if err != nil && len(c.lines) == 0 {
			return chunk{}, io.EOF
		}
		if err != nil {
			return c, nil
		}
		if len(bytes.TrimSpace(text)) == 0 && !long {
			continue
		}
		from := len(c.buf)
		c.buf = append(c.buf, text...)
		c.lines = append(c.lines, inputLine{no: l.no, from: from, to: len(c.buf), long: long})
	}
	return c, nil
}

// line reads one line without its end. Of a line that is too long nothing is kept. io.EOF comes when
// there is no further line.
func (l *lineReader) line() (text []byte, long bool, err error) {
	text, err = l.r.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(text) > 0 {
		err = nil // a last line without an end
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		long, text = true, nil
		if _, err = l.r.ReadSlice('\n'); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, false, err
	}
	l.no++
	return bytes.TrimRight(text, "\r\n"), long, nil
}
