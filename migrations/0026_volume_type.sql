-- SPDX-License-Identifier: Apache-2.0
-- Volume types are rows. The first one is the type that every volume had so far.
CREATE TABLE volume_type (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    description text CHECK (char_length(description) <= 255),
    is_public   boolean NOT NULL DEFAULT true,
    extra_specs jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(extra_specs) = 'object'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT volume_type_name UNIQUE (name)
);
INSERT INTO volume_type (id, name, description)
VALUES ('0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10', 'file', 'files in a directory that every host sees');

-- Projects that may use a type which is not public.
CREATE TABLE volume_type_project (
    type_id     uuid NOT NULL REFERENCES volume_type ON DELETE CASCADE,
    project_id  text NOT NULL,
    PRIMARY KEY (type_id, project_id)
);

ALTER TABLE volume ADD COLUMN type_id uuid NOT NULL DEFAULT '0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10'
    CONSTRAINT volume_type_in_use REFERENCES volume_type;
CREATE INDEX volume_of_type ON volume (type_id);
