-- A copy of a database for tests must talk to nobody: pause every account and drop what waits to run.
UPDATE marketplace_config
   SET state = CASE state WHEN 'draft' THEN 'draft' ELSE 'paused' END,
       pause_cause = 'copy',
       pause_reason = 'Neutralized copy of a database',
       auth_token = NULL,
       webhook_secret = NULL,
       webhook_secret_previous = NULL,
       client_secret = NULL,
       refresh_token = NULL,
       rest_token_2 = NULL;
DELETE FROM marketplace_token;
DELETE FROM marketplace_otp;
UPDATE marketplace_task
   SET state = 'stopped', message = 'Neutralized copy of a database'
 WHERE state = 'running';
UPDATE marketplace_audit
   SET state = 'failed', last_error = 'Neutralized copy of a database'
 WHERE state = 'running';
DELETE FROM ir_config_parameter
 WHERE key = 'cartona_integration.identity';
-- Started ones too: the job runner of the copy takes them for jobs that died, and begins them anew. Of our own models
-- alone: another addon may name its models and its jobs much like ours.
UPDATE queue_job
   SET state = 'cancelled'
 WHERE state IN ('wait_dependencies', 'pending', 'enqueued', 'started')
   AND model_name IN (
       SELECT m.model
         FROM ir_model m
         JOIN ir_model_data d ON d.model = 'ir.model' AND d.res_id = m.id
        WHERE d.module = 'cartona_integration' AND m.model LIKE 'marketplace.%');
