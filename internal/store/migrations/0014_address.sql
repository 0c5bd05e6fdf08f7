-- +goose Up
-- Which of the person's addresses on the channel a delivery is about, 0 the first.
ALTER TABLE delivery ADD COLUMN address smallint NOT NULL DEFAULT 0;
