-- SPDX-License-Identifier: Apache-2.0
-- What a backup's volume was labelled with then: who is restored from it has the same, as in Cinder.
ALTER TABLE volume_backup ADD COLUMN volume_metadata jsonb NOT NULL DEFAULT '{}' CONSTRAINT volume_backup_labels_fit CHECK (kn_map_fits(volume_metadata, 128, 255, 255));
