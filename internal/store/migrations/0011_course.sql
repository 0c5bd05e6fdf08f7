-- +goose Up
-- What a dispatch takes over from its notice besides what is approved, and how far it has come; JSON of ids,
-- enums, numbers and names of laws.
ALTER TABLE dispatch ADD COLUMN terms text NOT NULL DEFAULT '{}';
ALTER TABLE dispatch ADD COLUMN flow text NOT NULL DEFAULT '{}';
