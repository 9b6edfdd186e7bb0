-- Images and the content-addressed data behind them.

CREATE TABLE blob (
    sha512      text PRIMARY KEY,                    -- its file's name in the store
    md5         text NOT NULL,
    size        bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE image (
    id          uuid PRIMARY KEY,
    owner       text NOT NULL,                       -- project
    name        text,
    status      text NOT NULL DEFAULT 'queued',      -- image/status.c
    visibility  text NOT NULL DEFAULT 'shared',      -- public, private, shared, community
    disk_format text,
    container_format text,
    min_disk    integer NOT NULL DEFAULT 0,
    min_ram     integer NOT NULL DEFAULT 0,
    protected   boolean NOT NULL DEFAULT false,
    os_hidden   boolean NOT NULL DEFAULT false,
    properties  jsonb NOT NULL DEFAULT '{}',
    tags        text[] NOT NULL DEFAULT '{}',
    sha512      text REFERENCES blob,
    size        bigint,
    virtual_size bigint,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz
);
CREATE INDEX image_live ON image (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX image_blob ON image (sha512) WHERE deleted_at IS NULL;
CREATE INDEX image_saving ON image (id) WHERE status = 'saving';

-- Projects that a shared image is shown to; its status is the member's own answer.
CREATE TABLE image_member (
    image_id    uuid NOT NULL REFERENCES image,
    member      text NOT NULL,                       -- project
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'rejected')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, member)
);
CREATE INDEX image_member_project ON image_member (member, image_id);
