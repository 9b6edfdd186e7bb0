-- The heart: tasks, their steps, the shards that conductors lease, and the daemons that live.

CREATE TABLE service (
    id         text PRIMARY KEY,                    -- binary/host
    uuid       uuid NOT NULL DEFAULT gen_random_uuid(),
    binary_name text NOT NULL,                      -- kilonova-conductor
    host       text NOT NULL,
    boot       text NOT NULL,                       -- random at each start
    started_at timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shard (
    id          smallint PRIMARY KEY,
    owner       text,                               -- a conductor's id; NULL = free
    epoch       bigint NOT NULL DEFAULT 0,          -- bumped by every change of owner; every write carries it
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO shard (id) SELECT generate_series(0, 15);  -- KN_SHARDS

CREATE TABLE task (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,                      -- a flow's name: server.create
    shard       smallint NOT NULL,                  -- of the object; no foreign key: sixteen hot rows would be locked by every wish
    object_id   uuid NOT NULL,
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    request_id  text NOT NULL,
    state       text NOT NULL DEFAULT 'run' CHECK (state IN ('run', 'undo', 'done', 'failed')),
    step        smallint NOT NULL DEFAULT 0,        -- row of the flow
    attempt     integer NOT NULL DEFAULT 1,         -- of that row; replies to another attempt are not applied
    deadline    timestamptz,                        -- of the step; NULL = not sent yet
    cancel      boolean NOT NULL DEFAULT false,     -- a later task wants it to stop
    input       jsonb NOT NULL DEFAULT '{}',        -- the wish, never changed
    context     jsonb NOT NULL DEFAULT '{}',        -- what the steps found out
    error       jsonb,                              -- {code, message} of a failed one
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX task_open ON task (shard, id) WHERE state IN ('run', 'undo');
CREATE INDEX task_object ON task (object_id, id);
CREATE INDEX task_request ON task (request_id);

CREATE TABLE task_step (
    task_id     bigint NOT NULL,                    -- no foreign key: five rows a server would lock its task's row each; the conductor writes both in one transaction
    n           integer NOT NULL,                   -- order in which they ended
    name        text NOT NULL,                      -- the message's type
    state       text NOT NULL CHECK (state IN ('done', 'failed', 'undone')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    host        text,
    error       jsonb,
    PRIMARY KEY (task_id, n)
);
