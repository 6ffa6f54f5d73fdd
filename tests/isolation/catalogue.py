"""What the database must look like for tenants to be apart, asked of PostgreSQL's own catalogue.

Each rule is a query that returns one line per offence, so an empty answer is a kept rule. It reads nothing of the code
that laid the tables down: what counts is what stands there.
"""

from dataclasses import dataclass

import asyncpg

# Tables that belong to the installation, not to a tenant.
INSTALLATION = (
    "alembic_version",
    "api_minutes",
    "deprecated_uses",
    "periodic_tasks",
    "presence_reporters",
    "signing_keys",
)
# Unique keys of the table of tenants itself: its addresses are unique in the installation.
PLATFORM_KEYS = ("tenants_pkey", "tenants_slug_key", "tenants_domain_key")
OWNER, APP, SYSTEM = "vq_owner", "vq_app", "vq_system"

_OURS = """
    with ours as (
        select c.oid, c.relname::text as name, c.relkind, c.relispartition, c.relowner, c.relacl, c.reloptions,
            c.relrowsecurity, c.relforcerowsecurity, n.nspname::text as schema
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    ),
    tables as (select * from ours where relkind in ('r', 'p', 'f')),
    -- The column that holds the tenant; `tenants` is its own.
    tenant_tables as (
        select t.*, a.attnum, a.attname::text as tenant_column, a.atttypid, a.attnotnull
        from tables t join pg_attribute a on a.attrelid = t.oid and not a.attisdropped
            and a.attname = case when t.name = 'tenants' then 'id' else 'tenant_id' end
        where not t.name = any ($1)
    )
"""
_BOUND = "(NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid"


@dataclass(frozen=True)
class Rule:
    """A sentence that holds, and the query for what breaks it. `$1` is `INSTALLATION` where the query uses it."""

    sentence: str
    query: str


