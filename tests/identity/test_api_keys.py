"""API keys, by the verbs and at the door: what they open, to whom they are given, and how many there may be."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.core.actor import Actor, ActorKind
from app.core.errors import Forbidden, InvalidInput, NotFound, TokenExpired
from app.counters import service as counters
from app.identity.api_keys import repository, service
from app.identity.api_keys.errors import ApiKeyEnded, OutlivesOwnKey, ScopeNotGrantable
from app.identity.api_keys.models import ApiKeySecret
from app.identity.api_keys.service import KeyChanges
from app.identity.api_keys.text import PATTERN, new_key_text, read_key_text
from app.identity.errors import TokenInvalid
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from app.tenants import service as tenant_service
from app.tenants.errors import LimitReached, TenantClosed
from tests.identity.house import NOW, House, as_super_admin
from tests.identity.keys import DAY, READ, REPORT, issue, opens, rotate


def test_a_key_is_recognised_by_its_text_alone() -> None:
    tenant_id = uuid4()
    made = new_key_text(tenant_id)
    assert re.fullmatch(r"vqk_[0-9A-Za-z]{11}_[0-9A-Za-z]{71}", made)
    read = read_key_text(made)
    assert read is not None
    assert (read.tenant_id, made.startswith(f"{read.prefix}_"), len(read.prefix)) == (tenant_id, True, 15)
    assert read.is_of(read.hash)
    assert not read.is_of(replace(read, hash="0" * 64).hash)
    assert new_key_text(tenant_id) != made
    # In the middle of a log line, say.
    assert PATTERN.search(f"curl -H 'Authorization: Bearer {made}' https://vq.example") is not None


@pytest.mark.parametrize("tenant_id", [UUID(int=0), UUID(int=(1 << 128) - 1)])
def test_every_tenant_fits_into_a_key(tenant_id: UUID) -> None:
    read = read_key_text(new_key_text(tenant_id))
    assert read is not None
    assert read.tenant_id == tenant_id


def test_one_wrong_character_anywhere_is_noticed_without_the_database() -> None:
    made = new_key_text(uuid4())
    for place in range(len(made)):
        other = "1" if made[place] == "0" else "0"
        assert read_key_text(made[:place] + other + made[place + 1 :]) is None, place
    for wrong in ("", "vqk_", made[:-1], made + "0", made + "\n", f" {made}", made.swapcase(), made.replace("_", "-")):
        assert read_key_text(wrong) is None, wrong


async def test_a_key_opens_the_door_to_what_it_was_given(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop, REPORT, READ)
    actor = await house.authenticator.authenticate(issued.secret)
    assert (actor.kind, actor.tenant_id, actor.id) == (ActorKind.API_KEY, shop.id, issued.key.id)
    assert actor.permissions == {READ, REPORT}
    assert (actor.expires_at, actor.label) == (None, f"API_KEY:{issued.key.id}")
    actor.require(READ)
    with pytest.raises(Forbidden, match="API key"):
        actor.require(Permission.SESSION_READ)
    assert await house.authenticator.reauthenticate(actor) == actor


async def test_nothing_that_is_kept_gives_the_secret_away(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop, name="Back office")
    second = await rotate(house, shop, issued.key.id)
    async with house.dbs.system.read(None) as tx:
        rows = (
            await tx.exec(  # type: ignore[call-overload]
                text(
                    "select to_jsonb(k)::text from api_keys k where tenant_id = :tenant union all"
                    " select to_jsonb(s)::text from api_key_secrets s where tenant_id = :tenant"
                ),
                params={"tenant": shop.id},
            )
        ).all()
    kept = str(rows) + await house.log_text(shop.id)
    for secret in (issued.secret, second):
        read = read_key_text(secret)
        assert read is not None
        assert read.prefix in kept
        assert secret[16:] not in kept
        assert secret[-49:] not in kept
    # What it is for may name a person; the log is kept for longer than the key.
    assert "Back office" not in await house.log_text(shop.id)


async def test_the_hash_is_looked_at_and_not_only_the_prefix(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    read = read_key_text(issued.secret)
    assert read is not None
    async with house.dbs.system.write(shop.id) as tx:
        row = (await tx.exec(select(ApiKeySecret).where(ApiKeySecret.prefix == read.prefix))).one()
        row.secret_hash = "0" * 64
        tx.add(row)
    with pytest.raises(TokenInvalid):
        await house.authenticator.authenticate(issued.secret)


@pytest.mark.parametrize("name", ["another tenant's", "nobody's", "garbage", "half a key"])
async def test_what_is_no_key_of_ours_is_refused_alike(house: House, name: str) -> None:
    shop, other = await house.business(), await house.business()
    secret = (await issue(house, shop)).secret
    shown = {
        "another tenant's": new_key_text(other.id),
        "nobody's": new_key_text(uuid4()),
        "garbage": "vqk_" + "\x00é" * 40,
        "half a key": secret[:40],
    }[name]
    with pytest.raises(TokenInvalid) as refusal:
        await house.authenticator.authenticate(shown)
    assert refusal.value.message == "The API key is unknown, or was not copied whole."


async def test_nobody_gives_what_they_may_not_do(house: House) -> None:
    shop = await house.business()
    manager = await house.user(shop, Role.MANAGER)
    beyond = Permission.USER_WRITE.value
    async with house.acting(manager) as tx:
        with pytest.raises(ScopeNotGrantable) as refusal:
            await service.create(tx, "Mine", [READ, beyond], None)
        assert refusal.value.scopes == [beyond]
        mine = (await service.create(tx, "Mine", [READ], None)).key
    with pytest.raises(ScopeNotGrantable):
        async with house.acting(manager) as tx:
            await service.update(tx, mine.id, {"scopes": [READ, beyond]})
    # Not by way of a key either, whose permissions are its own.
    program = Actor(ActorKind.API_KEY, shop.id, mine.id, permissions=frozenset({Permission.API_KEY_WRITE, READ}))
    async with house.dbs.app.write(shop.id, program) as tx:
        with pytest.raises(ScopeNotGrantable):
            await service.create(tx, "Child", [REPORT], None)
        assert (await service.create(tx, "Child", [READ], None)).key.created_by == f"API_KEY:{mine.id}"


async def test_nothing_that_lasts_longer_is_had_with_a_key(house: House) -> None:
    """Neither by itself nor by another one: whoever has copied a key loses what they have when it ends."""
    shop = await house.business()
    write, end = Permission.API_KEY_WRITE.value, NOW + 2 * DAY
    issued = await issue(house, shop, READ, write, expires_at=end)
    endless = (await issue(house, shop, READ)).key
    own = await house.authenticator.authenticate(issued.secret)
    before = await house.events(shop.id, issued.key.id), await house.events(shop.id, endless.id)
    longer: list[KeyChanges] = [{"expires_at": None}, {"expires_at": end + DAY}]
    for change in longer:
        with pytest.raises(OutlivesOwnKey) as refusal:
            async with house.dbs.app.write(shop.id, own) as tx:
                await service.update(tx, issued.key.id, change)
        assert refusal.value.expires_at == end
    for expires_at in (None, end + DAY):
        with pytest.raises(OutlivesOwnKey):
            async with house.dbs.app.write(shop.id, own) as tx:
                await service.create(tx, "Child", [READ], expires_at)
    with pytest.raises(OutlivesOwnKey):
        async with house.dbs.app.write(shop.id, own) as tx:
            await service.rotate(tx, endless.id, DAY)
    assert (await house.events(shop.id, issued.key.id), await house.events(shop.id, endless.id)) == before
    async with house.dbs.app.write(shop.id, own) as tx:
        await service.create(tx, "Child", [READ], end)
        await service.update(tx, issued.key.id, {"name": "Other"})
        assert (await service.rotate(tx, issued.key.id, DAY)).key.expires_at == end
    # A secret that was rotated has its overlap and gets itself no other.
    house.authenticator.forget(shop.id)
    old = await house.authenticator.authenticate(issued.secret)
    assert old.expires_at == NOW + DAY
    with pytest.raises(OutlivesOwnKey):
        async with house.dbs.app.write(shop.id, old) as tx:
            await service.rotate(tx, issued.key.id, DAY)


async def test_whoever_may_do_less_than_a_key_can_only_take_from_it(house: House) -> None:
    shop = await house.business()
    key = (await issue(house, shop, READ, Permission.USER_WRITE.value)).key
    manager = await house.user(shop, Role.MANAGER)
    changes: list[KeyChanges] = [{"name": "Other"}, {"expires_at": NOW + DAY}]
    for change in changes:
        async with house.acting(manager) as tx:
            with pytest.raises(ScopeNotGrantable):
                await service.update(tx, key.id, change)
    async with house.acting(manager) as tx:
        # It would show them a secret of it.
        with pytest.raises(ScopeNotGrantable):
            await service.rotate(tx, key.id, DAY)
    assert await house.events(shop.id, key.id) == [(1, "API_KEY_CREATED")]
    async with house.acting(manager) as tx:
        assert (await service.update(tx, key.id, {"scopes": [READ]})).scopes == [READ]
    key = (await issue(house, shop, READ, Permission.USER_WRITE.value)).key
    async with house.acting(manager) as tx:
        assert (await service.revoke(tx, key.id)).revoked_at == NOW


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 81}),
        ("name", {"name": "a\x00b"}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["queue:read", "everything"]}),
        ("expiresAt", {"expires_at": NOW}),
        ("expiresAt", {"expires_at": (NOW + DAY).replace(tzinfo=None)}),
        ("expiresAt", {"expires_at": NOW + timedelta(days=3654)}),
        ("expiresAt", {"expires_at": datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))}),
    ],
)
async def test_what_a_key_cannot_be(house: House, field: str, values: dict[str, object]) -> None:
    shop = await house.business()
    given = {"name": "Till", "scopes": [READ], "expires_at": None} | values
    key = (await issue(house, shop)).key
    async with house.acting(shop.admin) as tx:
        with pytest.raises(InvalidInput) as refusal:
            await service.create(tx, **given)  # type: ignore[arg-type]
        assert refusal.value.field == field
        with pytest.raises(InvalidInput) as refusal:
            await service.update(tx, key.id, values)  # type: ignore[arg-type,typeddict-item]
        assert refusal.value.field == field


async def test_a_key_ends_by_itself(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop, expires_at=NOW + DAY)
    actor = await house.authenticator.authenticate(issued.secret)
    assert actor.expires_at == NOW + DAY
    house.clock.advance(seconds=DAY.total_seconds() - 1)
    assert await opens(house, shop, issued.secret)
    house.clock.advance(seconds=1)
    assert not await opens(house, shop, issued.secret)
    with pytest.raises(TokenExpired):
        await house.authenticator.reauthenticate(actor)
    async with house.acting(shop.admin) as tx:
        with pytest.raises(ApiKeyEnded):
            await service.update(tx, issued.key.id, {"expires_at": None})
        with pytest.raises(ApiKeyEnded):
            await service.rotate(tx, issued.key.id, DAY)


async def test_a_change_is_effective_at_once(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    before = await house.authenticator.authenticate(issued.secret)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, issued.key.id, {"scopes": [REPORT], "expires_at": NOW + DAY})
        await service.update(tx, issued.key.id, {"scopes": [REPORT]})
    house.authenticator.forget(shop.id)
    now = await house.authenticator.reauthenticate(before)
    assert (now.permissions, now.expires_at) == ({REPORT}, NOW + DAY)
    # The second time everything was so already.
    assert await house.events(shop.id, issued.key.id) == [(1, "API_KEY_CREATED"), (2, "API_KEY_UPDATED")]


async def test_a_permission_that_is_no_more_is_not_had(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    async with house.dbs.system.write(shop.id) as tx:
        key = await repository.lock(tx, issued.key.id)
        key.scopes = [READ, "queue:forgotten"]
    house.authenticator.forget(shop.id)
    assert (await house.authenticator.authenticate(issued.secret)).permissions == {READ}


async def test_a_tenant_has_so_many_keys_that_can_be_used(house: House) -> None:
    shop = await house.business(limits={"api_keys": 2})
    first = await issue(house, shop, expires_at=NOW + DAY)
    second = await issue(house, shop)
    with pytest.raises(LimitReached) as refusal:
        await issue(house, shop)
    assert (refusal.value.limit, refusal.value.maximum) == ("apiKeys", 2)
    async with house.acting(shop.admin) as tx:
        await service.revoke(tx, second.key.id)
    await issue(house, shop)
    house.clock.advance(days=1)
    assert first.key.revoked_at is None
    await issue(house, shop)


async def test_the_limit_holds_for_those_who_come_at_once(house: House) -> None:
    shop = await house.business(limits={"api_keys": 3})
    answers = await asyncio.gather(*(issue(house, shop) for _ in range(8)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Issued"] * 3 + ["LimitReached"] * 5


async def test_a_suspended_tenant_s_keys_open_nothing(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    actor = await house.authenticator.authenticate(issued.secret)
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        await tenant_service.suspend(tx, shop.id)
    house.authenticator.forget(shop.id)
    for attempt in (house.authenticator.authenticate(issued.secret), house.authenticator.reauthenticate(actor)):
        with pytest.raises(TenantClosed):
            await attempt


async def test_another_tenant_s_key_is_not_found(house: House) -> None:
    shop, other = await house.business(), await house.business()
    key = (await issue(house, shop)).key
    async with house.acting(other.admin) as tx:
        with pytest.raises(NotFound):
            await service.update(tx, key.id, {"name": "Mine"})
        with pytest.raises(NotFound):
            await service.rotate(tx, key.id, DAY)
        with pytest.raises(NotFound):
            await service.revoke(tx, key.id)
    assert await house.events(shop.id, key.id) == [(1, "API_KEY_CREATED")]


async def test_a_program_works_no_shift(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop, *MATRIX[Role.STAFF])
    actor = await house.authenticator.authenticate(issued.secret)
    async with house.acting(shop.admin) as tx:
        counter = await counters.create(tx, "Counter", [], None)
    async with house.dbs.app.write(shop.id, actor) as tx:
        with pytest.raises(Forbidden, match="member of staff"):
            await counters.start_shift(tx, counter.id)
