-- SPDX-License-Identifier: Apache-2.0
-- What a task did stands in its own row, as a list of steps (lib/domain/forms.c): it is written with the move that ended them. Five rows of a table of
-- their own, with its index, were a sixth of what PostgreSQL had to do for a new server.
ALTER TABLE task ADD COLUMN steps jsonb NOT NULL DEFAULT '[]';

CREATE FUNCTION task_step_as_json(s task_step) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('name', s.name, 'state', s.state, 'began_us', (extract(epoch FROM s.started_at) * 1000000)::bigint,
        'ended_us', (extract(epoch FROM s.finished_at) * 1000000)::bigint, 'host', s.host, 'error', s.error))
$$;
UPDATE task t SET steps = o.steps, context = t.context - 'steps'
FROM (SELECT task_id, jsonb_agg(task_step_as_json(s) ORDER BY n) AS steps FROM task_step s GROUP BY task_id) o WHERE o.task_id = t.id;
DELETE FROM task_step;

-- What a conductor of the release before still writes there, before its successor takes over, is a step of the task's row. The table, this function and
-- the one above go with the next release.
CREATE FUNCTION task_step_of_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE task SET steps = steps || task_step_as_json(NEW) WHERE id = NEW.task_id;
    RETURN NULL;
END $$;
CREATE TRIGGER task_step_made BEFORE INSERT ON task_step FOR EACH ROW EXECUTE FUNCTION task_step_of_before();

-- Nobody looks for a request but among the tasks of one object.
DROP INDEX task_request;

-- New versions of a row stay on its page, and no index learns of them, while there is room there; what begins small and is written on fills it in the end.
ALTER TABLE task SET (fillfactor = 30);
ALTER TABLE server SET (fillfactor = 40);
ALTER TABLE port SET (fillfactor = 50);
