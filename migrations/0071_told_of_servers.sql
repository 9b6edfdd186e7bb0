-- SPDX-License-Identifier: Apache-2.0
-- What a server was made with, as clients are shown it later: the properties of its image (those that Nova knows; NULL: none), and what the scheduler was
-- hinted, each hint with its list of values. The image may change or go meanwhile. Servers from before show none of both.
ALTER TABLE server ADD COLUMN image_properties jsonb, ADD COLUMN scheduler_hints jsonb;
