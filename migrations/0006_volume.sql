-- Volumes and who uses them.

CREATE TABLE volume (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text,
    description text,
    size_gib    integer NOT NULL CHECK (size_gib > 0),
    status      text NOT NULL,                       -- creating, available, attaching, in-use, detaching, deleting, error, error_deleting
    zone        text NOT NULL DEFAULT 'nova',
    backend     text NOT NULL DEFAULT 'file',
    bootable    boolean NOT NULL DEFAULT false,
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX volume_project ON volume (project_id, created_at DESC, id DESC);

CREATE TABLE volume_usage (
    project_id  text PRIMARY KEY,
    volumes     integer NOT NULL DEFAULT 0,
    gigabytes   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);

CREATE TABLE volume_quota (
    project_id  text NOT NULL,
    resource    text NOT NULL,                       -- volumes, gigabytes, …
    hard_limit  integer NOT NULL,                    -- -1 = unlimited
    PRIMARY KEY (project_id, resource)
);

CREATE TABLE attachment (
    id          uuid PRIMARY KEY,
    volume_id   uuid NOT NULL REFERENCES volume,
    server_id   uuid NOT NULL REFERENCES server,
    status      text NOT NULL,                       -- attaching, attached, detaching
    device      text,                                -- /dev/vdX, once attached
    connection  jsonb,                               -- from volume.connect
    tag         text,
    delete_on_termination boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    attached_at timestamptz,
    CONSTRAINT attachment_once UNIQUE (volume_id)    -- no multi-attach
);
CREATE INDEX attachment_server ON attachment (server_id);
