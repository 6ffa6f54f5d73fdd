"""Signing in, refreshing, signing out: what is granted, what is refused, and what two at once may do."""

import asyncio

import pytest
from sqlmodel import select

from app.core.errors import InvalidInput
from app.identity import service
from app.identity.errors import InvalidCredentials, InvalidRefreshToken, LoginRevoked, TokenRevoked
from app.identity.logins import LOGIN_LIFETIME, begin, refresh, sign_in, sign_out
from app.identity.models import Login, RefreshToken, User
from app.identity.proofs import Credentials, Source, by_password
from app.tenants import service as tenant_service
from app.tenants.errors import TenantClosed
from tests.identity.house import NOW, PASSWORD, House, as_super_admin, hashed


async def test_signing_in_grants_a_pair_of_tokens_and_notes_when(house: House) -> None:
    shop = await house.business()
    granted = await sign_in(
        house.dbs,
        house.authenticator.tokens,
        Credentials(shop.tenant.slug, f" {shop.admin.email.upper()} ", PASSWORD),
        Source("192.0.2.1", "Browser " * 100),
    )
    assert granted.expires_in_seconds == house.settings.access_token_seconds
    assert (granted.user.id, granted.user.last_login_at) == (shop.admin.id, NOW)
    actor = await house.authenticator.authenticate(granted.access_token)
    assert (actor.tenant_id, actor.id) == (shop.id, shop.admin.id)
    async with house.dbs.app.read(shop.id) as tx:
        (login,) = (await tx.exec(select(Login).where(Login.tenant_id == shop.id))).all()
        (token,) = (await tx.exec(select(RefreshToken).where(RefreshToken.tenant_id == shop.id))).all()
    assert (login.id, login.address, len(login.agent or "")) == (actor.login_id, "192.0.2.1", 200)
    assert granted.refresh_token not in (token.token_hash, str(token.model_dump()))
    # A sign-in is no change of the user: caches and sockets need not hear of it.
    assert await house.events(shop.id, shop.admin.id) == [(1, "USER_CREATED")]


@pytest.mark.parametrize(
    ("slug", "email", "password"),
    [
        ("no-such-business", None, PASSWORD),
        ("NOT A SLUG\x00", None, PASSWORD),
        (None, "nobody@shop.example", PASSWORD),
        (None, "not an address\x00", PASSWORD),
        (None, None, "wrong password"),
        (None, None, ""),
        (None, None, "x" * 10_000),
        (None, None, "half a pair \ud800"),
    ],
)
async def test_whatever_is_wrong_the_refusal_is_the_same(
    house: House, slug: str | None, email: str | None, password: str
) -> None:
    shop = await house.business()
    given = Credentials(slug or shop.tenant.slug, email or shop.admin.email, password)
    with pytest.raises(InvalidCredentials) as refusal:
        await sign_in(house.dbs, house.authenticator.tokens, given, Source())
    assert refusal.value.message == InvalidCredentials().message


async def test_inactive_users_and_suspended_tenants_are_refused_alike(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    async with house.acting(shop.admin) as tx:
        await service.deactivate(tx, staff.id)
    with pytest.raises(InvalidCredentials):
        await house.signed_in(shop, staff)
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        await tenant_service.suspend(tx, shop.id)
    with pytest.raises(InvalidCredentials):
        await house.signed_in(shop)
    async with house.dbs.app.read(shop.id) as tx:
        assert (await tx.exec(select(Login).where(Login.tenant_id == shop.id))).all() == []


async def test_an_unknown_account_costs_a_password_check_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.identity import passwords

    checked: list[str] = []
    check = passwords._verify

    def counted(password: str, stored: passwords.HashedPassword) -> tuple[bool, passwords.HashedPassword | None]:
        checked.append(stored)
        return check(password, stored)

    monkeypatch.setattr(passwords, "_verify", counted)
    shop = await house.business()
    for slug, email in [("no-such", shop.admin.email), (shop.tenant.slug, "no@shop.example")]:
        with pytest.raises(InvalidCredentials):
            await sign_in(house.dbs, house.authenticator.tokens, Credentials(slug, email, PASSWORD), Source())
    assert checked == [passwords.NOBODYS_HASH] * 2


async def test_refreshing_rotates(house: House) -> None:
    shop = await house.business()
    first = await house.signed_in(shop)
    house.clock.advance(minutes=15)
    second = await refresh(house.dbs, house.authenticator.tokens, first.refresh_token)
    house.clock.advance(minutes=15)
    third = await refresh(house.dbs, house.authenticator.tokens, second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    one, two = [await house.authenticator.authenticate(third.access_token) for _ in range(2)]
    assert one == two
    assert one.login_id is not None


async def test_an_old_token_used_again_ends_the_whole_sign_in(house: House) -> None:
    shop = await house.business()
    other = await house.signed_in(shop)
    stolen = await house.signed_in(shop)
    house.clock.advance(minutes=15)
    newest = await refresh(house.dbs, house.authenticator.tokens, stolen.refresh_token)
    house.clock.advance(seconds=31)
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, house.authenticator.tokens, stolen.refresh_token)
    # Committed, although the caller was refused: neither the thief nor the owner goes on.
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, house.authenticator.tokens, newest.refresh_token)
    house.authenticator.forget(shop.id)
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(newest.access_token)
    assert (await house.events(shop.id, shop.admin.id))[-1] == (2, "USER_LOGIN_REVOKED")
    # The user's other sign-in is another family.
    assert await refresh(house.dbs, house.authenticator.tokens, other.refresh_token)


async def test_a_lost_answer_may_be_asked_for_again(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    lost = await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    house.clock.advance(seconds=30)
    again = await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    assert again.refresh_token != lost.refresh_token
    # Of the two answers one is used; the other one was lost, and whoever has it later found it.
    await refresh(house.dbs, house.authenticator.tokens, again.refresh_token)
    house.clock.advance(seconds=31)
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, house.authenticator.tokens, lost.refresh_token)


