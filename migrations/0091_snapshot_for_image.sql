-- SPDX-License-Identifier: Apache-2.0
-- A snapshot that an image of a server is being made of: until that is whole, whoever ends the making ends the snapshot, too. NULL: it is there for itself.
ALTER TABLE volume_snapshot ADD COLUMN for_image uuid;
CREATE INDEX volume_snapshot_for_image ON volume_snapshot (for_image) WHERE for_image IS NOT NULL;
