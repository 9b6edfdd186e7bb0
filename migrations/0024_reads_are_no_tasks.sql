-- A look at a console is no task of record any more: what older versions wrote of it goes, that which is open with it.
DELETE FROM task_step p USING task t WHERE t.id = p.task_id AND t.kind = 'server.console_log';
DELETE FROM task WHERE kind = 'server.console_log';
