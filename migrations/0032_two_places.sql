-- A task knows its server's home, and the destination of a move: {host, agent, generation} each. What is under way goes on where it was told.

ALTER TABLE task ADD COLUMN home jsonb;              -- NULL: where the object is when the task begins, or what its wish says
ALTER TABLE task ADD COLUMN dest jsonb;              -- NULL: it moves nothing

UPDATE task t SET home = jsonb_build_object('host', t.context->>'host', 'agent', coalesce(t.context->>'agent', ''), 'generation', s.generation),
    context = t.context - 'host' - 'agent' - 'underlay'
FROM server s WHERE s.id = t.object_id AND t.state IN ('run', 'undo') AND t.context ? 'host';
