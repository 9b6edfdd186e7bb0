-- SPDX-License-Identifier: Apache-2.0
-- What a disk is written in stands in its row, before the disk is made; the settings say only what new ones will be. NULL: not made yet, or made before this
-- column was: kilonova-volume writes what the settings say into those when it starts, unless the disk begins otherwise.
ALTER TABLE volume ADD COLUMN format text CONSTRAINT volume_format CHECK (format IN ('raw', 'qcow2'));
ALTER TABLE volume_snapshot ADD COLUMN format text CONSTRAINT volume_snapshot_format CHECK (format IN ('raw', 'qcow2'));
