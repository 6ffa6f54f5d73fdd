"""How the secrets of API keys end, and when they were used last: revoked, rotated, watched over."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.core.db import Database
from app.core.errors import InvalidInput
from app.identity.api_keys import repository, service
from app.identity.api_keys.errors import ApiKeyEnded, TooManySecrets
from app.identity.api_keys.last_use import EVERY, LastUse
from app.identity.errors import TokenRevoked
from tests.identity.house import NOW, Business, House
from tests.identity.keys import DAY, issue, opens, prefixes, rotate


async def test_revoked_is_for_good(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    actor = await house.authenticator.authenticate(issued.secret)
    second = await rotate(house, shop, issued.key.id)
    async with house.acting(shop.admin) as tx:
        await service.revoke(tx, issued.key.id, "found in a repository")
        await service.revoke(tx, issued.key.id, "again")
    assert [await opens(house, shop, secret) for secret in (issued.secret, second)] == [False, False]
    with pytest.raises(TokenRevoked):
        await house.authenticator.reauthenticate(actor)
    async with house.acting(shop.admin) as tx:
        assert (await service.revoke(tx, issued.key.id)).revoke_reason == "found in a repository"
        with pytest.raises(ApiKeyEnded):
            await service.rotate(tx, issued.key.id, DAY)
        with pytest.raises(ApiKeyEnded):
            await service.update(tx, issued.key.id, {"name": "Other"})
    types = [type for _, type in await house.events(shop.id, issued.key.id)]
    assert types == ["API_KEY_CREATED", "API_KEY_ROTATED", "API_KEY_REVOKED"]


async def test_revocation_in_another_process_is_known_within_two_seconds(house: House) -> None:
    """The bus is deaf, say: what this process remembers of a key is at most so old."""
    shop = await house.business()
    issued = await issue(house, shop)
    await house.authenticator.authenticate(issued.secret)
    async with house.acting(shop.admin) as tx:
        await service.revoke(tx, issued.key.id)
    house.clock.advance(seconds=2)
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(issued.secret)


async def test_rotation_leaves_the_old_secret_its_overlap_and_no_more(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    actor = await house.authenticator.authenticate(issued.secret)
    second = await rotate(house, shop, issued.key.id)
    assert await opens(house, shop, issued.secret)
    assert await opens(house, shop, second)
    # Whoever is connected with the old one learns when it ends.
    assert (await house.authenticator.reauthenticate(actor)).expires_at == NOW + DAY
    house.clock.advance(seconds=DAY.total_seconds())
    assert not await opens(house, shop, issued.secret)
    assert await opens(house, shop, second)


async def test_what_has_leaked_is_ended_at_once(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    second = await rotate(house, shop, issued.key.id)
    third = await rotate(house, shop, issued.key.id, timedelta(0))
    assert [await opens(house, shop, secret) for secret in (issued.secret, second, third)] == [False, False, True]
    assert len(await prefixes(house, shop, issued.key.id)) == 3


async def test_a_second_rotation_takes_nothing_from_the_first_one_s_promise(house: House) -> None:
    """The first one's answer was lost on the way, say, and everything still runs on the old secret."""
    shop = await house.business()
    issued = await issue(house, shop)
    await rotate(house, shop, issued.key.id, timedelta(hours=2))
    house.clock.advance(hours=1)
    await rotate(house, shop, issued.key.id, DAY)
    house.clock.advance(minutes=59)
    assert await opens(house, shop, issued.secret)
    house.clock.advance(minutes=1)
    assert not await opens(house, shop, issued.secret)


async def test_rotations_at_once_give_each_a_secret_that_works(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    secrets = await asyncio.gather(*(rotate(house, shop, issued.key.id) for _ in range(4)))
    assert [await opens(house, shop, secret) for secret in (issued.secret, *secrets)] == [True] * 5
    async with house.dbs.app.read(shop.id) as tx:
        good = await repository.good_secrets(tx, issued.key.id, NOW)
    # Four of them end; the newest does not.
    assert sorted(secret.ends_at is None for secret in good) == [False] * 4 + [True]
    assert [revision for revision, _ in await house.events(shop.id, issued.key.id)] == [1, 2, 3, 4, 5]


async def test_not_more_secrets_than_can_be_watched_over(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    secrets = [issued.secret, *[await rotate(house, shop, issued.key.id) for _ in range(4)]]
    with pytest.raises(TooManySecrets):
        await rotate(house, shop, issued.key.id)
    assert [await opens(house, shop, secret) for secret in secrets] == [True] * 5
    assert await opens(house, shop, await rotate(house, shop, issued.key.id, timedelta(0)))
    for overlap in (timedelta(seconds=-1), timedelta(days=30, seconds=1)):
        with pytest.raises(InvalidInput):
            await rotate(house, shop, issued.key.id, overlap)


async def last_use(house: House, shop: Business, key_id: UUID) -> list[datetime | None]:
    async with house.dbs.app.read(shop.id) as tx:
        return [secret.last_used_at for secret in (await repository.secrets_of(tx, [key_id], newest=9))[key_id]]


async def test_the_last_use_is_written_at_most_once_a_minute(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    assert await last_use(house, shop, issued.key.id) == [None]
    written = house.authenticator.programs.last_use
    await house.authenticator.authenticate(issued.secret)
    await written.stop()
    assert await last_use(house, shop, issued.key.id) == [NOW]
    house.clock.advance(seconds=EVERY.total_seconds() - 1)
    await house.authenticator.authenticate(issued.secret)
    await written.stop()
    assert await last_use(house, shop, issued.key.id) == [NOW]
    house.clock.advance(seconds=1)
    await house.authenticator.authenticate(issued.secret)
    await written.stop()
    assert await last_use(house, shop, issued.key.id) == [NOW + EVERY]
    # Two processes at once, and one that has forgotten: the row decides.
    async with house.dbs.app.write(shop.id) as tx:
        await repository.note_use(tx, (await repository.good_secrets(tx, issued.key.id, NOW))[0].id, NOW + EVERY, EVERY)
    assert await last_use(house, shop, issued.key.id) == [NOW + EVERY]
    # It is no change of the key: nobody is told, and nothing is recorded.
    assert await house.events(shop.id, issued.key.id) == [(1, "API_KEY_CREATED")]


async def test_a_refused_key_was_not_used(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    async with house.acting(shop.admin) as tx:
        await service.revoke(tx, issued.key.id)
    assert not await opens(house, shop, issued.secret)
    await house.authenticator.stop()
    assert await last_use(house, shop, issued.key.id) == [None]


async def test_a_use_that_cannot_be_written_stops_nobody_and_is_written_later(house: House) -> None:
    shop = await house.business()
    issued = await issue(house, shop)
    door = house.authenticator.programs
    working, door.last_use = door.last_use, LastUse(Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing"))
    actor = await house.authenticator.authenticate(issued.secret)
    await door.last_use.stop()
    assert actor.id == issued.key.id
    assert await last_use(house, shop, issued.key.id) == [None]
    door.last_use = working
    await house.authenticator.authenticate(issued.secret)
    await working.stop()
    assert await last_use(house, shop, issued.key.id) == [NOW]
