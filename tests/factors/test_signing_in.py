"""Signing in with a second factor: what is asked, what is taken, once, and what guessing leads to."""

import asyncio

import pytest
from sqlmodel import select

from app.core.errors import RateLimited
from app.identity import challenges, own_factors, service
from app.identity.accounts.models import AccountMessage, MessageKind
from app.identity.errors import InvalidCredentials, LoginRevoked
from app.identity.factors.errors import LoginChallengeEnded, MethodUnavailable, ProofRefused
from app.identity.factors.models import FactorKind, RecoveryCode, SecondFactor
from app.identity.logins import Verified, refresh, verify
from app.identity.models import Login, Role
from app.identity.proofs import UNKNOWN, Method, Source
from app.tenants import service as tenants
from tests.factors.app_on_a_phone import acting, challenged, code_at, enrolled, sent_codes, with_app
from tests.identity.house import Business, House, as_super_admin, hashed


async def answer(house: House, token: str, code: str, method: Method = Method.TOTP) -> Verified:
    parts = house.authenticator
    return await verify(house.dbs, parts.tokens, parts.factors, token, method, code, Source("192.0.2.7", "Browser"))


async def ask_for_second_factor(house: House, shop: Business, *roles: Role, codes: bool = True) -> None:
    async with house.acting(shop.admin) as tx:
        settings = {"second_factor_roles": [role.value for role in roles], "second_factor_codes": codes}
        await tenants.update(tx, shop.id, {"settings": settings})


async def logins(house: House, shop: Business) -> list[Login]:
    async with house.dbs.app.read(shop.id) as tx:
        found = await tx.exec(select(Login).where(Login.tenant_id == shop.id).order_by(Login.created_at))  # type: ignore[arg-type]
        return list(found)


async def test_a_password_alone_opens_nothing_any_more(house: House) -> None:
    shop = await house.business()
    _, secret, _ = await with_app(house, shop)
    asked = await challenged(house, shop)
    assert (asked.methods, asked.must_enroll, asked.expires_in_seconds) == (
        [Method.TOTP, Method.RECOVERY_CODE],
        False,
        600,
    )
    assert len(await logins(house, shop)) == 1
    verified = await answer(house, asked.challenge_token, code_at(secret, house.clock.now()))
    assert verified.recovery_codes == []
    who = await acting(house, verified.granted)
    opened = next(login for login in await logins(house, shop) if login.id == who.login_id)
    assert (opened.methods, opened.address, opened.agent) == (["PASSWORD", "TOTP"], "192.0.2.7", "Browser")
    assert await house.events(shop.id, opened.id) == [(1, "LOGIN_OPENED")]


async def test_a_code_is_taken_once_and_those_before_it_are_not_taken_any_more(house: House) -> None:
    shop = await house.business()
    _, secret, _ = await with_app(house, shop)
    now = house.clock.now()
    # A telephone whose clock is fast shows the next code already.
    next_code, this_code = code_at(secret, now, 1), code_at(secret, now)
    await answer(house, (await challenged(house, shop)).challenge_token, next_code)
    for used in (next_code, this_code):
        with pytest.raises(ProofRefused):
            await answer(house, (await challenged(house, shop)).challenge_token, used)


