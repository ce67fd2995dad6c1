-- Proves who may do what: every role of ours against every object and privilege, once by the catalog and once by trying it
-- under that role. One row per difference; no row means that the database is as sql/grants.sql and sql/roles.sql say.
--
-- Everything happens in a transaction that is rolled back, and what is tried touches no row. A table, a sequence and a
-- function that lt_admin creates on the way show what default privileges give to objects of later migrations.
-- Needs a session that may act as all six roles: superuser, or the one who created them.

begin;
set local lock_timeout = '2s';

do $$
declare
  wanted name;
  may    boolean;
begin
  for wanted in select unnest(array['lt_readonly', 'lt_readwrite', 'lt_admin', 'lt_report', 'lt_app', 'lt_migrator']) loop
    if current_setting('server_version_num')::integer >= 160000 then
      select pg_has_role(session_user, wanted, 'set') into may;
      if not may then
        execute format('grant %I to %I with inherit false, set true', wanted, session_user);
      end if;
    elsif not pg_has_role(session_user, wanted, 'member') then
      execute format('grant %I to %I', wanted, session_user);
    end if;
  end loop;
exception when insufficient_privilege then
  raise exception '% cannot check the grants: it may not act as %', session_user, wanted
    using errcode = 'insufficient_privilege';
end
$$;

set local role lt_admin;
create table lightningtalk.grants_probe (id bigint generated always as identity, note text);
create table ops.grants_probe (id bigint generated always as identity, note text);
create function lightningtalk.grants_probe() returns integer language sql return 1;
reset role;

-- How a statement ends under a role: 'allowed', 'refused', or the error that kept it from being known. What it did is undone.
create function pg_temp.attempt(as_role name, statement text) returns text language plpgsql as $$
begin
  perform set_config('role', as_role, true);
  execute statement;
  raise exception using errcode = 'LT001';
exception
  when sqlstate 'LT001' then return 'allowed';
  when insufficient_privilege then return 'refused';
  when others then return format('error %s: %s', sqlstate, sqlerrm);
end
$$;

