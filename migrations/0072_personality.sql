-- SPDX-License-Identifier: Apache-2.0
-- Personality (Nova up to 2.56): files that a server's guest is told of on its config drive, [{path, contents in base64}] ("file" in docs/messages.md). NULL: none.
ALTER TABLE server ADD COLUMN files jsonb;
