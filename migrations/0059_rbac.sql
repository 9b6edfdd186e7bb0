-- SPDX-License-Identifier: Apache-2.0
-- What a project lets others see and use of its own. Nothing else says so: `shared` and `router:external` of clients are rows for everybody ('*').
CREATE TABLE rbac_policy (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,                       -- who made it
    object_type text NOT NULL CHECK (object_type IN ('network', 'qos_policy', 'security_group', 'address_group', 'address_scope', 'subnetpool')),
    object_id   uuid NOT NULL,                       -- a row of one of six tables; it goes with that
    action      text NOT NULL,
    target      text NOT NULL,                       -- a project, or '*'
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rbac_policy_once UNIQUE (object_id, action, target),
    CONSTRAINT rbac_policy_action CHECK (action = 'access_as_shared' OR (action = 'access_as_external' AND object_type = 'network')),
    CONSTRAINT limit_rbac_policy_project_id CHECK (char_length(project_id) BETWEEN 0 AND 64),
    CONSTRAINT limit_rbac_policy_target CHECK (char_length(target) BETWEEN 0 AND 64)
);
CREATE INDEX rbac_policy_project ON rbac_policy (project_id, id);
CREATE INDEX rbac_policy_target ON rbac_policy (target, action, object_id);

-- No foreign key: the object may be any of six. Whoever makes a policy holds the object, so none is made of what goes.
CREATE FUNCTION rbac_policy_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rbac_policy WHERE object_id = OLD.id;
    RETURN NULL;
END $$;
DO $$
DECLARE
    which text;
BEGIN
    FOREACH which IN ARRAY '{network,qos_policy,security_group,address_group,address_scope,subnet_pool}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %I FOR EACH ROW EXECUTE FUNCTION rbac_policy_ends()', which || '_policies', which);
    END LOOP;
END $$;

INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target)
    SELECT gen_random_uuid(), o.project_id, o.type, o.id, o.action, '*' FROM (
        SELECT 'network' AS type, id, project_id, 'access_as_shared' AS action FROM network WHERE shared
        UNION ALL SELECT 'network', id, project_id, 'access_as_external' FROM network WHERE external
        UNION ALL SELECT 'qos_policy', id, project_id, 'access_as_shared' FROM qos_policy WHERE shared
        UNION ALL SELECT 'address_scope', id, project_id, 'access_as_shared' FROM address_scope WHERE shared
        UNION ALL SELECT 'subnetpool', id, project_id, 'access_as_shared' FROM subnet_pool WHERE shared) o;
ALTER TABLE network DROP COLUMN shared, DROP COLUMN external;
ALTER TABLE qos_policy DROP COLUMN shared;
ALTER TABLE address_scope DROP COLUMN shared;
ALTER TABLE subnet_pool DROP COLUMN shared;

-- What is for everybody is an administrator's word, or `shared`, and counts for nobody.
DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS ' || rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''network'', project_id, ''rbac_policy'', count(*), max(created_at) FROM rbac_policy WHERE target <> ''*'' GROUP BY project_id';
END $$;

-- What nobody uses, of what need not outlive its project.
CREATE VIEW network_idle AS
    SELECT 'security_group' AS kind, g.id, g.project_id FROM security_group g WHERE NOT EXISTS (SELECT FROM port_security_group b WHERE b.group_id = g.id)
        AND NOT EXISTS (SELECT FROM security_group_rule r WHERE r.remote_group_id = g.id AND r.project_id <> g.project_id)
    UNION ALL SELECT 'address_group', a.id, a.project_id FROM address_group a
        WHERE NOT EXISTS (SELECT FROM security_group_rule r WHERE r.remote_address_group_id = a.id)
        AND NOT EXISTS (SELECT FROM security_group_template t WHERE t.remote_address_group_id = a.id)
    UNION ALL SELECT 'qos_policy', q.id, q.project_id FROM qos_policy q
        WHERE NOT EXISTS (SELECT FROM port p WHERE p.qos_policy_id = q.id) AND NOT EXISTS (SELECT FROM network n WHERE n.qos_policy_id = q.id)
    UNION ALL SELECT 'subnetpool', sp.id, sp.project_id FROM subnet_pool sp WHERE NOT EXISTS (SELECT FROM subnet s WHERE s.subnetpool_id = sp.id)
    UNION ALL SELECT 'address_scope', sc.id, sc.project_id FROM address_scope sc WHERE NOT EXISTS (SELECT FROM subnet_pool sp WHERE sp.address_scope_id = sc.id);
