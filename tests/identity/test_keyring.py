"""The key ring: made once, rotated without a failed request, unreadable without the secret."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, delete, select

from app.core.actor import ActorKind
from app.core.db import Databases
from app.identity.authentication import Authenticator
from app.identity.errors import TokenInvalid
from app.identity.keyring import KeyRing, ensure_keys, rotate, rotate_keys
from app.identity.models import KeyPurpose, KeyStatus, SigningKey
from app.settings import SettingsError
from tests.identity.house import House

ACCESS, ADMISSION = KeyPurpose.ACCESS, KeyPurpose.ADMISSION


async def key_rows(dbs: Databases) -> list[SigningKey]:
    async with dbs.system.read(None) as tx:
        return list((await tx.exec(select(SigningKey).order_by(col(SigningKey.created_at)))).all())


async def statuses(dbs: Databases, purpose: KeyPurpose = ACCESS) -> list[KeyStatus]:
    return sorted(row.status for row in await key_rows(dbs) if row.purpose is purpose)


async def by_status(dbs: Databases, purpose: KeyPurpose = ACCESS) -> dict[KeyStatus, SigningKey]:
    return {row.status: row for row in await key_rows(dbs) if row.purpose is purpose}


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
        await KeyRing(house.dbs.app, house.settings.secret).signer(ACCESS)


@pytest.mark.usefixtures("no_keys")
async def test_many_first_starts_at_once_make_one_ring(house: House) -> None:
    await asyncio.gather(*[ensure_keys(house.dbs.system, house.settings) for _ in range(5)])
    for purpose in KeyPurpose:
        assert await statuses(house.dbs, purpose) == [KeyStatus.ACTIVE, KeyStatus.NEXT]
    before = {row.kid for row in await key_rows(house.dbs)}
    await ensure_keys(house.dbs.system, house.settings)
    assert {row.kid for row in await key_rows(house.dbs)} == before


@pytest.mark.usefixtures("no_keys")
async def test_a_rotation_signs_with_the_key_that_was_published_before(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings)
    before, others = await by_status(house.dbs), await by_status(house.dbs, ADMISSION)
    signing = await rotate_keys(house.settings, [ACCESS])
    assert {purpose: key.kid for purpose, key in signing.items()} == {ACCESS: before[KeyStatus.NEXT].kid}
    after = await by_status(house.dbs)
    assert after[KeyStatus.ACTIVE].kid == before[KeyStatus.NEXT].kid
    assert after[KeyStatus.RETIRED].kid == before[KeyStatus.ACTIVE].kid
    assert after[KeyStatus.NEXT].kid not in {row.kid for row in before.values()}
    assert await by_status(house.dbs, ADMISSION) == others, "each purpose is rotated by itself"


@pytest.mark.usefixtures("no_keys")
async def test_another_algorithm_signs_when_its_key_has_been_published(house: House) -> None:
    """A site that keeps our JWKS never meets a key it could not have seen."""
    await ensure_keys(house.dbs.system, house.settings)
    settings = house.settings.model_copy(update={"admission_token_algorithm": "Ed25519"})
    before = await by_status(house.dbs, ADMISSION)
    await asyncio.gather(*[ensure_keys(house.dbs.system, settings) for _ in range(3)])
    after = await by_status(house.dbs, ADMISSION)
    assert after[KeyStatus.ACTIVE].kid == before[KeyStatus.ACTIVE].kid
    assert (after[KeyStatus.ACTIVE].algorithm, after[KeyStatus.NEXT].algorithm) == ("RS256", "Ed25519")
    assert after[KeyStatus.RETIRED].kid == before[KeyStatus.NEXT].kid, "what was published is not taken away"
    signing = await rotate(house.dbs.system, settings, ADMISSION)
    assert (signing.kid, signing.algorithm) == (after[KeyStatus.NEXT].kid, "Ed25519")
    ring = KeyRing(house.dbs.app, settings.secret)
    assert (await ring.signer(ADMISSION)).algorithm == "Ed25519"
    assert (await ring.signer(ACCESS)).algorithm == "RS256"


@pytest.mark.usefixtures("no_keys")
async def test_a_rotation_with_another_algorithm_first_uses_the_key_that_was_published(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings)
    settings = house.settings.model_copy(update={"access_token_algorithm": "Ed25519"})
    assert [(await rotate(house.dbs.system, settings, ACCESS)).algorithm for _ in range(2)] == ["RS256", "Ed25519"]


async def test_a_key_of_one_purpose_is_none_of_the_other(house: House) -> None:
    ring = KeyRing(house.dbs.app, house.settings.secret)
    for purpose, other in ((ACCESS, ADMISSION), (ADMISSION, ACCESS)):
        key = await ring.signer(purpose)
        found = await ring.verifier(purpose, key.kid)
        assert found is not None
        assert found.key.thumbprint() == key.key.thumbprint() == key.kid
        assert await ring.verifier(other, key.kid) is None


@pytest.mark.usefixtures("no_keys")
async def test_one_set_publishes_all_keys_without_their_private_halves(house: House) -> None:
    settings = house.settings.model_copy(update={"admission_token_algorithm": "Ed25519"})
    await ensure_keys(house.dbs.system, settings)
    await rotate(house.dbs.system, settings, ADMISSION)
    published = (await KeyRing(house.dbs.app, settings.secret).jwks())["keys"]
    assert {key["kid"] for key in published} == {row.kid for row in await key_rows(house.dbs)}
    assert len(published) == 5
    members = {"RSA": {"kty", "n", "e", "use", "alg", "kid"}, "OKP": {"kty", "crv", "x", "use", "alg", "kid"}}
    assert all(set(key) == members[key["kty"]] for key in published)
    assert sorted(key["alg"] for key in published) == ["Ed25519"] * 3 + ["RS256"] * 2


@pytest.mark.usefixtures("no_keys")
async def test_two_rotations_at_once_go_one_after_the_other(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings)
    signing = await asyncio.gather(*[rotate(house.dbs.system, house.settings, ACCESS) for _ in range(3)])
    assert len({key.kid for key in signing}) == 3
    assert await statuses(house.dbs) == [KeyStatus.ACTIVE, KeyStatus.NEXT] + [KeyStatus.RETIRED] * 3


@pytest.mark.usefixtures("no_keys")
@pytest.mark.parametrize(("purpose", "kept"), [(ACCESS, timedelta(days=2)), (ADMISSION, timedelta(days=9))])
async def test_retired_keys_go_when_nothing_they_signed_is_good(
    house: House, purpose: KeyPurpose, kept: timedelta
) -> None:
    """The longest life of an admission token is 7 days, whatever this installation has set: it may have set another."""
    await ensure_keys(house.dbs.system, house.settings)
    await rotate(house.dbs.system, house.settings, purpose)
    house.clock.advance(seconds=kept.total_seconds())
    await rotate(house.dbs.system, house.settings, purpose)
    assert await statuses(house.dbs, purpose) == [KeyStatus.ACTIVE, KeyStatus.NEXT] + [KeyStatus.RETIRED] * 2
    house.clock.advance(seconds=1)
    await rotate(house.dbs.system, house.settings, purpose)
    assert await statuses(house.dbs, purpose) == [KeyStatus.ACTIVE, KeyStatus.NEXT] + [KeyStatus.RETIRED] * 2


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
            signer.keys._loaded_at -= 1_000
            assert (await verifier.authenticate(token)).kind is ActorKind.USER
            assert (await verifier.authenticate(granted.access_token)).kind is ActorKind.USER
            checked += 1

    async def rotate_often() -> None:
        try:
            for _ in range(3):
                await rotate(house.dbs.system, house.settings, ACCESS)
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
    found = await asyncio.gather(*[ring.verifier(ACCESS, f"{number:043d}") for number in range(500)])
    assert found == [None] * 500
    assert looks == 2


async def test_the_private_half_is_sealed(house: House) -> None:
    for row in await key_rows(house.dbs):
        assert b"PRIVATE" not in row.private_sealed
        assert "d" not in row.public_jwk


@pytest.mark.usefixtures("no_keys")
async def test_a_new_secret_makes_new_keys_and_what_was_signed_stays_readable(house: House) -> None:
    await ensure_keys(house.dbs.system, house.settings)
    shop = await house.business()
    granted = await house.signed_in(shop)
    other = house.settings.model_copy(update={"secret_key": "another-secret-" * 4})
    stranger = Authenticator(other, house.dbs)
    with pytest.raises(SettingsError, match="VQ_SECRET_KEY"):
        await stranger.keys.signer(ACCESS)
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
        await rotate(house.dbs.app, house.settings, ACCESS)
    with pytest.raises(TokenInvalid):
        await house.authenticator.authenticate("e30.e30.AA")
