"""Having second factors: switching on, renewing, removing, losing them; and what each of that ends."""

import asyncio
from xml.etree import ElementTree as ET

import pytest
from sqlmodel import select

from app.core.actor import Actor
from app.core.errors import NotFound
from app.identity import own_factors, service
from app.identity.accounts.models import AccountMessage, MessageKind
from app.identity.errors import LoginRevoked, RoleNotGrantable, StepUpRequired
from app.identity.factors import rules
from app.identity.factors import service as factor_service
from app.identity.factors.errors import (
    MethodUnavailable,
    NoAddress,
    ProofRefused,
    SecondFactorExists,
    SecondFactorIndispensable,
    SecondFactorNotAllowed,
)
from app.identity.factors.models import FactorKind, RecoveryCode, SecondFactor
from app.identity.logins import refresh
from app.identity.models import Role, User
from app.identity.proofs import Method
from app.identity.step_up import ensure_fresh, send_code, step_up
from app.tenants import service as tenants
from tests.factors.app_on_a_phone import acting, challenged, code_at, enrolled, sent_codes, with_app
from tests.identity.house import Business, House


async def factors_of(house: House, shop: Business) -> list[SecondFactor]:
    async with house.dbs.app.read(shop.id) as tx:
        return list((await tx.exec(select(SecondFactor).where(SecondFactor.tenant_id == shop.id))).all())


