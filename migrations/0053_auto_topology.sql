-- SPDX-License-Identifier: Apache-2.0
-- Which network and router were made for a project that asked for neither (network/rows/l3/auto_topology.c). They are rows like others.
CREATE TABLE auto_topology (
    project_id  text PRIMARY KEY,
    network_id  uuid NOT NULL UNIQUE REFERENCES network ON DELETE CASCADE,
    router_id   uuid REFERENCES router ON DELETE SET NULL,
    CONSTRAINT limit_auto_topology_project_id CHECK (char_length(project_id) BETWEEN 0 AND 64)
);
CREATE INDEX auto_topology_router ON auto_topology (router_id);
