import type { ClientBase } from "pg";

interface PrivilegeRow {
  user: string;
  database: string;
  superuser: boolean;
  create_role: boolean;
  owns_database: boolean;
  may_create: boolean;
  open_to_public: boolean;
  missing_roles: string[];
  missing_schemas: string[];
  /** Null while the role does not exist. */
  is_admin: boolean | null;
  may_grant_admin: boolean | null;
}

/**
 * What the user lacks for bringing the database to our schema and loading into it.
 *
 * @returns the user, and one text per missing privilege, naming it and what it is for
 */
export async function findMissingPrivileges(
  client: ClientBase,
  serverVersion: number,
): Promise<{ user: string; missing: string[] }> {
  const { rows } = await client.query<PrivilegeRow>(
    `select current_user::text as "user", d.datname::text as database, r.rolsuper as superuser, r.rolcreaterole as create_role,
            pg_has_role(current_user, d.datdba, 'usage') as owns_database,
            has_database_privilege(d.oid, 'create') as may_create,
            exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl where acl.grantee = 0) as open_to_public,
            array(select name from unnest($1::text[]) name where to_regrole(name) is null) as missing_roles,
            array(select name from unnest($2::text[]) name where to_regnamespace(name) is null) as missing_schemas,
            pg_has_role(current_user, to_regrole('lt_admin'), 'usage') as is_admin,
            exists (select from pg_auth_members m where m.roleid = to_regrole('lt_admin') and m.admin_option
                     and m.member = current_user::regrole) as may_grant_admin
       from pg_roles r, pg_database d
      where r.rolname = current_user and d.datname = current_database()`,
    [roles, schemas],
  );
  const found = rows[0]!;
  return { user: found.user, missing: found.superuser ? [] : describeMissing(found, serverVersion) };
}

const roles = ["lt_readonly", "lt_readwrite", "lt_admin", "lt_report", "lt_app", "lt_migrator"];
const schemas = ["lightningtalk", "ops"];

function describeMissing(found: PrivilegeRow, serverVersion: number): string[] {
  const missing: string[] = [];
  const { database, missing_roles: newRoles, missing_schemas: newSchemas } = found;
  if (newRoles.length > 0 && !found.create_role) missing.push(`CREATEROLE (to create ${newRoles.join(", ")})`);
  // Before PostgreSQL 16, CREATEROLE was enough to grant any role; since then it takes ADMIN OPTION, which its creator has.
  const mayJoin = found.create_role && (serverVersion < 160_000 || found.may_grant_admin === true);
  if (found.is_admin === false && !mayJoin) missing.push("membership in lt_admin (to own and fill the tables)");
  if (newSchemas.length > 0 && !found.may_create)
    missing.push(`CREATE on the database ${database} (for the schemas ${newSchemas.join(" and ")})`);
  if (found.open_to_public && !found.owns_database)
    missing.push(`ownership of the database ${database} (to say who may connect)`);
  return missing;
}
