-- Addresses of both families: which of a subnet's can be handed out next, and how guests of an IPv6 subnet come by theirs.

ALTER TABLE subnet ADD COLUMN ra_mode text, ADD COLUMN address_mode text, ADD COLUMN service_types text[] NOT NULL DEFAULT '{}';
ALTER TABLE subnet ADD CONSTRAINT subnet_modes CHECK (ra_mode IN ('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless')
    AND address_mode IN ('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless'));

-- What can be handed out next. The pools are gone through once, upwards, up to cursor_ip; what was released waits behind all of these.
CREATE TABLE address_ready (
    subnet_id   uuid NOT NULL REFERENCES subnet ON DELETE CASCADE,
    ip          inet NOT NULL,
    freed       bigint NOT NULL DEFAULT 0,           -- 0: nobody had it; otherwise in the order of their release
    CONSTRAINT address_ready_once PRIMARY KEY (subnet_id, ip)
);
CREATE INDEX address_ready_next ON address_ready (subnet_id, freed, ip);
CREATE SEQUENCE address_freed;

UPDATE subnet SET cursor_ip = NULL;

-- The subnet is held, so that pools do not change meanwhile. Where guests make their addresses themselves there is nothing to hand out.
CREATE FUNCTION address_freed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO address_ready (subnet_id, ip, freed)
    SELECT g.subnet_id, g.ip, nextval('address_freed')
    FROM (SELECT id, pools, coalesce(address_mode, ra_mode, '') AS mode FROM subnet WHERE id IN (SELECT subnet_id FROM gone) ORDER BY id FOR KEY SHARE) s
    JOIN gone g ON g.subnet_id = s.id
    WHERE s.mode NOT IN ('slaac', 'dhcpv6-stateless')
    AND EXISTS (SELECT FROM jsonb_to_recordset(s.pools) AS p("start" inet, "end" inet) WHERE g.ip BETWEEN p."start" AND p."end")
    ON CONFLICT (subnet_id, ip) DO UPDATE SET freed = excluded.freed;
    RETURN NULL;
END $$;
CREATE TRIGGER address_gone AFTER DELETE ON address REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION address_freed();
