-- A network may say any MTU; what its subnets want of it is asked where there are some (0: the largest, which the row then has).

ALTER TABLE network DROP CONSTRAINT limit_network_mtu, ADD CONSTRAINT limit_network_mtu CHECK (mtu BETWEEN 0 AND 65535);