with
  -- A login role has what its group has. PUBLIC has nothing.
  role (name, "group") as (
    values ('public', 'public'),
           ('lt_readonly', 'lt_readonly'), ('lt_readwrite', 'lt_readwrite'), ('lt_admin', 'lt_admin'),
           ('lt_report', 'lt_readonly'), ('lt_app', 'lt_readwrite'), ('lt_migrator', 'lt_admin')
  ),

  relation as (
    select c.oid, n.nspname as schema, c.relname as name, c.relkind as kind, c.relowner as owner, c.relacl as acl,
           format('%I.%I', n.nspname, c.relname) as object
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('lightningtalk', 'ops') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  ),

  routine as (
    select p.oid, n.nspname as schema, p.proname as name, p.proowner as owner, p.proacl as acl, p.prosecdef as definer,
           p.proconfig as config, p.oid::regprocedure::text as object
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('lightningtalk', 'ops')
  ),

  table_privilege (name) as (
    select unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
    union all
    select 'MAINTAIN' where current_setting('server_version_num')::integer >= 170000
  ),

  table_matrix as (
    select role.name as role, t.oid, t.schema, t.name, t.object, p.name as privilege,
           case role."group"
             when 'lt_admin' then true
             when 'lt_readwrite' then
               (t.schema = 'lightningtalk' and p.name in ('SELECT', 'INSERT', 'UPDATE'))
               or (t.object = 'ops.schema_migrations' and p.name = 'SELECT')
             when 'lt_readonly' then
               p.name = 'SELECT'
               and ((t.schema = 'lightningtalk' and t.name <> 'documents')
                    or t.object in ('ops.load_progress', 'ops.schema_migrations'))
             else false
           end as expected
      from role, relation t, table_privilege p
     where t.kind <> 'S'
  ),

  matrix (role, object, privilege, expected, actual) as (
    select role, object, privilege, expected, has_table_privilege(role, oid, privilege)
      from table_matrix
    union all
    select role.name, s.object, p.name,
           case role."group"
             when 'lt_admin' then true
             when 'lt_readwrite' then s.schema = 'lightningtalk' and p.name in ('USAGE', 'SELECT')
             else false
           end,
           has_sequence_privilege(role.name, s.oid, p.name)
      from role, relation s, unnest(array['USAGE', 'SELECT', 'UPDATE']) as p (name)
     where s.kind = 'S'
    union all
    select role.name, f.object, 'EXECUTE',
           case role."group"
             when 'lt_admin' then true
             when 'lt_readwrite' then f.schema = 'lightningtalk' and f.name = 'delete_document'
             else false
           end,
           has_function_privilege(role.name, f.oid, 'EXECUTE')
      from role, routine f
    union all
    select role.name, 'schema ' || n.nspname, p.name,
           case
             when n.nspname = 'public' then false
             when role."group" = 'lt_admin' then true
             when role."group" in ('lt_readonly', 'lt_readwrite') then p.name = 'USAGE'
             else false
           end,
           has_schema_privilege(role.name, n.oid, p.name)
      from role, pg_namespace n, unnest(array['USAGE', 'CREATE']) as p (name)
     where n.nspname in ('lightningtalk', 'ops') or (n.nspname = 'public' and p.name = 'CREATE')
    union all
    select role.name, 'database', p.name,
           case role."group"
             when 'lt_admin' then p.name in ('CONNECT', 'TEMPORARY')
             when 'public' then false
             else p.name = 'CONNECT'
           end,
           has_database_privilege(role.name, current_database(), p.name)
      from role, unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) as p (name)
    union all
    select r.rolname, 'role', a.name, a.expected, a.actual
      from pg_roles r
      cross join lateral (values
        ('SUPERUSER', false, r.rolsuper), ('CREATEROLE', false, r.rolcreaterole), ('CREATEDB', false, r.rolcreatedb),
        ('REPLICATION', false, r.rolreplication), ('BYPASSRLS', false, r.rolbypassrls), ('INHERIT', true, r.rolinherit),
        ('LOGIN', r.rolname in ('lt_report', 'lt_app', 'lt_migrator'), r.rolcanlogin)
      ) as a (name, expected, actual)
     where r.rolname in (select name from role)
    union all
    select member.name, 'role ' || of.rolname, 'MEMBER', member.name <> of.rolname and member."group" = of.rolname,
           exists (select from pg_auth_members m where m.roleid = of.oid and m.member = member.name::regrole)
      from role member, pg_roles of
     where member.name <> 'public'
    union all
    select 'lt_migrator', 'role lt_admin', 'WORKS AS', true,
           exists (select from pg_db_role_setting s
                    where s.setrole = 'lt_migrator'::regrole and s.setdatabase = 0 and 'role=lt_admin' = any (s.setconfig))
    union all
    select pg_get_userbyid(f.owner), f.object, 'FIXED SEARCH PATH', true,
           exists (select from unnest(f.config) as c (setting) where c.setting like 'search\_path=%')
      from routine f
     where f.definer
  ),

  -- Objects of somebody else fall under nobody's rules.
  ownership (role, object, privilege, expected, actual) as (
    select pg_get_userbyid(o.owner), o.object, 'OWNER', false, true
      from (select owner, object from relation
            union all select owner, object from routine
            union all select nspowner, 'schema ' || nspname from pg_namespace where nspname in ('lightningtalk', 'ops')) as o
     where o.owner <> 'lt_admin'::regrole
  ),

  granted as (
    select r.object, acl.* from relation r, aclexplode(r.acl) as acl
    union all
    select f.object, acl.* from routine f, aclexplode(f.acl) as acl
    union all
    select 'schema ' || n.nspname, acl.* from pg_namespace n, aclexplode(n.nspacl) as acl where n.nspname in ('lightningtalk', 'ops')
    union all
    select 'database', acl.* from pg_database d, aclexplode(d.datacl) as acl
     where d.datname = current_database() and pg_get_userbyid(acl.grantee) in (select name from role)
  ),

  -- What the matrix does not ask about: other roles, single columns, the right to pass a right on, a second way into a group.
  stray (role, object, privilege, expected, actual) as (
    select pg_get_userbyid(g.grantee), g.object, g.privilege_type, false, true
      from granted g
     where g.grantee <> 0 and pg_get_userbyid(g.grantee) not in (select name from role)
    union all
    select pg_get_userbyid(g.grantee), g.object, g.privilege_type || ' WITH GRANT OPTION', false, true
      from granted g
     where g.is_grantable and g.grantee <> 'lt_admin'::regrole
    union all
    select case acl.grantee when 0 then 'public' else pg_get_userbyid(acl.grantee) end,
           format('%s.%I', r.object, a.attname), acl.privilege_type, false, true
      from relation r join pg_attribute a on a.attrelid = r.oid, aclexplode(a.attacl) as acl
    union all
    select member.rolname, 'role ' || pg_get_userbyid(m.roleid), 'MEMBER', false, true
      from pg_auth_members m join pg_roles member on member.oid = m.member
     where pg_get_userbyid(m.roleid) in (select name from role)
       and member.rolname not in (select name from role) and not member.rolsuper and not member.rolcreaterole
  ),

  -- A column that any role could be allowed to write: neither generated nor an identity.
  written as (
    select distinct on (attrelid) attrelid as oid, quote_ident(attname) as name, format_type(atttypid, atttypmod) as type
      from pg_attribute
     where attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''
     order by attrelid, attnum
  ),

  trial (role, object, privilege, expected, statement) as (
    select m.role, m.object, m.privilege, m.expected,
           case m.privilege
             when 'SELECT' then format('select from %s limit 0', m.object)
             when 'INSERT' then format('insert into %s (%s) select null::%s where false', m.object, w.name, w.type)
             when 'UPDATE' then format('update %s set %s = null where false', m.object, w.name)
             when 'DELETE' then format('delete from %s where false', m.object)
             when 'TRUNCATE' then format('truncate %s', m.object)
           end
      from table_matrix m join written w using (oid)
     where m.privilege in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or (m.privilege = 'TRUNCATE' and not m.expected)
    union all
    select role.name, t.object, ddl.privilege, false, format(ddl.statement, t.object)
      from role, relation t,
           (values ('ALTER', 'alter table %s add column grants_probe integer'),
                   ('DROP', 'drop table %s cascade'),
                   ('CREATE INDEX', 'create index on %s ((1))')) as ddl (privilege, statement)
     where t.kind = 'r' and role."group" <> 'lt_admin'
    union all
    select role.name, ddl.object, 'CREATE', role."group" = 'lt_admin' and ddl.admin, ddl.statement
      from role,
           (values ('schema lightningtalk', true, 'create table lightningtalk.grants_probe_2 ()'),
                   ('schema ops', true, 'create table ops.grants_probe_2 ()'),
                   ('schema public', false, 'create table public.grants_probe ()'),
                   ('database', false, 'create schema grants_probe')) as ddl (object, admin, statement)
    union all
    select role.name, 'lightningtalk.delete_document(text,text)', 'EXECUTE', role."group" in ('lt_admin', 'lt_readwrite'),
           'select lightningtalk.delete_document(''grants_probe'', ''no such document'')'
      from role
    union all
    select role.name, 'lightningtalk.grants_probe()', 'EXECUTE', role."group" = 'lt_admin', 'select lightningtalk.grants_probe()'
      from role
  ),

  tried as (
    select role, object, privilege || ' (tried)' as privilege,
           case when expected then 'allowed' else 'refused' end as expected,
           pg_temp.attempt(role, statement) as actual
      from trial
     where role <> 'public'
  )

select role, object, privilege, expected, actual
  from (
    select role::text, object, privilege,
           case when expected then 'allowed' else 'refused' end as expected,
           case when actual then 'allowed' else 'refused' end as actual
      from (select * from matrix union all select * from ownership union all select * from stray) as rights
    union all
    select role::text, object, privilege, expected, actual from tried
  ) as checked
 where expected <> actual
 order by object collate "C", role collate "C", privilege collate "C";

rollback;
