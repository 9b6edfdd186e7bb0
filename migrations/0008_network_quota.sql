-- What a project may have of networks, subnets and ports; without a row the default holds.

CREATE TABLE network_quota (
    project_id  text NOT NULL,
    resource    text NOT NULL,                       -- network, subnet, port
    hard_limit  integer NOT NULL,                    -- -1 = unlimited
    PRIMARY KEY (project_id, resource)
);
