-- SPDX-License-Identifier: Apache-2.0
-- Hosts of more than one kind: the actions that a host's guests do not know (an array of words, as its agent said last; NULL: they know all).
ALTER TABLE host ADD COLUMN cannot jsonb;
