-- A daemon that lives and gets nowhere says so in its row: when it last finished something, and what holds it up since when.

ALTER TABLE service ADD COLUMN progress_at timestamptz, ADD COLUMN stuck text, ADD COLUMN stuck_since timestamptz,
    ADD CONSTRAINT service_stuck CHECK ((stuck IS NULL) = (stuck_since IS NULL));
