-- SPDX-License-Identifier: Apache-2.0
-- Which routers stand, as hosts say it: the newest lease by which somebody has one. A row whose router is gone goes with its host's next word.

CREATE TABLE router_stand (
    router_id   uuid PRIMARY KEY,
    host        text NOT NULL REFERENCES host (name) ON DELETE CASCADE,
    lease       bigint NOT NULL,
    why         text NOT NULL DEFAULT '',            -- what is wrong; '': nothing
    since       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_router_stand_why CHECK (char_length(why) BETWEEN 0 AND 255)
);
CREATE INDEX router_stand_host ON router_stand (host);
