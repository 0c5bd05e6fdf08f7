package store

import (
	"context"
	"slices"
	"strconv"

	"tocsin/incident"
)

// chunkSize keeps single rows small, whatever the file.
const chunkSize = 256 << 10

type fileBody struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	SHA256      string `json:"sha256"`
	Size        int64  `json:"size"`
}

func chunkPlace(file string, no int64) string {
	return "file_chunk/" + file + "/" + strconv.FormatInt(no, 10)
}

// InsertFile keeps a file in sealed chunks.
func (t *Tx) InsertFile(ctx context.Context, f incident.File) error {
	key, err := t.Key(ctx, f.Incident)
	if err != nil {
		return err
	}
	body, err := sealJSON(key, "file/"+f.ID, fileBody{f.Name, f.ContentType, f.SHA256, f.Size})
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert file",
		`INSERT INTO evidence_file (operator_id, id, incident_id, at, body) VALUES ($1, $2, $3, $4, $5)`,
		t.op, f.ID, string(f.Incident), at(&f.At), body)
	if err != nil {
		return err
	}
	no := int64(0)
	for chunk := range slices.Chunk(f.Body, chunkSize) {
		_, err := t.exec(ctx, "insert file chunk",
			`INSERT INTO file_chunk (operator_id, file_id, no, body) VALUES ($1, $2, $3, $4)`,
			t.op, f.ID, no, key.Seal(chunkPlace(f.ID, no), chunk))
		if err != nil {
			return err
		}
		no++
	}
	return nil
}

const selectFile = `
	SELECT f.id, f.incident_id, f.at, f.body, k.wrapped
	FROM evidence_file f JOIN data_key k ON k.operator_id = f.operator_id AND k.owner = f.incident_id
	WHERE f.operator_id = $1 `

func (t *Tx) scanFile(s scanner) (f incident.File, err error) {
	var body, wrapped []byte
	if err := s.Scan(&f.ID, &f.Incident, at(&f.At), &body, &wrapped); err != nil {
		return f, err
	}
	key, err := t.openKey(string(f.Incident), wrapped)
	if err != nil {
		return f, err
	}
	var b fileBody
	err = openJSON(key, "file/"+f.ID, body, &b)
	f.Name, f.ContentType, f.SHA256, f.Size = b.Name, b.ContentType, b.SHA256, b.Size
	return f, err
}

// File reads a file with its bytes.
func (t *Tx) File(ctx context.Context, id string) (incident.File, error) {
	f, ok, err := one(ctx, t, "read file", t.scanFile, selectFile+`AND f.id = $2`, t.op, id)
	if err != nil {
		return f, err
	}
	if !ok {
		return f, notFound("file")
	}
	key, err := t.Key(ctx, f.Incident)
	if err != nil {
		return f, err
	}
	scan := func(s scanner) ([]byte, error) {
		var no int64
		var sealed []byte
		if err := s.Scan(&no, &sealed); err != nil {
			return nil, err
		}
		return key.Open(chunkPlace(id, no), sealed)
	}
	chunks, err := all(ctx, t, "read file chunks", scan,
		`SELECT no, body FROM file_chunk WHERE operator_id = $1 AND file_id = $2 ORDER BY no`, t.op, id)
	f.Body = slices.Concat(chunks...)
	return f, err
}

// Files lists an incident's files without their bytes.
func (t *Tx) Files(ctx context.Context, id incident.ID) ([]incident.File, error) {
	return all(ctx, t, "list files", t.scanFile, selectFile+`AND f.incident_id = $2 ORDER BY f.id`, t.op, string(id))
}