async def test_a_token_two_steps_old_is_no_retry(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    second = await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    await refresh(house.dbs, house.authenticator.tokens, second.refresh_token)
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)


async def test_two_who_refresh_at_once_both_get_one(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    answers = await asyncio.gather(
        *[refresh(house.dbs, house.authenticator.tokens, granted.refresh_token) for _ in range(8)]
    )
    assert len({answer.refresh_token for answer in answers}) == 8
    async with house.dbs.app.read(shop.id) as tx:
        (login,) = (await tx.exec(select(Login).where(Login.tenant_id == shop.id))).all()
        tokens = (await tx.exec(select(RefreshToken).where(RefreshToken.tenant_id == shop.id))).all()
    assert (login.generation, login.revoked_at) == (2, None)
    assert sorted(token.generation for token in tokens) == [1] + [2] * 8


async def test_refresh_tokens_expire_and_a_sign_in_has_an_end(house: House) -> None:
    shop = await house.business()
    unused = await house.signed_in(shop)
    house.clock.advance(seconds=house.settings.refresh_token_seconds)
    with pytest.raises(InvalidRefreshToken):
        await refresh(house.dbs, house.authenticator.tokens, unused.refresh_token)
    granted = await house.signed_in(shop)
    end = house.clock.now() + LOGIN_LIFETIME
    while house.clock.advance(days=6) < end:
        granted = await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)


@pytest.mark.parametrize("text", ["vqr_", "vqr_AAAA", "vqr_" + "A" * 64, "A" * 64, "vqr_ü"])
async def test_made_up_refresh_tokens(house: House, text: str) -> None:
    with pytest.raises(InvalidRefreshToken):
        await refresh(house.dbs, house.authenticator.tokens, text)
    assert await sign_out(house.dbs, text) is None


@pytest.mark.parametrize("text", ["", "vqr_" + "A" * 5000])
async def test_what_cannot_be_a_refresh_token(house: House, text: str) -> None:
    with pytest.raises(InvalidRefreshToken):
        await refresh(house.dbs, house.authenticator.tokens, text)
    with pytest.raises(InvalidInput):
        await sign_out(house.dbs, text)


async def test_a_token_moved_to_another_tenant_is_unknown(house: House) -> None:
    from base64 import urlsafe_b64decode, urlsafe_b64encode

    shop, other = await house.business(), await house.business()
    granted = await house.signed_in(shop)
    raw = urlsafe_b64decode(granted.refresh_token.removeprefix("vqr_"))
    moved = "vqr_" + urlsafe_b64encode(other.id.bytes + raw[16:]).decode()
    with pytest.raises(InvalidRefreshToken):
        await refresh(house.dbs, house.authenticator.tokens, moved)
    assert await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)


async def test_signing_out_ends_it_everywhere_and_twice_is_fine(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    assert await sign_out(house.dbs, granted.refresh_token) == shop.id
    assert await sign_out(house.dbs, granted.refresh_token) == shop.id
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(granted.access_token)
    assert await house.events(shop.id, shop.admin.id) == [(1, "USER_CREATED"), (2, "USER_LOGIN_REVOKED")]


async def test_a_suspended_tenant_does_not_refresh_but_keeps_the_sign_in(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        await tenant_service.suspend(tx, shop.id)
    with pytest.raises(TenantClosed):
        await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        await tenant_service.reactivate(tx, shop.id)
    assert await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)


async def test_a_new_password_ends_every_sign_in(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    granted = await house.signed_in(shop, staff)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, staff.id, {"password": await hashed("another long secret")})
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, house.authenticator.tokens, granted.refresh_token)
    with pytest.raises(InvalidCredentials):
        await house.signed_in(shop, staff)


async def test_an_imported_bcrypt_hash_is_accepted_and_replaced(house: House) -> None:
    from pwdlib.hashers.bcrypt import BcryptHasher

    shop = await house.business()
    async with house.dbs.app.write(shop.id) as tx:
        user = await tx.get_one(User, (shop.id, shop.admin.id))
        user.password_hash = BcryptHasher(rounds=4).hash(PASSWORD)
    granted = await house.signed_in(shop)
    assert granted.user.password_hash.startswith("$argon2id$")
    assert await house.signed_in(shop)


async def test_many_sign_ins_at_once_replace_a_hash_and_none_is_refused(house: House) -> None:
    from pwdlib.hashers.bcrypt import BcryptHasher

    shop = await house.business()
    async with house.dbs.app.write(shop.id) as tx:
        user = await tx.get_one(User, (shop.id, shop.admin.id))
        user.password_hash = BcryptHasher(rounds=4).hash(PASSWORD)
    granted = await asyncio.gather(*[house.signed_in(shop) for _ in range(6)])
    assert len({each.access_token for each in granted}) == 6


@pytest.mark.parametrize("closed", ["user", "tenant", "password"])
async def test_a_proof_is_nothing_once_something_is_closed(house: House, closed: str) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    proven = await by_password(house.dbs, Credentials(shop.tenant.slug, staff.email, PASSWORD))
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        match closed:
            case "user":
                await service.deactivate(tx, staff.id)
            case "tenant":
                await tenant_service.suspend(tx, shop.id)
            case "password":
                await service.update(tx, staff.id, {"password": await hashed("another long secret")})
    with pytest.raises(InvalidCredentials):
        await begin(house.dbs, house.authenticator.tokens, proven, Source())
    async with house.dbs.app.read(shop.id) as tx:
        assert (await tx.exec(select(Login).where(Login.tenant_id == shop.id))).all() == []
