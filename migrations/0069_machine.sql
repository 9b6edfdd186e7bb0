-- SPDX-License-Identifier: Apache-2.0
-- What the image's properties and the flavor's extra specs asked of a guest's machine when it was made ("machine" in docs/messages.md). NULL: nothing.
ALTER TABLE server ADD COLUMN machine jsonb;