async def test_the_code_that_has_switched_it_on_is_used_up(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    code = code_at(await enrolled(house, who), house.clock.now())
    await own_factors.confirm(house.dbs, house.authenticator.factors, who, FactorKind.TOTP, code)
    with pytest.raises(ProofRefused):
        await answer(house, (await challenged(house, shop)).challenge_token, code)


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_one_step(house: House, steps: int, is_taken: bool) -> None:
    shop = await house.business()
    _, secret, _ = await with_app(house, shop)
    house.clock.advance(minutes=5)
    asked = await challenged(house, shop)
    code = code_at(secret, house.clock.now(), steps)
    if is_taken:
        assert await answer(house, asked.challenge_token, f" {code[:3]} {code[3:]} ")
    else:
        with pytest.raises(ProofRefused):
            await answer(house, asked.challenge_token, code)


async def test_many_who_bring_one_code_at_once_open_one_sign_in(house: House) -> None:
    shop = await house.business()
    _, secret, _ = await with_app(house, shop)
    tokens = [(await challenged(house, shop)).challenge_token for _ in range(8)]
    code = code_at(secret, house.clock.now())
    answers = await asyncio.gather(*[answer(house, token, code) for token in tokens], return_exceptions=True)
    assert sorted(type(each).__name__ for each in answers) == ["ProofRefused"] * 7 + ["Verified"]
    assert len(await logins(house, shop)) == 2


async def test_many_who_bring_one_challenge_at_once_open_one_sign_in(house: House) -> None:
    shop = await house.business()
    _, secret, codes = await with_app(house, shop)
    token = (await challenged(house, shop)).challenge_token
    given = [(code_at(secret, house.clock.now()), Method.TOTP), *((code, Method.RECOVERY_CODE) for code in codes[:5])]
    answers = await asyncio.gather(
        *[answer(house, token, code, method) for code, method in given], return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in answers) == ["LoginChallengeEnded"] * 5 + ["Verified"]
    # Whoever came too late has used nothing up.
    async with house.dbs.app.read(shop.id) as tx:
        used = [row for row in await tx.exec(select(RecoveryCode)) if row.used_at is not None]
    assert len(used) <= 1


async def test_five_wrong_codes_end_the_challenge_and_at_once_as_well(house: House) -> None:
    shop = await house.business()
    _, secret, _ = await with_app(house, shop)
    token = (await challenged(house, shop)).challenge_token
    for left in (4, 3, 2, 1):
        with pytest.raises(ProofRefused) as refusal:
            await answer(house, token, "000000" if code_at(secret, house.clock.now()) != "000000" else "000001")
        assert refusal.value.tries_left == left
    for _ in range(2):
        with pytest.raises(LoginChallengeEnded):
            await answer(house, token, "nonsense")
    with pytest.raises(LoginChallengeEnded):
        await answer(house, token, code_at(secret, house.clock.now()))
    token = (await challenged(house, shop)).challenge_token
    answers = await asyncio.gather(*[answer(house, token, "nonsense") for _ in range(9)], return_exceptions=True)
    assert sorted(type(each).__name__ for each in answers) == ["LoginChallengeEnded"] * 5 + ["ProofRefused"] * 4


async def test_who_knows_the_password_does_not_get_through_the_codes(house: House) -> None:
    shop = await house.business()
    _, secret, codes = await with_app(house, shop)
    for _ in range(challenges.MOST_TRIES_AN_HOUR // challenges.MOST_TRIES):
        token = (await challenged(house, shop)).challenge_token
        for _ in range(challenges.MOST_TRIES):
            with pytest.raises((ProofRefused, LoginChallengeEnded)):
                await answer(house, token, "nonsense")
    token = (await challenged(house, shop)).challenge_token
    with pytest.raises(RateLimited) as refusal:
        await answer(house, token, code_at(secret, house.clock.now()))
    assert refusal.value.retry_after_seconds == 3600
    # The owner is not locked out meanwhile.
    assert await answer(house, token, codes[0], Method.RECOVERY_CODE)
    house.clock.advance(hours=1)
    token = (await challenged(house, shop)).challenge_token
    assert await answer(house, token, code_at(secret, house.clock.now()))


async def test_a_recovery_code_works_once_in_any_writing(house: House) -> None:
    shop = await house.business()
    _, _, codes = await with_app(house, shop)
    assert len(set(codes)) == 10
    written = f" {codes[0].lower().replace('-', ' ').replace('0', 'o').replace('1', 'i')} "
    verified = await answer(house, (await challenged(house, shop)).challenge_token, written, Method.RECOVERY_CODE)
    who = await acting(house, verified.granted)
    with pytest.raises(ProofRefused):
        await answer(house, (await challenged(house, shop)).challenge_token, codes[0], Method.RECOVERY_CODE)
    assert (await house.events(shop.id, shop.admin.id))[-1][1] == "USER_RECOVERY_CODE_USED"
    async with house.dbs.app.read(shop.id) as tx:
        rows = (await tx.exec(select(RecoveryCode))).all()
        told = (await tx.exec(select(AccountMessage.kind).where(AccountMessage.tenant_id == shop.id))).all()
    assert sum(row.used_at is None for row in rows) == 9
    assert told == [MessageKind.SECOND_FACTOR_CHANGED] * 2, "switched on, and a recovery code was used"
    assert not {code.replace("-", "") for code in codes} & {row.code_hash for row in rows}
    assert who.id == shop.admin.id


async def test_another_users_codes_open_nothing(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    _, secret, codes = await with_app(house, shop)
    await with_app(house, shop, staff)
    token = (await challenged(house, shop, staff)).challenge_token
    for code, method in [(code_at(secret, house.clock.now()), Method.TOTP), (codes[0], Method.RECOVERY_CODE)]:
        with pytest.raises(ProofRefused):
            await answer(house, token, code, method)


@pytest.mark.parametrize("method", [Method.PASSWORD, Method.PROVIDER, Method.MAIL, Method.EMAIL_CODE, Method.SMS_CODE])
async def test_what_somebody_does_not_have_does_not_help(house: House, method: Method) -> None:
    shop = await house.business()
    await with_app(house, shop)
    with pytest.raises(MethodUnavailable) as refusal:
        await answer(house, (await challenged(house, shop)).challenge_token, "123456", method)
    assert refusal.value.methods == [Method.TOTP, Method.RECOVERY_CODE]


@pytest.mark.parametrize("closed", ["late", "user", "tenant", "password", "used"])
async def test_a_challenge_is_nothing_once_something_is_closed(house: House, closed: str) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    _, secret, codes = await with_app(house, shop, staff)
    token = (await challenged(house, shop, staff)).challenge_token
    async with house.dbs.system.write(shop.id, as_super_admin()) as tx:
        match closed:
            case "user":
                await service.deactivate(tx, staff.id)
            case "tenant":
                await tenants.suspend(tx, shop.id)
            case "password":
                await service.update(tx, staff.id, {"password": await hashed("another long secret")})
    if closed == "late":
        house.clock.advance(minutes=10)
    if closed == "used":
        await answer(house, token, codes[0], Method.RECOVERY_CODE)
    with pytest.raises(LoginChallengeEnded):
        await answer(house, token, code_at(secret, house.clock.now()))
    with pytest.raises(LoginChallengeEnded):
        await challenges.send_code(house.dbs, house.authenticator.factors, token, FactorKind.EMAIL_CODE)


async def test_made_up_and_moved_challenges(house: House) -> None:
    from base64 import urlsafe_b64decode, urlsafe_b64encode

    shop, other = await house.business(), await house.business()
    await with_app(house, shop)
    token = (await challenged(house, shop)).challenge_token
    moved = "vql_" + urlsafe_b64encode(other.id.bytes + urlsafe_b64decode(token.removeprefix("vql_"))[16:]).decode()
    refresh_token = (await house.signed_in(other)).refresh_token
    for made_up in (moved, "", "vql_", "vql_ü", "x" * 5000, refresh_token, token.replace("vql_", "vqr_")):
        with pytest.raises(LoginChallengeEnded):
            await answer(house, made_up, "123456")


async def test_a_code_by_mail_is_a_second_factor_too(house: House) -> None:
    shop = await house.business()
    who, _, _ = await with_app(house, shop)
    factors = house.authenticator.factors
    await enroll_mail(house, who)
    asked = await challenged(house, shop)
    assert asked.methods == [Method.TOTP, Method.EMAIL_CODE, Method.RECOVERY_CODE]
    house.clock.advance(seconds=1)
    sent_to = await challenges.send_code(house.dbs, factors, asked.challenge_token, FactorKind.EMAIL_CODE)
    assert sent_to == f"a…@{shop.admin.email.partition('@')[2]}"
    other = await challenged(house, shop)
    code = (await sent_codes(house, shop.id))[-1]
    # It was sent for one sign-in and opens no other.
    with pytest.raises(ProofRefused):
        await answer(house, other.challenge_token, code, Method.EMAIL_CODE)
    # Nor is a code of another kind.
    with pytest.raises(ProofRefused):
        await answer(house, asked.challenge_token, code, Method.TOTP)
    assert await answer(house, asked.challenge_token, code, Method.EMAIL_CODE)
    with pytest.raises(MethodUnavailable):
        await challenges.send_code(house.dbs, factors, other.challenge_token, FactorKind.SMS_CODE)


async def test_an_address_somebody_else_has_changed_gets_no_codes(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    who, _, _ = await with_app(house, shop, staff)
    await enroll_mail(house, who)
    async with house.acting(shop.admin) as tx:
        changed = await service.update(tx, staff.id, {"email": f"other-{staff.email}"})
    asked = await challenged(house, shop, changed)
    assert asked.methods == [Method.TOTP, Method.RECOVERY_CODE]


async def enroll_mail(house: House, who: object) -> None:
    from app.core.actor import Actor
    from app.identity import own_factors

    assert isinstance(who, Actor)
    assert who.tenant_id is not None
    factors = house.authenticator.factors
    await own_factors.enroll(house.dbs, factors, who, FactorKind.EMAIL_CODE)
    code = (await sent_codes(house, who.tenant_id))[-1]
    assert (await own_factors.confirm(house.dbs, factors, who, FactorKind.EMAIL_CODE, code))[1] == []


async def test_who_has_to_have_one_sets_it_up_while_signing_in(house: House) -> None:
    shop = await house.business()
    manager = await house.user(shop, Role.MANAGER)
    await ask_for_second_factor(house, shop, Role.MANAGER)
    assert await house.signed_in(shop)
    asked = await challenged(house, shop, manager)
    assert (asked.methods, asked.must_enroll) == ([], True)
    parts = house.authenticator
    with pytest.raises(MethodUnavailable):
        await answer(house, asked.challenge_token, "123456")
    enrolment = await challenges.enroll_for(house.dbs, parts.factors, asked.challenge_token, FactorKind.TOTP)
    assert enrolment.secret is not None
    with pytest.raises(ProofRefused):
        await answer(house, asked.challenge_token, "nonsense")
    verified = await answer(house, asked.challenge_token, code_at(enrolment.secret, house.clock.now()))
    assert len(verified.recovery_codes) == 10
    # From now on it is asked for, and nobody enrolls another one with the password alone.
    again = await challenged(house, shop, manager)
    assert (again.methods, again.must_enroll) == ([Method.TOTP, Method.RECOVERY_CODE], False)
    with pytest.raises(MethodUnavailable):
        await challenges.enroll_for(house.dbs, parts.factors, again.challenge_token, FactorKind.TOTP)
    assert await refresh(house.dbs, parts.tokens, verified.granted.refresh_token)


async def test_running_sign_ins_follow_the_policy_when_they_are_refreshed(house: House) -> None:
    shop = await house.business()
    staff = await house.user(shop)
    admin, running = await house.signed_in(shop), await house.signed_in(shop, staff)
    await ask_for_second_factor(house, shop, Role.STAFF)
    tokens = house.authenticator.tokens
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, tokens, running.refresh_token)
    assert await refresh(house.dbs, tokens, admin.refresh_token)
    revoked = [login.revoke_reason for login in await logins(house, shop) if login.revoked_at is not None]
    assert revoked == ["second factor required"]


async def test_where_only_apps_count_what_was_confirmed_before_still_opens(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    factors = house.authenticator.factors
    from app.identity import own_factors

    await own_factors.enroll(house.dbs, factors, who, FactorKind.EMAIL_CODE)
    code = (await sent_codes(house, shop.id))[-1]
    await own_factors.confirm(house.dbs, factors, who, FactorKind.EMAIL_CODE, code)
    await ask_for_second_factor(house, shop, Role.ADMIN, codes=False)
    assert (await challenged(house, shop)).methods == [Method.EMAIL_CODE, Method.RECOVERY_CODE]


async def test_a_refused_password_says_nothing_of_second_factors(house: House) -> None:
    from app.identity.logins import sign_in
    from app.identity.proofs import Credentials

    shop = await house.business()
    await with_app(house, shop)
    with pytest.raises(InvalidCredentials):
        await sign_in(
            house.dbs, house.authenticator.tokens, Credentials(shop.tenant.slug, shop.admin.email, "wrong"), UNKNOWN
        )


async def test_the_secret_of_an_app_lies_nowhere_as_text(house: House) -> None:
    shop = await house.business()
    _, secret, codes = await with_app(house, shop)
    async with house.dbs.app.read(shop.id) as tx:
        (row,) = (await tx.exec(select(SecondFactor))).all()
    assert row.secret_sealed is not None
    assert secret.encode() not in row.secret_sealed
    log = await house.log_text(shop.id)
    assert not [text for text in (secret, *codes) if text in log or text.replace("-", "") in log]
