-- SPDX-License-Identifier: Apache-2.0
-- What a server's NICs are is written whole and read whole, by every list of servers: kept as it is written, it need not be printed for each.
ALTER TABLE server ALTER COLUMN nics DROP DEFAULT;
ALTER TABLE server ALTER COLUMN nics TYPE json USING nics::json;
ALTER TABLE server ALTER COLUMN nics SET DEFAULT '[]';
