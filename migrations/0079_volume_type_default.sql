-- SPDX-License-Identifier: Apache-2.0
-- The type that a project's new volumes have when they name none, where it is not that of all.
CREATE TABLE volume_type_default (
    project_id  text PRIMARY KEY CONSTRAINT limit_volume_type_default_project_id CHECK (char_length(project_id) BETWEEN 1 AND 255),
    type_id     uuid NOT NULL CONSTRAINT volume_type_in_use REFERENCES volume_type
);
CREATE INDEX volume_type_default_type ON volume_type_default (type_id);
