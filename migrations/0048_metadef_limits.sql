-- Texts of metadata's namespaces that had no limit (lib/domain/limits.def). Rows that are longer already stay: then the constraint holds what is
-- written from now on, and a warning says so.
DO $do$
DECLARE
    l record;
BEGIN
    FOR l IN SELECT * FROM (VALUES ('display_name', 80), ('description', 500), ('owner', 255)) AS v (col, most)
    LOOP
        EXECUTE format('ALTER TABLE metadef_namespace ADD CONSTRAINT %I CHECK (char_length(%I) BETWEEN 0 AND %s) NOT VALID',
                       'limit_metadef_namespace_' || l.col, l.col, l.most);
        BEGIN
            EXECUTE format('ALTER TABLE metadef_namespace VALIDATE CONSTRAINT %I', 'limit_metadef_namespace_' || l.col);
        EXCEPTION WHEN check_violation THEN
            RAISE WARNING 'rows of metadef_namespace.% are longer than %', l.col, l.most;
        END;
    END LOOP;
END
$do$;
