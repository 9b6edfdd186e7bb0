-- SPDX-License-Identifier: Apache-2.0
-- Where a port is bound stands in port_binding alone (0034): no daemon is left that writes the column, its triggers are asked at every port no more.
DROP TRIGGER port_host_made ON port;
DROP TRIGGER port_host_moved ON port;
DROP FUNCTION port_host_of_before();
ALTER TABLE port DROP COLUMN host;
