-- The newest report of each agent that anybody acted on or heard: an older one, said again, changes nothing.
ALTER TABLE agent ADD COLUMN report_seq bigint NOT NULL DEFAULT 0;
