-- What is lawful though it looks like a breach, so that `kilonova audit` can tell one from the other: a limit may be set below what a project has
-- already, and a user may leave whose servers go on.

-- When any limit of the project was set or reset last. What was made before that may be more than the limit says.
CREATE TABLE quota_change (
    project_id  text PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now()
);
INSERT INTO quota_change (project_id)
SELECT project_id FROM compute_quota UNION SELECT project_id FROM volume_quota UNION SELECT project_id FROM network_quota;

-- Users who were deleted, as long as anything names them (conductor/history.c).
CREATE TABLE departed_user (
    id          text PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now()
);
INSERT INTO departed_user (id)
SELECT o.user_id FROM (SELECT user_id FROM server WHERE deleted_at IS NULL UNION SELECT user_id FROM volume UNION SELECT user_id FROM keypair) o
WHERE NOT EXISTS (SELECT FROM identity_user u WHERE u.id = o.user_id);