async def test_enrolled_is_not_switched_on(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    first = await own_factors.enroll(house.dbs, house.authenticator.factors, who, FactorKind.TOTP)
    assert first.uri is not None
    assert first.secret is not None
    assert first.uri.startswith("otpauth://totp/Shop:")
    assert f"secret={first.secret}" in first.uri
    assert "issuer=Shop" in first.uri
    assert first.qr_code is not None
    assert first.qr_code.startswith("data:image/svg+xml")
    # The password alone still opens.
    assert await house.signed_in(shop)
    again = await enrolled(house, who)
    with pytest.raises(ProofRefused):
        await confirm(house, who, code_at(first.secret, house.clock.now()))
    assert len(await confirm(house, who, code_at(again, house.clock.now()))) == 10
    with pytest.raises(SecondFactorExists):
        await enrolled(house, who)


async def confirm(house: House, who: Actor, code: str, kind: FactorKind = FactorKind.TOTP) -> list[str]:
    _, codes = await own_factors.confirm(house.dbs, house.authenticator.factors, who, kind, code)
    return list(codes)


async def test_the_first_one_ends_all_other_sign_ins(house: House) -> None:
    shop = await house.business()
    elsewhere, here = await house.signed_in(shop), await house.signed_in(shop)
    who = await acting(house, here)
    await confirm(house, who, code_at(await enrolled(house, who), house.clock.now()))
    tokens = house.authenticator.tokens
    with pytest.raises(LoginRevoked):
        await refresh(house.dbs, tokens, elsewhere.refresh_token)
    assert await refresh(house.dbs, tokens, here.refresh_token)
    types = [name for _, name in await house.events(shop.id, shop.admin.id)]
    assert types == ["USER_CREATED", "USER_SECOND_FACTOR_ENROLLED", "USER_SECOND_FACTOR_CONFIRMED"]
    async with house.dbs.app.read(shop.id) as tx:
        told = (await tx.exec(select(AccountMessage.kind).where(AccountMessage.tenant_id == shop.id))).all()
    assert told == [MessageKind.SECOND_FACTOR_CHANGED]


async def test_five_wrong_codes_end_the_sign_in(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    await enrolled(house, who)
    answers = await asyncio.gather(*[confirm(house, who, "nonsense") for _ in range(5)], return_exceptions=True)
    assert sorted(type(each).__name__ for each in answers) == ["LoginRevoked"] + ["ProofRefused"] * 4


async def test_two_who_confirm_at_once(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    code = code_at(await enrolled(house, who), house.clock.now())
    answers = await asyncio.gather(*[confirm(house, who, code) for _ in range(4)], return_exceptions=True)
    assert sorted(type(each).__name__ for each in answers) == ["MethodUnavailable"] * 3 + ["list"]
    async with house.dbs.app.read(shop.id) as tx:
        assert len((await tx.exec(select(RecoveryCode).where(RecoveryCode.tenant_id == shop.id))).all()) == 10


async def test_two_who_enroll_at_once_leave_one(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    secrets = await asyncio.gather(*[enrolled(house, who) for _ in range(4)])
    assert len(set(secrets)) == 4
    assert len(await factors_of(house, shop)) == 1


async def test_who_has_one_steps_up_with_it_and_not_with_the_password(house: House) -> None:
    shop = await house.business()
    who, secret, codes = await with_app(house, shop)
    house.clock.advance(minutes=20)
    with pytest.raises(StepUpRequired) as refusal:
        await ensure_fresh(house.dbs.app, who)
    assert refusal.value.methods == [Method.TOTP, Method.RECOVERY_CODE]
    with pytest.raises(MethodUnavailable):
        await step_up(house.dbs, house.authenticator.factors, who, Method.PASSWORD, "correct horse battery")
    code = code_at(secret, house.clock.now())
    login = await step_up(house.dbs, house.authenticator.factors, who, Method.TOTP, code)
    assert login.methods == ["PASSWORD", "TOTP"]
    await ensure_fresh(house.dbs.app, who)
    with pytest.raises(ProofRefused):
        await step_up(house.dbs, house.authenticator.factors, who, Method.TOTP, code)
    await step_up(house.dbs, house.authenticator.factors, who, Method.RECOVERY_CODE, codes[3])


async def test_a_code_shows_the_address_it_was_sent_to(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    await own_factors.enroll(house.dbs, house.authenticator.factors, who, FactorKind.EMAIL_CODE)
    (code,) = await sent_codes(house, shop.id)
    async with house.dbs.app.write(shop.id) as tx:
        await service.update(tx, shop.admin.id, {"email": "somebody.else@shop.example"})
    with pytest.raises(ProofRefused):
        await confirm(house, who, code, FactorKind.EMAIL_CODE)
    async with house.dbs.app.read(shop.id) as tx:
        user = await tx.get(User, (shop.id, shop.admin.id))
    assert user is not None
    assert not user.email_verified
    assert [factor.confirmed_at for factor in await factors_of(house, shop)] == [None]


async def test_stepping_up_by_mail(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    factors = house.authenticator.factors
    with pytest.raises(MethodUnavailable):
        await send_code(house.dbs, factors, who, FactorKind.EMAIL_CODE)
    enrolment = await own_factors.enroll(house.dbs, factors, who, FactorKind.EMAIL_CODE)
    assert (enrolment.secret, enrolment.uri, enrolment.qr_code) == (None, None, None)
    assert len(await confirm(house, who, (await sent_codes(house, shop.id))[-1], FactorKind.EMAIL_CODE)) == 10
    house.clock.advance(seconds=1)
    assert await send_code(house.dbs, factors, who, FactorKind.EMAIL_CODE) == enrolment.sent_to
    code = (await sent_codes(house, shop.id))[-1]
    assert await step_up(house.dbs, factors, who, Method.EMAIL_CODE, code)
    with pytest.raises(ProofRefused):
        await step_up(house.dbs, factors, who, Method.EMAIL_CODE, code)


async def test_codes_go_to_telephones_with_a_country(house: House) -> None:
    shop = await house.business()
    who = await acting(house, await house.signed_in(shop))
    factors = house.authenticator.factors
    for phone in (None, "030 901820"):
        async with house.acting(shop.admin) as tx:
            await service.update(tx, shop.admin.id, {"phone": phone})
        with pytest.raises(NoAddress):
            await own_factors.enroll(house.dbs, factors, who, FactorKind.SMS_CODE)
    async with house.acting(shop.admin) as tx:
        await service.update(tx, shop.admin.id, {"phone": "+49 30 901820"})
    enrolment = await own_factors.enroll(house.dbs, factors, who, FactorKind.SMS_CODE)
    assert enrolment.sent_to == "…20"
    await confirm(house, who, (await sent_codes(house, shop.id))[-1], FactorKind.SMS_CODE)
    async with house.dbs.app.read(shop.id) as tx:
        assert (await tx.get_one(User, (shop.id, shop.admin.id))).phone_verified


async def test_new_recovery_codes_replace_the_old_ones(house: House) -> None:
    shop = await house.business()
    who, _, old = await with_app(house, shop)
    async with house.acting(shop.admin) as tx:
        new = await factor_service.renew_recovery_codes(tx, house.authenticator.factors, shop.admin.id)
    assert not set(new) & set(old)
    async with house.dbs.app.read(shop.id) as tx:
        told = (await tx.exec(select(AccountMessage.kind).where(AccountMessage.tenant_id == shop.id))).all()
    assert told == [MessageKind.SECOND_FACTOR_CHANGED] * 2, "switched on, and new codes"
    with pytest.raises(ProofRefused):
        await step_up(house.dbs, house.authenticator.factors, who, Method.RECOVERY_CODE, old[0])
    assert await step_up(house.dbs, house.authenticator.factors, who, Method.RECOVERY_CODE, new[0])
    other = await house.business()
    with pytest.raises(MethodUnavailable):
        async with house.acting(other.admin) as tx:
            await factor_service.renew_recovery_codes(tx, house.authenticator.factors, other.admin.id)


async def test_removing_the_last_one_switches_off(house: House) -> None:
    shop = await house.business()
    await with_app(house, shop)
    for _ in range(2):
        async with house.acting(shop.admin) as tx:
            await factor_service.remove(tx, house.authenticator.factors, shop.admin.id, FactorKind.TOTP)
    assert await house.signed_in(shop)
    assert await factors_of(house, shop) == []
    async with house.dbs.app.read(shop.id) as tx:
        assert (await tx.exec(select(RecoveryCode).where(RecoveryCode.tenant_id == shop.id))).all() == []
    types = [name for _, name in await house.events(shop.id, shop.admin.id)]
    assert types.count("USER_SECOND_FACTOR_REMOVED") == 1


async def test_the_last_one_stays_where_it_is_asked_for(house: House) -> None:
    shop = await house.business()
    who, _, _ = await with_app(house, shop)
    async with house.acting(shop.admin) as tx:
        settings = {"second_factor_roles": ["ADMIN"], "second_factor_codes": False}
        await tenants.update(tx, shop.id, {"settings": settings})
    with pytest.raises(SecondFactorIndispensable):
        async with house.acting(shop.admin) as tx:
            await factor_service.remove(tx, house.authenticator.factors, shop.admin.id, FactorKind.TOTP)
    with pytest.raises(SecondFactorNotAllowed):
        await own_factors.enroll(house.dbs, house.authenticator.factors, who, FactorKind.EMAIL_CODE)
    assert [row.kind for row in await factors_of(house, shop)] == [FactorKind.TOTP]


async def test_an_administrator_resets_what_was_lost(house: House) -> None:
    shop, other = await house.business(), await house.business()
    staff, manager = await house.user(shop), await house.user(shop, Role.MANAGER)
    await with_app(house, shop, staff)
    asked = await challenged(house, shop, staff)
    factors = house.authenticator.factors
    with pytest.raises(NotFound):
        async with house.acting(other.admin) as tx:
            await factor_service.reset(tx, factors, staff.id)
    with pytest.raises(RoleNotGrantable):
        async with house.acting(staff) as tx:
            await factor_service.reset(tx, factors, manager.id)
    for _ in range(2):
        async with house.acting(shop.admin) as tx:
            await factor_service.reset(tx, factors, staff.id)
    assert (await house.events(shop.id, staff.id))[-1][1] == "USER_SECOND_FACTORS_RESET"
    assert [name for _, name in await house.events(shop.id, staff.id)].count("USER_SECOND_FACTORS_RESET") == 1
    assert await house.signed_in(shop, staff)
    # What was in the middle of signing in is over as well.
    from app.identity.factors.errors import LoginChallengeEnded
    from app.identity.logins import verify
    from app.identity.proofs import UNKNOWN

    with pytest.raises(LoginChallengeEnded):
        await verify(
            house.dbs, house.authenticator.tokens, factors, asked.challenge_token, Method.TOTP, "123456", UNKNOWN
        )


def test_the_qr_code_is_an_image_of_its_own() -> None:
    from urllib.parse import unquote

    uri = rules.provisioning_uri(rules.new_totp_secret(), "ada:x@shop.example", "Shop: Berlin & Söhne")
    assert uri.startswith("otpauth://totp/Shop%20%20Berlin")
    image = rules.qr_code(uri)
    kind, _, data = image.partition(",")
    assert kind.startswith("data:image/svg+xml")
    assert ET.fromstring(unquote(data)).tag.endswith("svg")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("7K2QF-9R0MX", "7K2QF9R0MX"),
        (" 7k2qf 9romx", "7K2QF9R0MX"),
        ("IL2QF-9R0MX", "112QF9R0MX"),
        ("7K2QF-9R0M", None),
        ("7K2QF-9R0MU", None),
        ("", None),
        ("x" * 1000, None),
        ("7K2QF-9R0M\x00", None),
    ],
)
def test_recovery_codes_as_people_write_them(written: str, read: str | None) -> None:
    assert rules.read_recovery_code(written) == read


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12345\x00", "-12345"])
def test_what_is_no_code_of_an_app(code: str) -> None:
    from tests.identity.house import NOW

    assert rules.step_of(rules.new_totp_secret(), code, NOW, after=0) is None
