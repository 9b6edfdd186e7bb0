-- Images of servers. The row is there before the data: a task of that server brings it, from its host.

ALTER TABLE image ADD COLUMN brought_by uuid; -- the server; NULL: its owner uploads or imports the data
CREATE INDEX image_brought ON image (id) WHERE brought_by IS NOT NULL AND status IN ('queued', 'saving');
