-- Attributes that clients made up, of every noun that Keystone lets them give to.

ALTER TABLE domain ADD extra jsonb NOT NULL DEFAULT '{}';
ALTER TABLE project ADD extra jsonb NOT NULL DEFAULT '{}';
ALTER TABLE identity_group ADD extra jsonb NOT NULL DEFAULT '{}';
ALTER TABLE role ADD extra jsonb NOT NULL DEFAULT '{}';

CREATE OR REPLACE VIEW any_project AS
    SELECT id, name, domain_id, description, enabled, coalesce(parent_id, domain_id) AS parent_id, tags, false AS is_domain,
        immutable, extra FROM project
    UNION ALL
    SELECT id, name, NULL, description, enabled, NULL, tags, true, immutable, extra FROM domain;
