-- +goose Up
-- A range that an owner died with: what that owner sent last may not be recorded.
ALTER TABLE dispatch_range ADD COLUMN doubt boolean NOT NULL DEFAULT false;
