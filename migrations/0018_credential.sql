-- What users keep with Keystone for other services: secrets of any kind, sealed with the key of identity.credential_key_file.

CREATE TABLE credential (
    id          text PRIMARY KEY,                     -- of type ec2: the sha256 of its access key
    user_id     text NOT NULL CONSTRAINT credential_user REFERENCES identity_user ON DELETE CASCADE,
    project_id  text CONSTRAINT credential_project REFERENCES project ON DELETE CASCADE,
    type        text NOT NULL,
    sealed      text NOT NULL
);
CREATE INDEX credential_users ON credential (user_id);
CREATE INDEX credential_projects ON credential (project_id);
