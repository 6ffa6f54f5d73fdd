"""Tenants' keys: made with the tenant, learnt by blocks, forgotten; and what they seal."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from uuid import UUID, uuid4

import pytest

from app.core.crypto import decrypt
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.personal import keys as kept
from app.core.personal.keys import (
    KeyUse,
    MasterKey,
    PersonalDataClosed,
    TenantKeys,
    WrappedKey,
    forget,
    keys_of,
    keys_to_look_up,
    version_of,
)
from app.settings import Settings
from app.tenants import service as tenants
from app.tenants.service import NewTenant

MASTER, TENANT = MasterKey.of("m" * 32), uuid4()


def some_keys(*versions: int, active: int | None = None, tenant: UUID = TENANT) -> list[WrappedKey]:
    made = [MASTER.make(tenant, KeyUse.DATA, version) for version in versions]
    active = active or versions[-1]
    return [MASTER.make(tenant, KeyUse.INDEX, 0)] + [each._replace(is_active=each.version <= active) for each in made]


@pytest.fixture
async def system(migrated_settings: Settings) -> AsyncIterator[Database]:
    opened = Database(
        role_url(migrated_settings, SYSTEM_ROLE), secret=migrated_settings.secret, pool_size=2, name="keys system"
    )
    yield opened
    await opened.dispose()


@pytest.fixture
async def app(migrated_settings: Settings) -> AsyncIterator[Database]:
    opened = Database(
        role_url(migrated_settings, APP_ROLE), secret=migrated_settings.secret, pool_size=2, name="keys app"
    )
    yield opened
    await opened.dispose()


async def new_tenant(system: Database) -> UUID:
    tenant_id = uuid4()
    async with system.write(tenant_id) as tx:
        await tenants.create(tx, NewTenant("Keys", f"k-{tenant_id.hex[:12]}"))
    return tenant_id


def test_what_is_sealed_opens_only_where_it_belongs() -> None:
    keys = TenantKeys.unwrapped(MASTER, TENANT, some_keys(1))
    sealed = keys.seal(b"anna@example.com", b"users.email 1")
    assert keys.open(sealed, b"users.email 1") == b"anna@example.com"
    assert b"anna" not in sealed
    assert keys.seal(b"anna@example.com", b"users.email 1") != sealed
    others = TenantKeys.unwrapped(MASTER, TENANT, some_keys(1))
    for who, what, where in (
        (keys, sealed, b"users.email 2"),
        (keys, sealed, b"users.phone 1"),
        (keys, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"users.email 1"),
        (keys, b"\x00\x02" + sealed[2:], b"users.email 1"),
        (keys, b"", b"users.email 1"),
        (others, sealed, b"users.email 1"),
    ):
        with pytest.raises(PersonalDataClosed) as refusal:
            who.open(what, where)
        assert "anna" not in str(refusal.value)


def test_the_newest_active_version_seals_and_all_open() -> None:
    stored = some_keys(1, 2, 3, active=2)
    first = TenantKeys.unwrapped(MASTER, TENANT, [stored[0], stored[1]])
    both = TenantKeys.unwrapped(MASTER, TENANT, stored)
    sealed = both.seal(b"anna", b"here")
    assert (version_of(first.seal(b"anna", b"here")), version_of(sealed), both.version) == (1, 2, 2)
    assert both.open(first.seal(b"anna", b"here"), b"here") == b"anna"
    with pytest.raises(PersonalDataClosed):
        first.open(sealed, b"here")
    # The index stays: what was found before the rotation is found behind it.
    assert first.index(b"users.email", b"anna") == both.index(b"users.email", b"anna")


def test_the_index_tells_columns_and_tenants_apart() -> None:
    keys, others = (TenantKeys.unwrapped(MASTER, TENANT, some_keys(1)) for _ in range(2))
    indexes = [
        keys.index(b"users.email", b"anna"),
        keys.index(b"users.phone", b"anna"),
        keys.index(b"users.email", b"ann"),
        others.index(b"users.email", b"anna"),
    ]
    assert len(set(indexes)) == 4
    assert {len(index) for index in indexes} == {16}
    assert keys.index(b"users.email", b"anna") == indexes[0]


def test_a_wrapped_key_is_one_tenants_for_one_use() -> None:
    wrapped = MASTER.make(TENANT, KeyUse.DATA, 1)
    assert len(MASTER.open(TENANT, wrapped)) == 32
    with pytest.raises(PersonalDataClosed):
        MASTER.open(uuid4(), wrapped)
    with pytest.raises(PersonalDataClosed):
        MASTER.open(TENANT, wrapped._replace(version=2))
    with pytest.raises(PersonalDataClosed):
        MASTER.open(TENANT, wrapped._replace(use=KeyUse.INDEX))
    with pytest.raises(PersonalDataClosed, match="VQ_SECRET_KEY"):
        MasterKey.of("n" * 32).open(TENANT, wrapped)


async def test_a_tenant_gets_its_keys_and_every_process_learns_them(system: Database, app: Database) -> None:
    tenant_id = await new_tenant(system)
    made = keys_of(tenant_id)
    sealed = made.seal(b"anna", b"here")
    forget(tenant_id)  # as in a process that was not there
    async with app.read(tenant_id):
        assert keys_of(tenant_id).open(sealed, b"here") == b"anna"
    assert keys_of(tenant_id).index(b"x", b"y") == made.index(b"x", b"y")


async def test_tables_hold_wrapped_keys_only(system: Database, migrated_settings: Settings) -> None:
    tenant_id = await new_tenant(system)
    async with system.read(tenant_id) as tx:
        rows = await tx.rows("select use, version, wrapped from tenant_keys where tenant_id = $1", tenant_id)
    master = MasterKey.of(migrated_settings.secret)
    plain = {use: decrypt(master.key, wrapped, f"key of tenant {tenant_id} {use} {v}") for use, v, wrapped in rows}
    assert plain.keys() == {"DATA", "INDEX"}
    assert all(len(key) == 32 and key not in wrapped for key in plain.values() for _, _, wrapped in rows)


async def test_keys_that_were_not_committed_are_forgotten(system: Database) -> None:
    tenant_id = uuid4()

    async def found_and_fail() -> None:
        async with system.write(tenant_id) as tx:
            await tenants.create(tx, NewTenant("Keys", f"k-{tenant_id.hex[:12]}"))
            keys_of(tenant_id).seal(b"anna", b"here")
            raise RuntimeError("no tenant today")

    with pytest.raises(RuntimeError, match="no tenant today"):
        await found_and_fail()
    with pytest.raises(PersonalDataClosed):
        keys_of(tenant_id)


async def test_a_tenant_that_is_gone_is_forgotten_by_the_next_block(
    system: Database, app: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = await new_tenant(system)
    async with system.write(None) as tx:
        await tx.rows("delete from tenants where id = $1", tenant_id)
    async with app.read(tenant_id):
        assert keys_of(tenant_id)  # not asked yet: it looked a moment ago
    monkeypatch.setattr(kept, "FRESH_SECONDS", 0.0)
    async with app.read(tenant_id):
        with pytest.raises(PersonalDataClosed):
            keys_of(tenant_id)


async def test_what_nobody_asked_for_in_a_long_time_is_forgotten(
    system: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await new_tenant(system)
    monkeypatch.setattr(keys_of(old), "seen_at", float("-inf"), raising=False)
    young = await new_tenant(system)
    assert keys_of(young)
    with pytest.raises(PersonalDataClosed):
        keys_of(old)


async def test_nothing_is_found_for_a_tenant_that_is_not_there(app: Database) -> None:
    nowhere = uuid4()
    async with app.read(nowhere):
        assert len(keys_to_look_up(nowhere).index(b"users.email", b"anna")) == 16
        with pytest.raises(PersonalDataClosed):
            keys_of(nowhere)


async def test_the_serving_role_sees_its_own_tenants_keys_only(system: Database, app: Database) -> None:
    mine, others = await new_tenant(system), await new_tenant(system)
    async with app.read(mine) as tx:
        found = await tx.rows("select tenant_id from tenant_keys")
        assert {row["tenant_id"] for row in found} == {mine}
        assert not await tx.rows("select 1 from tenant_keys where tenant_id = $1", others)


async def test_a_look_that_was_given_up_is_made_by_the_next_block(system: Database, app: Database) -> None:
    tenant_id = await new_tenant(system)
    before = keys_of(tenant_id)
    long_ago = before.seen_at = monotonic() - kept.FRESH_SECONDS
    async with system.write(None) as blocker:
        await blocker.rows("lock table tenant_keys in access exclusive mode")
        looking = asyncio.create_task(_begun(app, tenant_id))
        async with asyncio.timeout(10):
            # From here on whoever asks is told that somebody looks.
            while before.seen_at == long_ago:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
    await _begun(app, tenant_id)
    assert keys_of(tenant_id) is not before


async def _begun(database: Database, tenant_id: UUID) -> None:
    async with database.read(tenant_id):
        pass
