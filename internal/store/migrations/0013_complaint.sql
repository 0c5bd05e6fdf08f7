-- +goose Up
-- Who complained about what arrived: few, among many that went well.
CREATE INDEX delivery_complaint ON delivery (dispatch_no, seq) WHERE code = 'complaint';
