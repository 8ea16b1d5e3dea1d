-- A copy of a database for tests must talk to nobody: pause every account and drop what waits to run.
UPDATE marketplace_config
   SET state = 'paused',
       pause_reason = 'Neutralized copy of a database',
       auth_token = NULL,
       webhook_secret = NULL,
       webhook_secret_previous = NULL
 WHERE state != 'draft';
UPDATE marketplace_task
   SET state = 'stopped'
 WHERE state = 'running';
DELETE FROM ir_config_parameter
 WHERE key = 'cartona_integration.identity';
UPDATE queue_job
   SET state = 'cancelled'
 WHERE state IN ('wait_dependencies', 'pending', 'enqueued')
   AND (identity_key LIKE 'marketplace:%' OR model_name LIKE 'marketplace.%');
