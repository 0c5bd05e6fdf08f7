package notify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/incident"
)

// zstdWindow is how far back a zstd stream may refer, and so what unpacking it takes: zstd -19 uses 8 MiB.
const zstdWindow = 32 << 20

// counted counts the bytes that have come in, packed or not, and remembers why no more came.
type counted struct {
	r   io.Reader
	n   atomic.Int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	c.err = err
	return n, err
}

// unpacked reads what is in a gzip or zstd stream, known by its first bytes, else r itself. A bomb is
// harmless: it is read in pieces, and no line is longer than maxLine.
func unpacked(r *counted) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read input: %w", err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, r.damaged(err)
		}
		return packed{z, r, z.Close}, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, r.damaged(err)
		}
		return packed{z, r, func() error { z.Close(); return nil }}, nil
	}
	return io.NopCloser(b), nil
}

// packed tells a damaged stream from one that broke off.
type packed struct {
	io.Reader
	from  *counted
	close func() error
}

func (p packed) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = p.from.damaged(err)
	}
	return n, err
}

func (p packed) Close() error { return p.close() }

// damaged is why unpacking failed: the input's own error if it has one.
func (c *counted) damaged(err error) error {
	if c.err != nil && !errors.Is(c.err, io.EOF) {
		return err
	}
	return errors.Join(incident.InvalidInput([]incident.Problem{*problem("", "packed", "the file is damaged; it cannot be unpacked")}), err)
}
