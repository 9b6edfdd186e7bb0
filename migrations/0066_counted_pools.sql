-- Subnet pools count in a quota, and a floating address that is taken from its port, or the port from it, has changed.

DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS ' || rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''network'', project_id, ''subnetpool'', count(*), max(created_at) FROM subnet_pool GROUP BY project_id';
END $$;
INSERT INTO quota_usage (service, project_id, resource, used)
    SELECT service, project_id, resource, used FROM quota_fact WHERE service = 'network' AND resource = 'subnetpool';

-- Whoever does it: a port that goes takes it away by its foreign key alone. Before floating_ip_revised, which counts what changed.
CREATE FUNCTION floating_ip_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER floating_ip_moved BEFORE UPDATE ON floating_ip FOR EACH ROW WHEN (OLD.port_id IS DISTINCT FROM NEW.port_id)
    EXECUTE FUNCTION floating_ip_moved();
