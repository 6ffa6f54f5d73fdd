"""What the serving role tries in another tenant, statement by statement: refused by the database, or without effect."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database, ReadTx
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.settings import Settings
from app.tenants import service
from app.tenants.service import NewTenant

INSUFFICIENT_PRIVILEGE = "42501"
FOREIGN_KEY_VIOLATION = "23503"

_COUNTER = "(tenant_id, id, name, is_active, revision, created_at, created_by, updated_at, updated_by)"

# Bound to :mine, which owns the counter :counter; :other owns the counter :its.
REFUSED = {
    f"insert into counters {_COUNTER} values (:other, gen_random_uuid(), 'new', true, 1, now(), '', now(), '')": (
        INSUFFICIENT_PRIVILEGE
    ),
    "update counters set tenant_id = :other": INSUFFICIENT_PRIVILEGE,
    "update tenants set id = :other": INSUFFICIENT_PRIVILEGE,
    "insert into tenants select (jsonb_populate_record(tenants, jsonb_build_object('id', gen_random_uuid()))).*"
    " from tenants": INSUFFICIENT_PRIVILEGE,
    "delete from tenants": INSUFFICIENT_PRIVILEGE,
    "delete from counters": INSUFFICIENT_PRIVILEGE,
    "truncate counters cascade": INSUFFICIENT_PRIVILEGE,
    "delete from events": INSUFFICIENT_PRIVILEGE,
    "update events set type = 'FORGED'": INSUFFICIENT_PRIVILEGE,
    "select 1 from events_default": INSUFFICIENT_PRIVILEGE,
    "insert into events_default select * from events": INSUFFICIENT_PRIVILEGE,
    "update signing_keys set status = 'RETIRED'": INSUFFICIENT_PRIVILEGE,
    "alter table counters disable row level security": INSUFFICIENT_PRIVILEGE,
    "create table public.mine (id uuid)": INSUFFICIENT_PRIVILEGE,
    "select ensure_event_partitions(100)": INSUFFICIENT_PRIVILEGE,
    "set local role vq_owner": INSUFFICIENT_PRIVILEGE,
    "set local role vq_system": INSUFFICIENT_PRIVILEGE,
    "copy counters to program 'true'": INSUFFICIENT_PRIVILEGE,
    # A key that exists, but in the other tenant: the composite key does not lead there.
    "insert into counter_queues (tenant_id, id, counter_id, queue_id)"
    " values (:mine, gen_random_uuid(), :counter, :its)": FOREIGN_KEY_VIOLATION,
    "insert into shifts (tenant_id, id, counter_id, user_id, started_at, break_seconds, served_count,"
    " service_seconds_total) values (:mine, gen_random_uuid(), :its, :its, now(), 0, 0, 0)": FOREIGN_KEY_VIOLATION,
}

WITHOUT_EFFECT = [
    "update counters set name = 'taken' where id = :its",
    "update counters set name = 'taken' where tenant_id = :other",
    "delete from counter_queues where tenant_id = :other",
    "update tenants set name = 'taken' where id = :other",
    "select * from counters where id = :its for update",
    "select * from counters where tenant_id = :other",
    "with its as (select * from events) select * from its where tenant_id = :other",
]


class _Rig:
    """Two tenants with a counter each."""

    def __init__(self, app: Database, system: Database) -> None:
        self.app, self.system = app, system
        self.names = {name: uuid4() for name in ("mine", "other", "counter", "its")}

    async def set_up(self) -> None:
        for tenant, counter in (("mine", "counter"), ("other", "its")):
            async with self.system.write(self.names[tenant]) as tx:
                await service.create(tx, NewTenant(name="Tenant", slug=f"x-{self.names[tenant].hex[:12]}"))
                await tx.flush()
                made = f"(:{tenant}, :{counter}, 'C', true, 1, now(), '', now(), '')"
                await self.run(tx, f"insert into counters {_COUNTER} values {made}")

    async def run(self, tx: ReadTx, statement: str) -> int:
        used = {name: value for name, value in self.names.items() if f":{name}" in statement}
        found = await tx.exec(text(statement), params=used)  # type: ignore[call-overload]
        return int(found.rowcount)

    async def others(self) -> list[str]:
        """All there is in the other tenant."""
        async with self.system.read(None) as tx:
            found = await tx.exec(  # type: ignore[call-overload]
                text(
                    "select 'c' || c::text from counters c where tenant_id = :other union all"
                    " select 't' || t::text from tenants t where id = :other union all"
                    " select 'e' || (to_jsonb(e) - 'published_at')::text from events e where tenant_id = :other"
                ),
                params={"other": self.names["other"]},
            )
            return sorted(found.scalars())


@pytest.fixture
async def rig(migrated_settings: Settings) -> AsyncIterator[_Rig]:
    app = Database(role_url(migrated_settings, APP_ROLE), secret=migrated_settings.secret, pool_size=1)
    system = Database(role_url(migrated_settings, SYSTEM_ROLE), secret=migrated_settings.secret, pool_size=1)
    made = _Rig(app, system)
    await made.set_up()
    yield made
    await app.dispose()
    await system.dispose()


@pytest.mark.parametrize(("statement", "reason"), REFUSED.items())
async def test_it_is_refused(rig: _Rig, statement: str, reason: str) -> None:
    before = await rig.others()
    with pytest.raises(DBAPIError) as refusal:
        async with rig.app.write(rig.names["mine"]) as tx:
            await rig.run(tx, statement)
    assert refusal.value.orig is not None
    assert getattr(refusal.value.orig, "sqlstate", None) == reason, refusal.value.orig
    assert await rig.others() == before


@pytest.mark.parametrize("statement", WITHOUT_EFFECT)
async def test_it_meets_nothing(rig: _Rig, statement: str) -> None:
    before = await rig.others()
    async with rig.app.write(rig.names["mine"]) as tx:
        assert await rig.run(tx, statement) == 0
    assert await rig.others() == before
    assert len(before) == 3


@pytest.mark.parametrize("bound", ["''", "'not a uuid'", "null"])
async def test_a_binding_that_is_no_tenant_shows_nothing(rig: _Rig, bound: str) -> None:
    async with rig.app.read(None) as tx:
        await tx.exec(text(f"select set_config('app.tenant_id', {bound}, true)"))  # type: ignore[call-overload]
        if bound == "'not a uuid'":
            with pytest.raises(DBAPIError):
                await rig.run(tx, "select 1 from counters")
        else:
            assert await rig.run(tx, "select 1 from counters") == 0


async def test_a_block_that_reads_cannot_write(rig: _Rig) -> None:
    async with rig.app.read(rig.names["mine"]) as tx:
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await rig.run(tx, "update counters set name = 'other'")


async def test_an_unbound_block_has_no_tenant(rig: _Rig) -> None:
    async with rig.app.read(None) as tx:
        with pytest.raises(RuntimeError, match="not bound"):
            _ = tx.tenant


async def test_a_name_that_another_tenant_has_is_free(rig: _Rig) -> None:
    async with rig.system.read(None) as tx:
        assert await rig.run(tx, "select 1 from counters where name = 'C' and tenant_id in (:mine, :other)") == 2
