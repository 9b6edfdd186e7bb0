-- Who has a project for a default loses it with the project.
CREATE INDEX identity_user_default_project ON identity_user (default_project_id) WHERE default_project_id IS NOT NULL;
