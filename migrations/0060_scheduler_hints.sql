-- SPDX-License-Identifier: Apache-2.0
-- Servers whose hosts a server is kept away from, and those whose hosts it is to be on: what its maker hinted. NULL: nothing was said. They hold for its moves, too.
ALTER TABLE server ADD COLUMN apart_from uuid[], ADD COLUMN together_with uuid[];
