-- The access rules of an application credential have an order: that in which they were asked for, which clients compare.

ALTER TABLE application_credential_rule ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;
