"""Row-level security and grants, as the migrations lay them down. The catalogue test holds the database against this.

Every tenant-owned table is closed to everybody by FORCE and opened by two policies: the serving role sees the bound
tenant, the system role sees all. Nothing is granted on partitions: reading one directly would go around the policies.
"""

from collections.abc import Iterator

from app.core.db.urls import APP_ROLE, SYSTEM_ROLE

# NULL without a bound tenant; nullif, because a setting that was once set locally comes back as ''.
BOUND_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"


def protect(table: str, *, app: str, system: str, column: str = "tenant_id") -> Iterator[str]:
    """Statements that close a tenant-owned table and grant the two roles what they need, e.g. `"select, insert"`."""
    yield f"alter table {table} enable row level security"
    yield f"alter table {table} force row level security"
    mine = f"{column} = {BOUND_TENANT}"
    yield f"create policy tenant_isolation on {table} to {APP_ROLE} using ({mine}) with check ({mine})"
    yield f"create policy system_access on {table} to {SYSTEM_ROLE} using (true) with check (true)"
    yield f"grant {app} on {table} to {APP_ROLE}"
    yield f"grant {system} on {table} to {SYSTEM_ROLE}"


def event_partitions() -> Iterator[str]:
    """Statements that make the function which keeps monthly partitions of the event log ahead of time."""
    yield """
        create function ensure_event_partitions(months_ahead int default 3) returns void
        language plpgsql security definer set search_path = pg_catalog, public as $$
        declare
            start timestamptz;
            name text;
        begin
            perform pg_advisory_xact_lock(7718002);
            for step in 0..months_ahead loop
                start := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC'
                    + make_interval(months => step);
                name := 'events_' || to_char(start at time zone 'UTC', 'YYYY_MM');
                if to_regclass('public.' || name) is null then
                    begin
                        execute format(
                            'create table public.%I partition of public.events for values from (%L) to (%L)',
                            name, start, ((start at time zone 'UTC') + interval '1 month') at time zone 'UTC'
                        );
                        execute format('alter table public.%I enable row level security', name);
                        execute format('alter table public.%I force row level security', name);
                    exception when check_violation then
                        -- Events of this month are in events_default already and stay there; later months go on.
                        null;
                    end;
                end if;
            end loop;
        end $$
    """
    yield "revoke all on function ensure_event_partitions(int) from public"
    yield f"grant execute on function ensure_event_partitions(int) to {SYSTEM_ROLE}"
    # Catches what no month holds (a clock gone wrong, a relay that stood still for months): late, but never lost.
    yield "create table events_default partition of events default"
    yield "alter table events_default enable row level security"
    yield "alter table events_default force row level security"
    yield "select ensure_event_partitions(3)"


def fact_partitions() -> Iterator[str]:
    """Statements that make the function which keeps monthly partitions of the facts about visits."""
    yield """
        create function ensure_fact_partitions(since timestamptz, months_ahead int default 3) returns void
        language plpgsql security definer set search_path = pg_catalog, public as $$
        declare
            start timestamptz := date_trunc('month', least(since, now()) at time zone 'UTC') at time zone 'UTC';
            name text;
        begin
            perform pg_advisory_xact_lock(7718003);
            while start <= now() + make_interval(months => months_ahead) loop
                name := 'session_facts_' || to_char(start at time zone 'UTC', 'YYYY_MM');
                if to_regclass('public.' || name) is null then
                    begin
                        execute format(
                            'create table public.%I partition of public.session_facts for values from (%L) to (%L)',
                            name, start, ((start at time zone 'UTC') + interval '1 month') at time zone 'UTC'
                        );
                        execute format('alter table public.%I enable row level security', name);
                        execute format('alter table public.%I force row level security', name);
                    exception when check_violation then
                        -- Visits of this month are in session_facts_default already and stay there.
                        null;
                    end;
                end if;
                start := ((start at time zone 'UTC') + interval '1 month') at time zone 'UTC';
            end loop;
        end $$
    """
    yield "revoke all on function ensure_fact_partitions(timestamptz, int) from public"
    yield f"grant execute on function ensure_fact_partitions(timestamptz, int) to {SYSTEM_ROLE}"
    # Catches what no month holds.
    yield "create table session_facts_default partition of session_facts default"
    yield "alter table session_facts_default enable row level security"
    yield "alter table session_facts_default force row level security"
    yield "select ensure_fact_partitions(now() - interval '1 month', 3)"


def fact_retention() -> Iterator[str]:
    """Statements that make the function which drops whole months of facts."""
    yield """
        create function drop_fact_partitions(before timestamptz) returns int
        language plpgsql security definer set search_path = pg_catalog, public as $$
        declare
            name text;
            dropped int := 0;
        begin
            perform pg_advisory_xact_lock(7718003);
            for name in
                select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
                where i.inhparent = 'public.session_facts'::regclass and c.relname ~ '^session_facts_[0-9]{4}_[0-9]{2}$'
                    and ((to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month')::timestamp at time zone 'UTC')
                        <= before
            loop
                execute format('drop table public.%I', name);
                dropped := dropped + 1;
            end loop;
            return dropped;
        end $$
    """
    yield "revoke all on function drop_fact_partitions(timestamptz) from public"
    yield f"grant execute on function drop_fact_partitions(timestamptz) to {SYSTEM_ROLE}"
