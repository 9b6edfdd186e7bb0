-- The moment of a revocation is the database's to say, and no login may stand astride it. Whoever revokes holds the lock shared until
-- the end of the transaction; whoever logs in passes it alone, before reading anything, and takes that moment for the token's: what
-- was read is either older than the moment of the revocation, and the token with it, or sees what the transaction did.
CREATE FUNCTION revocation_moment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7305216410);
    NEW.created_at := clock_timestamp();
    NEW.before_us := (extract(epoch FROM NEW.created_at) * 1000000)::bigint;
    RETURN NEW;
END
$$;
CREATE TRIGGER revocation_moment BEFORE INSERT ON revocation FOR EACH ROW EXECUTE FUNCTION revocation_moment();