RULES = {
    "known": Rule(
        "every table is in the schema public, and is a tenant's or on the list of the installation's",
        _OURS + "select name || ' is nobody''s' from tables where not name = any ($1)"
        " and (schema <> 'public' or oid not in (select oid from tenant_tables))",
    ),
    "tenant column": Rule(
        "the tenant of a row is a uuid and never null",
        _OURS + "select name || '.' || tenant_column from tenant_tables"
        " where atttypid <> 'uuid'::regtype or not attnotnull",
    ),
    "closed": Rule(
        "row-level security is enabled and forced, on partitions too",
        _OURS + "select name || ' is open' from tenant_tables where not (relrowsecurity and relforcerowsecurity)",
    ),
    "policies": Rule(
        "exactly two policies: the serving role sees the bound tenant, the system role everything; each for reading "
        "and writing; none on partitions",
        _OURS
        + f"""
        , wanted as (
            select oid, name, 'tenant_isolation' as policy, '{APP}' as role,
                '(' || tenant_column || ' = {_BOUND.replace("'", "''")})' as predicate
            from tenant_tables where not relispartition
            union all
            select oid, name, 'system_access', '{SYSTEM}', 'true' from tenant_tables where not relispartition
        ),
        found as (
            select p.polrelid as oid, p.polname::text as policy, p.polpermissive and p.polcmd = '*' as plain,
                (select string_agg(r.rolname, ',') from pg_roles r where r.oid = any (p.polroles)) as role,
                cardinality(p.polroles) as roles,
                pg_get_expr(p.polqual, p.polrelid) as reading, pg_get_expr(p.polwithcheck, p.polrelid) as writing
            from pg_policy p
        )
        select coalesce(w.name, f.oid::regclass::text) || ': ' || coalesce(w.policy, f.policy)
        from wanted w full join found f on f.oid = w.oid and f.policy = w.policy and f.plain and f.roles = 1
            and f.role = w.role and f.reading = w.predicate and f.writing = w.predicate
        where w.oid is null or f.oid is null
        """,
    ),
    "foreign keys": Rule(
        "a foreign key between tenants' tables starts with the tenant on both sides, so it cannot point across",
        _OURS
        + """
        select k.conrelid::regclass || ': ' || k.conname
        from pg_constraint k
        join tenant_tables target on target.oid = k.confrelid
        left join tenant_tables source on source.oid = k.conrelid
        where k.contype = 'f' and k.conparentid = 0 and (
            source.oid is null or k.conkey[1] <> source.attnum or k.confkey[1] <> target.attnum
            or (cardinality(k.conkey) = 1 and target.name <> 'tenants')
        )
        """,
    ),
    "keys": Rule(
        "every unique key of a tenant's table starts with the tenant",
        _OURS
        + f"""
        select t.name || ': ' || i.indexrelid::regclass
        from pg_index i join tenant_tables t on t.oid = i.indrelid
        join pg_class c on c.oid = i.indexrelid
        where (i.indisunique or i.indisexclusion) and i.indkey[0] <> t.attnum
            and not (t.name = 'tenants' and c.relname = any (array{list(PLATFORM_KEYS)}))
        """,
    ),
    "primary key": Rule(
        "every tenant's table has a primary key",
        _OURS + "select name from tenant_tables t where not exists"
        " (select from pg_index i where i.indrelid = t.oid and i.indisprimary)",
    ),
    "partitions": Rule(
        "nothing is granted on a partition: reading it directly would go around the policies of the table",
        _OURS
        + """
        select o.name || ' to ' || coalesce(nullif(g.grantee, 0)::regrole::text, 'public')
        from ours o, aclexplode(o.relacl) g where o.relispartition and g.grantee <> o.relowner
        """,
    ),
    "grants": Rule(
        "the roles may read and write rows and nothing else; the log is append-only and signing keys are read-only for "
        "the serving role, of the log the platform changes only where events came from and that they are published; "
        "seals are changed by nobody; nothing is granted to everybody, and nothing with the right to grant it on",
        _OURS
        + f"""
        select o.name || ': ' || g.privilege_type || ' to ' || coalesce(nullif(g.grantee, 0)::regrole::text, 'public')
        from ours o, aclexplode(o.relacl) g
        where o.relkind in ('r', 'p', 'f', 'v', 'm') and not o.relispartition and g.grantee <> o.relowner and (
            g.grantee = 0 or g.is_grantable
            or g.grantee::regrole::text not in ('{APP}', '{SYSTEM}')
            or g.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
            or (g.grantee = '{APP}'::regrole and g.privilege_type <> 'SELECT' and (
                (o.name = 'events' and g.privilege_type <> 'INSERT') or o.name in ('signing_keys', 'event_seals')))
            or (o.name = 'events' and g.privilege_type = 'UPDATE')
            or (o.name = 'event_seals' and g.privilege_type not in ('SELECT', 'INSERT'))
            or (o.name = 'alembic_version' and (g.grantee = '{APP}'::regrole or g.privilege_type <> 'SELECT'))
        )
        union all
        select o.name || '.' || a.attname || ': column grant'
        from ours o join pg_attribute a on a.attrelid = o.oid cross join lateral aclexplode(a.attacl) g
        where o.name <> 'events' or a.attname not in ('published_at', 'address', 'agent')
            or g.grantee::regrole::text <> '{SYSTEM}' or g.privilege_type <> 'UPDATE'
        union all
        select 'default privileges of ' || d.defaclrole::regrole from pg_default_acl d
        """,
    ),
    "owner": Rule(
        "everything belongs to the owner's role, which nobody can sign in as",
        _OURS
        + f"""
        select name || ' belongs to ' || relowner::regrole from ours where relowner <> '{OWNER}'::regrole
        union all
        select p.oid::regprocedure || ' belongs to ' || p.proowner::regrole
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and p.proowner <> '{OWNER}'::regrole
        union all
        select rolname || ' can sign in' from pg_roles where rolname = '{OWNER}' and rolcanlogin
        """,
    ),
    "roles": Rule(
        "no role of ours is above the policies, is a member of another role, or may create anything in the database",
        f"""
        select rolname || ' is privileged' from pg_roles where rolname in ('{OWNER}', '{APP}', '{SYSTEM}')
            and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
        union all
        select m.member::regrole || ' is a member of ' || m.roleid::regrole from pg_auth_members m
        where m.member in ('{APP}'::regrole, '{SYSTEM}'::regrole, '{OWNER}'::regrole)
        union all
        select r || ' may create in schema ' || n.nspname from pg_namespace n, unnest(array['{APP}', '{SYSTEM}']) r
        where n.nspname !~ '^pg_temp|^pg_toast_temp' and has_schema_privilege(r, n.oid, 'create')
        union all
        select r || ' may create schemas' from unnest(array['{APP}', '{SYSTEM}']) r
        where has_database_privilege(r, current_database(), 'create')
        union all
        select r || ' is missing' from unnest(array['{OWNER}', '{APP}', '{SYSTEM}']) r
        where r not in (select rolname from pg_roles)
        """,
    ),
    "views": Rule(
        "a view asks with the rights of whoever reads it; there are no materialised ones, which have no policies",
        _OURS
        + """
        select name from ours where relkind = 'm' or (relkind = 'v'
            and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false))
        """,
    ),
    "functions": Rule(
        "a function that runs with its owner's rights has a search path of its own and is not everybody's",
        """
        select p.oid::regprocedure::text
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and (
            not exists (select from unnest(p.proconfig) setting where setting like 'search\\_path=%')
            or exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g where g.grantee = 0)
            or has_function_privilege('vq_app', p.oid, 'execute')
        )
        """,
    ),
}


async def offences(connection: "asyncpg.Connection[asyncpg.Record]", rule: Rule) -> list[str]:
    """What breaks a rule, one line each."""
    arguments = [list(INSTALLATION)] if "$1" in rule.query else []
    return sorted(row[0] for row in await connection.fetch(rule.query, *arguments))


async def tenant_tables(connection: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    """The tables the rules are about, without partitions."""
    rows = await connection.fetch(_OURS + "select name from tenant_tables where not relispartition", list(INSTALLATION))
    return {row[0] for row in rows}
