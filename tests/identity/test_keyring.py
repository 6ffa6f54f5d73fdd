"""The key ring: made once, rotated without a failed request, unreadable without the secret."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import col, delete, select

from app.core.actor import ActorKind
from app.core.db import Databases
from app.identity.authentication import Authenticator
from app.identity.errors import TokenInvalid
from app.identity.keyring import KeyRing, ensure_keys, rotate, rotate_keys
from app.identity.models import KeyStatus, SigningKey
from app.settings import SettingsError
from tests.identity.house import House


async def key_rows(dbs: Databases) -> list[SigningKey]:
    async with dbs.system.read(None) as tx:
        return list((await tx.exec(select(SigningKey).order_by(col(SigningKey.created_at)))).all())


async def statuses(dbs: Databases) -> list[KeyStatus]:
    return sorted(row.status for row in await key_rows(dbs))


@pytest.fixture
async def no_keys(house: House) -> AsyncIterator[None]:
    """An installation before its first start. Others in the run sign with the keys there were: they are put back."""
    before = [row.model_dump() for row in await key_rows(house.dbs)]
    await replace_keys(house, [])
    yield
    await replace_keys(house, before)


async def replace_keys(house: House, rows: list[dict[str, Any]]) -> None:
    async with house.dbs.system.write(None) as tx:
        await tx.exec(delete(SigningKey))
        tx.add_all(SigningKey(**row) for row in rows)


@pytest.mark.usefixtures("no_keys")
async def test_without_keys_nobody_signs_in_and_the_remedy_is_named(house: House) -> None:
    with pytest.raises(SettingsError, match="vq seed"):
        await KeyRing(house.dbs.app, house.settings.secret).signer()


@pytest.mark.usefixtures("no_keys")
async def test_many_first_starts_at_once_make_one_ring(house: House) -> None:
    await asyncio.gather(*[ensure_keys(house.dbs.system, house.settings.secret) for _ in range(5)])
    assert await statuses(house.dbs) == [KeyStatus.ACTIVE, KeyStatus.NEXT]
    before = {row.kid for row in await key_rows(house.dbs)}
    await ensure_keys(house.dbs.system, house.settings.secret)
    assert {row.kid for row in await key_rows(house.dbs)} == before


@pytest.mark.usefixtures("no_keys")
async def test_a_rotation_signs_with_the_key_that_was_published_before(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings.secret)
    before = {row.status: row.kid for row in await key_rows(house.dbs)}
    assert await rotate_keys(house.settings) == before[KeyStatus.NEXT]
    after = {row.status: row.kid for row in await key_rows(house.dbs)}
    assert after[KeyStatus.ACTIVE] == before[KeyStatus.NEXT]
    assert after[KeyStatus.RETIRED] == before[KeyStatus.ACTIVE]
    assert after[KeyStatus.NEXT] not in before.values()


@pytest.mark.usefixtures("no_keys")
async def test_two_rotations_at_once_go_one_after_the_other(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings.secret)
    signing = await asyncio.gather(*[rotate(house.dbs.system, house.settings.secret) for _ in range(3)])
    assert len(set(signing)) == 3
    assert await statuses(house.dbs) == [KeyStatus.ACTIVE, KeyStatus.NEXT] + [KeyStatus.RETIRED] * 3


@pytest.mark.usefixtures("no_keys")
async def test_retired_keys_go_when_nothing_they_signed_is_good(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings.secret)
    await rotate(house.dbs.system, house.settings.secret)
    house.clock.advance(days=2, seconds=1)
    await rotate(house.dbs.system, house.settings.secret)
    assert await statuses(house.dbs) == [KeyStatus.ACTIVE, KeyStatus.NEXT, KeyStatus.RETIRED]


async def test_rotation_under_verification_fails_no_request(house: House) -> None:
    """Two processes sign and verify each other's tokens while the keys are rotated beneath them."""
    shop = await house.business()
    processes = [Authenticator(house.settings, house.dbs) for _ in range(2)]
    granted = await house.signed_in(shop)
    actor = await house.authenticator.authenticate(granted.access_token)
    assert actor.login_id is not None
    done = asyncio.Event()
    checked = 0

    async def sign_and_verify(signer: Authenticator, verifier: Authenticator) -> None:
        nonlocal checked
        while not done.is_set():
            token = await signer.tokens.access_token(shop.admin, actor.login_id)  # type: ignore[arg-type]
            # Straight after: the ring of a process that signs is as old as it may be.
            signer._keys._loaded_at -= 1_000
            assert (await verifier.authenticate(token)).kind is ActorKind.USER
            assert (await verifier.authenticate(granted.access_token)).kind is ActorKind.USER
            checked += 1

    async def rotate_often() -> None:
        try:
            for _ in range(3):
                await rotate(house.dbs.system, house.settings.secret)
        finally:
            done.set()

    async with asyncio.TaskGroup() as group:
        for signer in processes:
            for verifier in processes:
                group.create_task(sign_and_verify(signer, verifier))
        group.create_task(rotate_often())
    assert checked >= 4


async def test_made_up_key_ids_cost_few_looks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.identity import repository

    looks = 0
    look = repository.signing_keys

    async def counted(tx: object) -> object:
        nonlocal looks
        looks += 1
        return await look(tx)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "signing_keys", counted)
    ring = KeyRing(house.dbs.app, house.settings.secret)
    found = await asyncio.gather(*[ring.verifier(f"{number:043d}") for number in range(500)])
    assert found == [None] * 500
    assert looks == 2


async def test_the_private_half_is_sealed(house: House) -> None:
    for row in await key_rows(house.dbs):
        assert b"PRIVATE" not in row.private_sealed
        assert "d" not in row.public_jwk


@pytest.mark.usefixtures("no_keys")
async def test_a_new_secret_makes_new_keys_and_what_was_signed_stays_readable(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings.secret)
    shop = await house.business()
    granted = await house.signed_in(shop)
    other = house.settings.model_copy(update={"secret_key": "another-secret-" * 4})
    stranger = Authenticator(other, house.dbs)
    with pytest.raises(SettingsError, match="VQ_SECRET_KEY"):
        await stranger._keys.signer()
    await stranger.start()
    assert await statuses(house.dbs) == [KeyStatus.ACTIVE, KeyStatus.NEXT] + [KeyStatus.RETIRED] * 2
    assert (await Authenticator(other, house.dbs).authenticate(granted.access_token)).id == shop.admin.id


async def test_a_key_moved_to_another_row_does_not_open(house: House) -> None:
    first, second = (await key_rows(house.dbs))[:2]
    first.private_sealed = second.private_sealed
    from app.identity.keyring import _open

    assert _open(house.settings.secret, second) is not None
    assert _open(house.settings.secret, first) is None


async def test_the_app_role_cannot_write_keys(house: House) -> None:
    with pytest.raises(Exception, match="permission denied"):
        await rotate(house.dbs.app, house.settings.secret)
    with pytest.raises(TokenInvalid):
        await house.authenticator.authenticate("e30.e30.AA")
