-- SPDX-License-Identifier: Apache-2.0
-- A port that leaves a host is named by whoever unbinds it: the host must hear of it, too. `placed`: only its place changed, what its server shows is as it was.
ALTER TABLE network_change ADD COLUMN hosts text[] NOT NULL DEFAULT '{}';
ALTER TABLE network_change ADD COLUMN placed boolean NOT NULL DEFAULT false;
