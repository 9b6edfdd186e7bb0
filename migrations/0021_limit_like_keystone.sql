-- Limits as Keystone keeps them: a description that nobody gave is null, and a service or region that goes leaves its limits behind.

ALTER TABLE registered_limit DROP CONSTRAINT registered_limit_service, DROP CONSTRAINT registered_limit_region,
    ALTER description DROP NOT NULL, ALTER description DROP DEFAULT;
ALTER TABLE unified_limit ALTER description DROP NOT NULL, ALTER description DROP DEFAULT;
