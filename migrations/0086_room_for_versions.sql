-- SPDX-License-Identifier: Apache-2.0
-- A server and its task are each changed twice before anybody looks away: where a page has room for all versions of its rows, no change adds an entry to an index.
-- Sessions that follow each other fill the same page, so the room is left by the page and not by chance: two servers of 900 bytes, three tasks that grow to 1,000.
ALTER TABLE server SET (fillfactor = 30);
ALTER TABLE task SET (fillfactor = 20);
