-- SPDX-License-Identifier: Apache-2.0
-- What lib/domain/limits.def says of the number of an agent's report holds in its column, too.
ALTER TABLE agent ADD CONSTRAINT limit_agent_report_seq CHECK (report_seq BETWEEN 0 AND 9000000000000000);
