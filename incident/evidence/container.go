package evidence

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
)

// compareContainer writes the pack again from its contents and holds the bytes against the file: a change
// in the container itself (headers, gaps, trailing bytes) is found too.
func (v *verifier) compareContainer(z *zip.Reader, r io.ReaderAt, size int64) error {
	c := &comparer{r: r}
	w := zip.NewWriter(c)
	for _, f := range z.File {
		c.entry = f.Name
		if err := copyFile(w, f); err != nil {
			return c.settle(v, size, err)
		}
		if err := w.Flush(); err != nil {
			return c.settle(v, size, err)
		}
	}
	c.entry = "container"
	err := w.SetComment(z.Comment)
	if err == nil {
		err = w.Close()
	}
	return c.settle(v, size, err)
}

func copyFile(w *zip.Writer, f *zip.File) error {
	rc, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer rc.Close()
	to, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
	if err != nil {
		return fmt.Errorf("copy %s: %w", f.Name, err)
	}
	_, err = io.Copy(to, rc) //nolint:gosec // G110: the copy goes to a comparer, which keeps nothing
	return err
}

var errDiffers = errors.New("container differs")

// comparer is a writer that compares what is written with a file, from its start.
type comparer struct {
	r     io.ReaderAt
	at    int64
	entry string
	buf   [32 << 10]byte
}

func (c *comparer) Write(b []byte) (int, error) {
	for done := 0; done < len(b); {
		part := b[done:min(len(b), done+len(c.buf))]
		n, err := c.r.ReadAt(c.buf[:len(part)], c.at)
		if err != nil && err != io.EOF {
			return done, err
		}
		if string(c.buf[:n]) != string(part) {
			return done, errDiffers
		}
		c.at += int64(n)
		done += n
	}
	return len(b), nil
}

func (c *comparer) settle(v *verifier, size int64, err error) error {
	switch {
	case err == nil && c.at == size:
	case err == nil:
		v.fault("container", "it has %d bytes after its end", size-c.at)
	case ioFailed(err):
		return fmt.Errorf("read pack: %w", err)
	default:
		v.fault(c.entry, "the container was altered near byte %d", c.at)
	}
	return nil
}
