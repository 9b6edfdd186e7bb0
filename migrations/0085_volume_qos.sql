-- SPDX-License-Identifier: Apache-2.0
-- How fast volumes of a type may be. Types name one; what its consumer front-end (or both) says a guest's disk is held to.
CREATE TABLE volume_qos (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CONSTRAINT limit_volume_qos_name CHECK (char_length(name) BETWEEN 1 AND 255),
    consumer    text NOT NULL DEFAULT 'back-end' CONSTRAINT volume_qos_consumer CHECK (consumer IN ('front-end', 'back-end', 'both')),
    specs       jsonb NOT NULL DEFAULT '{}' CONSTRAINT limit_volume_qos_specs CHECK (kn_map_fits(specs, 128, 255, 255)),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT volume_qos_name UNIQUE (name)
);
ALTER TABLE volume_type ADD COLUMN qos_id uuid CONSTRAINT volume_qos_in_use REFERENCES volume_qos;
CREATE INDEX volume_type_qos ON volume_type (qos_id);
