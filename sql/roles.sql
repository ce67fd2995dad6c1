-- Roles, schemas and what the database itself allows. Runs as superuser and as the master user of a managed service, who
-- has CREATEROLE and owns the database but is no superuser. Each step looks first and acts only on a difference, so a second
-- run changes nothing and then needs no special right: lt_migrator itself can run it. No passwords here: they are set where
-- the logins are used.
--
--   lt_readonly   reads             lt_report    logs in for reports
--   lt_readwrite  reads and writes  lt_app       logs in for the application
--   lt_admin      owns everything   lt_migrator  logs in for migrations, and works as lt_admin

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('lt_readonly',  'nologin'), ('lt_readwrite', 'nologin'), ('lt_admin',    'nologin'),
      ('lt_report',    'login'),   ('lt_app',       'login'),   ('lt_migrator', 'login')
    ) as roles (name, login)
  loop
    if not exists (select from pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.login);
    end if;
  end loop;

  for wanted in
    select * from (values
      ('lt_readonly', 'lt_report'), ('lt_readwrite', 'lt_app'), ('lt_admin', 'lt_migrator')
    ) as memberships (role, member)
  loop
    if not exists (
      select from pg_auth_members m
       where m.roleid = wanted.role::regrole and m.member = wanted.member::regrole
    ) then
      execute format('grant %I to %I', wanted.role, wanted.member);
    end if;
  end loop;
end
$$;

-- The creator of a role may administer it, but since PostgreSQL 16 neither act as it nor use what it owns. Creating schemas
-- for lt_admin and setting its default privileges needs both.
do $$
begin
  if current_setting('server_version_num')::integer >= 160000 then
    if not (pg_has_role(current_user, 'lt_admin', 'usage') and pg_has_role(current_user, 'lt_admin', 'set')) then
      execute format('grant lt_admin to %I with inherit true, set true', current_user);
    end if;
  elsif not pg_has_role(current_user, 'lt_admin', 'member') then
    execute format('grant lt_admin to %I', current_user);
  end if;
end
$$;

do $$
declare
  wanted record;
  owner  name;
begin
  for wanted in select unnest(array['lightningtalk', 'ops']) as name loop
    select nspowner::regrole::name into owner from pg_namespace where nspname = wanted.name;
    if not found then
      execute format('create schema %I authorization lt_admin', wanted.name);
    elsif owner <> 'lt_admin' then
      raise exception 'schema % exists and belongs to %, not to lt_admin', wanted.name, owner
        using errcode = 'duplicate_schema', hint = format('alter schema %I owner to lt_admin, or use another database', wanted.name);
    end if;
  end loop;
end
$$;

-- Settings of the logins. lt_migrator works as lt_admin, so that whatever it creates belongs to lt_admin and falls under
-- lt_admin's default privileges. Only a statement of the application may not take for ever; a migration may.
do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('lt_migrator', 'role',                                'lt_admin'),
      ('lt_app',      'statement_timeout',                   '30s'),
      ('lt_app',      'idle_in_transaction_session_timeout', '60s'),
      ('lt_report',   'statement_timeout',                   '5min'),
      ('lt_report',   'default_transaction_read_only',       'on')
    ) as settings (role, name, value)
  loop
    if not exists (
      select from pg_db_role_setting s, unnest(s.setconfig) as given (setting)
       where s.setdatabase = 0 and s.setrole = wanted.role::regrole
         and given.setting = wanted.name || '=' || wanted.value
    ) then
      execute format('alter role %I set %I = %L', wanted.role, wanted.name, wanted.value);
    end if;
  end loop;
end
$$;

-- Nobody connects who is not named here, and nobody creates in schema public.
do $$
declare
  wanted record;
begin
  -- Without an ACL of its own, a database grants CONNECT and TEMPORARY to everybody.
  if exists (
    select from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as acl
     where d.datname = current_database() and acl.grantee = 0
  ) then
    execute format('revoke all on database %I from public', current_database());
  end if;

  for wanted in
    select * from (values
      ('lt_readonly', 'connect'), ('lt_readwrite', 'connect'), ('lt_admin', 'connect'), ('lt_admin', 'temporary')
    ) as privileges (role, privilege)
  loop
    if not exists (
      select from pg_database d, aclexplode(d.datacl) as acl
       where d.datname = current_database() and acl.grantee = wanted.role::regrole
         and acl.privilege_type = upper(wanted.privilege)
    ) then
      execute format('grant %s on database %I to %I', wanted.privilege, current_database(), wanted.role);
    end if;
  end loop;

  if exists (
    select from pg_namespace n, aclexplode(n.nspacl) as acl
     where n.nspname = 'public' and acl.grantee = 0 and acl.privilege_type = 'CREATE'
  ) then
    revoke create on schema public from public;
  end if;
end
$$;
