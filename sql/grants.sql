-- Who may do what, as one state and not as a history: everything is taken back first, so what was granted by hand in the
-- meantime goes away. Run as lt_admin, who owns all of it, in one transaction: nobody sees the moment in between.
--
-- Nobody but the owner may DELETE or TRUNCATE; the application deletes through lightningtalk.delete_document.
-- lt_readonly reads neither lightningtalk.documents nor ops.quarantine and ops.tombstones: users' password hashes are there.
-- lt_readwrite has no business in ops beyond asking which schema it runs on.

revoke all on schema lightningtalk, ops from public, lt_readonly, lt_readwrite, lt_report, lt_app, lt_migrator;
revoke all on all tables    in schema lightningtalk, ops from public, lt_readonly, lt_readwrite, lt_report, lt_app, lt_migrator;
revoke all on all sequences in schema lightningtalk, ops from public, lt_readonly, lt_readwrite, lt_report, lt_app, lt_migrator;
revoke all on all functions in schema lightningtalk, ops from public, lt_readonly, lt_readwrite, lt_report, lt_app, lt_migrator;

grant usage on schema lightningtalk to lt_readonly, lt_readwrite;
grant usage on schema ops to lt_readonly, lt_readwrite;

grant select on all tables in schema lightningtalk to lt_readonly;
revoke select on lightningtalk.documents from lt_readonly;
grant select on ops.load_progress, ops.schema_migrations to lt_readonly;

grant select, insert, update on all tables in schema lightningtalk to lt_readwrite;
grant usage, select on all sequences in schema lightningtalk to lt_readwrite;
grant select on ops.schema_migrations to lt_readwrite;
grant execute on function lightningtalk.delete_document(text, text) to lt_readwrite;

-- For what lt_admin creates later. Default privileges belong to the role that creates, which is why migrations run as
-- lt_admin. Taking EXECUTE from PUBLIC works for all schemas or not at all.
alter default privileges for role lt_admin revoke execute on functions from public;
alter default privileges for role lt_admin in schema lightningtalk grant select on tables to lt_readonly;
alter default privileges for role lt_admin in schema lightningtalk grant select, insert, update on tables to lt_readwrite;
alter default privileges for role lt_admin in schema lightningtalk grant usage, select on sequences to lt_readwrite;
