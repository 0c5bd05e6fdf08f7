package console

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"tocsin/incident"
	"tocsin/playbooks"
)

// formTime is an instant of a form; nil when none was given.
func (r *request) formTime(name string) *time.Time {
	m, ok := incident.ParseMoment(r.readTime(r.PostForm(name)))
	if !ok {
		return nil
	}
	t := m.Earliest.UTC()
	return &t
}

// formAt is an instant that a use case asks for; zero, which it refuses, when none was given.
func (r *request) formAt(name string) time.Time {
	if t := r.formTime(name); t != nil {
		return *t
	}
	return time.Time{}
}

// upload is a small file of a form; nil when none was chosen.
func (r *request) upload(name string) (*incident.File, error) {
	if err := r.Request.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, incident.NewFault(incident.TooLarge, "the file is larger than 16 MiB")
	}
	src, header, err := r.Request.FormFile(name)
	if err != nil {
		return nil, nil //nolint:nilerr // a form without a file
	}
	defer func() { _ = src.Close() }()
	body, err := io.ReadAll(src)
	if err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	return &incident.File{Name: header.Filename, ContentType: header.Header.Get("Content-Type"), Body: body}, nil
}

// attachment is a file of a form as proof; nil when none was chosen.
func (r *request) attachment(name string) (*playbooks.Attachment, error) {
	file, err := r.upload(name)
	if file == nil || err != nil {
		return nil, err
	}
	return &playbooks.Attachment{Name: file.Name, ContentType: file.ContentType, Body: file.Body}, nil
}
