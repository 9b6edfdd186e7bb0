-- A server that moves holds two places at once: its home, and the destination beside it.

ALTER TABLE allocation ADD COLUMN role text NOT NULL DEFAULT 'home' CONSTRAINT allocation_role CHECK (role IN ('home', 'dest'));
ALTER TABLE allocation DROP CONSTRAINT allocation_pkey, ADD PRIMARY KEY (server_id, role);
