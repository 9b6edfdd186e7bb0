-- SPDX-License-Identifier: Apache-2.0
-- What failed, since the two numbers are Cinder's and several things that fail have the same.
ALTER TABLE volume_message ADD COLUMN kind text NOT NULL DEFAULT ''; -- of the task; '': a release before did not say
