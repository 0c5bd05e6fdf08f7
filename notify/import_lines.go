package notify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

const (
	maxLine    = 64 << 10 // bytes of one record
	chunkLines = 1000
	chunkBytes = 256 << 10
)

// chunk is a run of records, kept in one buffer.
type chunk struct {
	lines []inputLine
	buf   []byte
	at    Position // after it
}

// Position is how far an input was read. The sum is of all bytes before it, so that an import goes on with
// the same file only.
type Position struct {
	Offset int64
	Lines  int64
	Sum    []byte
}

// inputLine is where one record stands in its chunk and on which line it begins; of long ones there are no
// bytes.
type inputLine struct {
	no       int64
	from, to int
	long     bool
}

// lineReader cuts an input into chunks of records in constant memory, the same ones whenever it is read.
type lineReader struct {
	r      io.Reader
	rest   []byte // read, but of no chunk yet
	end    error  // how the input ended
	offset int64
	sum    hash.Hash
	no     int64 // lines before rest
	csv    *csvForm
	bufs   sync.Pool
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: r, sum: sha256.New(), rest: make([]byte, 0, chunkBytes)}
}

// release takes the buffer of a chunk that is no longer needed.
func (l *lineReader) release(c chunk) {
	b := c.buf[:0]
	l.bufs.Put(&b)
}

// fill reads until buf holds chunkBytes or the input ends.
func (l *lineReader) fill(buf []byte) []byte {
	for len(buf) < chunkBytes && l.end == nil {
		n, err := l.r.Read(buf[len(buf):chunkBytes])
		buf, l.end = buf[:len(buf)+n], err
	}
	return buf
}

// next reads the next chunk; io.EOF comes alone, after the last one. An input that breaks off loses what
// was not in a whole chunk.
func (l *lineReader) next() (chunk, error) {
	buf, ok := l.bufs.Get().(*[]byte)
	if !ok {
		b := make([]byte, 0, chunkBytes)
		buf = &b
	}
	c := chunk{buf: l.fill(append(*buf, l.rest...)), lines: make([]inputLine, 0, chunkLines)}
	if l.end != nil && !errors.Is(l.end, io.EOF) {
		return chunk{}, l.end
	}
	if len(c.buf) == 0 {
		return chunk{}, io.EOF
	}
	used, long := l.cut(&c)
	l.rest = append(l.rest[:0], c.buf[used:]...)
	l.pass(c.buf[:used])
	c.buf = c.buf[:used]
	if long {
		if err := l.skipLine(); err != nil {
			return chunk{}, err
		}
	}
	c.at = l.position()
	return c, nil
}

func (l *lineReader) position() Position {
	return Position{Offset: l.offset, Lines: l.no, Sum: l.sum.Sum(nil)}
}

func (l *lineReader) pass(b []byte) {
	l.offset += int64(len(b))
	l.sum.Write(b)
}

// cut finds the records of a chunk and says how much of its buffer they take. long says that the last one
// is too long and goes on behind it.
func (l *lineReader) cut(c *chunk) (used int, long bool) {
	whole := errors.Is(l.end, io.EOF)
	if l.offset == 0 && bytes.HasPrefix(c.buf, []byte("\xef\xbb\xbf")) {
		used = 3
	}
	for len(c.lines) < chunkLines && used < len(c.buf) {
		n, lines, ok := l.record(c.buf[used:], whole)
		switch {
		case !ok && len(c.buf)-used > maxLine:
			c.lines = append(c.lines, inputLine{no: l.no + 1, long: true})
			return len(c.buf), true
		case !ok:
			return used, false // the next chunk begins with it
		case n > maxLine:
			c.lines = append(c.lines, inputLine{no: l.no + 1, long: true})
		default:
			text := bytes.TrimRight(c.buf[used:used+n], "\r\n")
			if len(bytes.TrimSpace(text)) > 0 {
				c.lines = append(c.lines, inputLine{no: l.no + 1, from: used, to: used + len(text)})
			}
		}
		used, l.no = used+n, l.no+lines
	}
	return used, false
}

// record is the length of the first record with its end, and on how many lines it stands; ok is false when
// more must be read to know.
func (l *lineReader) record(b []byte, whole bool) (n int, lines int64, ok bool) {
	n = bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		return len(b), 1, whole
	}
	if l.csv != nil && bytes.Count(b[:n], []byte{'"'})%2 == 1 {
		span, known := l.csv.span(b, whole)
		if !known {
			return 0, 0, false
		}
		if span > n {
			return span, int64(bytes.Count(b[:span], []byte{'\n'})), true
		}
	}
	return n, 1, true
}

// skipLine passes over the rest of a line that is too long.
func (l *lineReader) skipLine() error {
	buf := make([]byte, 0, chunkBytes)
	for {
		buf = l.fill(buf[:0])
		if l.end != nil && !errors.Is(l.end, io.EOF) {
			return l.end
		}
		n := bytes.IndexByte(buf, '\n') + 1
		if n == 0 && len(buf) > 0 && l.end == nil {
			l.pass(buf)
			continue
		}
		if n == 0 {
			n = len(buf)
		}
		l.pass(buf[:n])
		l.rest, l.no = append(l.rest[:0], buf[n:]...), l.no+1
		return nil
	}
}

// header reads the first line of a CSV file.
func (l *lineReader) header() (text []byte, err error) {
	buf := l.fill(make([]byte, 0, chunkBytes))
	if l.end != nil && !errors.Is(l.end, io.EOF) && bytes.IndexByte(buf, '\n') < 0 {
		return nil, fmt.Errorf("read header: %w", l.end)
	}
	n, _, ok := l.record(buf, errors.Is(l.end, io.EOF))
	if !ok || n > maxLine || n == 0 {
		return nil, errNoHeader
	}
	l.pass(buf[:n])
	l.rest, l.no = append(l.rest[:0], buf[n:]...), 1
	return bytes.TrimPrefix(bytes.TrimRight(buf[:n], "\r\n"), []byte("\xef\xbb\xbf")), nil
}

var (
	errNoHeader  = errors.New("no header")
	errOtherFile = errors.New("another file")
)

// skipTo passes over what an earlier attempt has taken, if the bytes are the same.
func (l *lineReader) skipTo(p Position) error {
	for l.offset < p.Offset {
		buf := l.fill(l.rest)
		if l.end != nil && !errors.Is(l.end, io.EOF) {
			return fmt.Errorf("read input: %w", l.end)
		}
		n := min(int64(len(buf)), p.Offset-l.offset)
		if n == 0 {
			return errOtherFile
		}
		l.pass(buf[:n])
		l.rest = append(l.rest[:0], buf[n:]...)
	}
	l.no = p.Lines
	if l.offset != p.Offset || !bytes.Equal(l.sum.Sum(nil), p.Sum) {
		return errOtherFile
	}
	return nil
}
