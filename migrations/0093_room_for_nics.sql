-- SPDX-License-Identifier: Apache-2.0
-- Three new servers of 500 bytes to a page, which are 950 bytes long when they have their NICs: all their versions fit (five of them did not).
ALTER TABLE server SET (fillfactor = 20);
