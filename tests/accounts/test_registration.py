"""Registering: a code to the address, and with it an account; the same answer whoever has one already."""

import asyncio
from typing import Any

import pytest

from app.identity.accounts.models import MessageKind
from app.identity.models import Role
from tests.accounts.people import (
    can_sign_in,
    customer,
    done,
    me,
    new_address,
    newest,
    open_registration,
    send,
    sent_to,
    tenant_of,
)
from tests.support.api import PASSWORD, Api, Business, GraphQLFailed


@pytest.fixture
async def open_business(business: Business) -> Business:
    """A tenant people may register with."""
    await open_registration(business)
    return business


async def test_whoever_returns_the_code_has_an_account(api: Api, open_business: Business) -> None:
    email = new_address()
    asked = await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=f" {email.upper()} ")
    sent = await newest(api, tenant_of(open_business), email)
    assert sent.kind is MessageKind.REGISTRATION
    assert not await can_sign_in(api, open_business, email)
    made = await done(
        api.anonymous,
        "userConfirm",
        codeToken=asked["codeToken"],
        code=sent.code,
        password=PASSWORD,
        firstName=" Anna ",
        username=f"anna-{email[:8]}",
    )
    assert (made["user"]["email"], made["user"]["role"], made["user"]["firstName"]) == (email, "CUSTOMER", "Anna")
    assert made["user"]["emailVerified"] is True
    caller = await api.sign_in(open_business.slug, email)
    assert (await me(caller))["status"] == "ACTIVE"
    # A customer is no member of staff.
    with pytest.raises(GraphQLFailed) as refused:
        await caller("{ users(first: 1) { edges { cursor } } }")
    assert refused.value.code == "FORBIDDEN"


async def test_a_known_address_gets_the_same_answer_and_another_mail(api: Api, open_business: Business) -> None:
    _, email = await customer(api, open_business)
    stranger = new_address()
    answers = [
        await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=each)
        for each in (email, stranger)
    ]
    assert [set(answer) for answer in answers] == [{"__typename", "codeToken", "expiresAt"}] * 2
    assert [len(answer["codeToken"]) for answer in answers] == [47, 47]
    told = await newest(api, tenant_of(open_business), email)
    assert told.kind is MessageKind.ALREADY_REGISTERED
    # The code that was made all the same, and that nobody is sent, opens nothing.
    answer = await send(
        api.anonymous, "userConfirm", codeToken=answers[0]["codeToken"], code=told.code, password=PASSWORD
    )
    assert answer["__typename"] == "CodeRefusedError"


async def test_a_wrong_code_counts_although_it_is_refused(api: Api, open_business: Business) -> None:
    email = new_address()
    asked = await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=email)
    code = (await newest(api, tenant_of(open_business), email)).code
    for step in range(1, 6):
        wrong = f"{(int(code) + step) % 1_000_000:06}"
        answer = await send(api.anonymous, "userConfirm", codeToken=asked["codeToken"], code=wrong, password=PASSWORD)
        assert answer["__typename"] == "CodeRefusedError"
    answer = await send(api.anonymous, "userConfirm", codeToken=asked["codeToken"], code=code, password=PASSWORD)
    assert answer["__typename"] == "CodeRefusedError"
    assert not await can_sign_in(api, open_business, email)


async def test_what_is_refused_of_the_account_leaves_the_code_good(api: Api, open_business: Business) -> None:
    email = new_address()
    asked = await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=email)
    code = (await newest(api, tenant_of(open_business), email)).code
    given = {"codeToken": asked["codeToken"], "code": code}
    for values, refusal in (
        ({"password": "short"}, "WeakPasswordError"),
        ({"password": email}, "WeakPasswordError"),
        ({"password": PASSWORD, "username": "no spaces"}, "InvalidInputError"),
    ):
        assert (await send(api.anonymous, "userConfirm", **given, **values))["__typename"] == refusal
    await done(api.anonymous, "userConfirm", **given, password=PASSWORD)


async def test_of_ten_who_bring_the_code_at_once_one_has_the_account(api: Api, open_business: Business) -> None:
    email = new_address()
    asked = await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=email)
    code = (await newest(api, tenant_of(open_business), email)).code

    async def confirm() -> Any:
        return await send(api.anonymous, "userConfirm", codeToken=asked["codeToken"], code=code, password=PASSWORD)

    kinds = [answer["__typename"] for answer in await asyncio.gather(*(confirm() for _ in range(10)))]
    assert sorted(kinds) == ["CodeRefusedError"] * 9 + ["UserConfirmSuccess"]


async def test_who_registers_twice_has_one_account(api: Api, open_business: Business) -> None:
    email, tokens = new_address(), []
    for _ in range(2):
        asked = await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=email)
        tokens.append((asked["codeToken"], (await newest(api, tenant_of(open_business), email)).code))
    (first, first_code), (second, second_code) = tokens
    await done(api.anonymous, "userConfirm", codeToken=first, code=first_code, password=PASSWORD)
    answer = await send(api.anonymous, "userConfirm", codeToken=second, code=second_code, password="another one 123")
    assert answer["__typename"] == "EmailTakenError"
    assert await can_sign_in(api, open_business, email)


async def test_a_business_is_closed_unless_it_says_otherwise(api: Api, business: Business) -> None:
    email = new_address()
    answer = await send(api.anonymous, "userRegister", tenantSlug=business.slug, email=email)
    assert answer["__typename"] == "RegistrationClosedError"
    assert await send(api.anonymous, "userRegister", tenantSlug="no-such-business", email=email) == answer
    assert await sent_to(api, tenant_of(business), email) == []
    await open_registration(business)
    asked = await done(api.anonymous, "userRegister", tenantSlug=business.slug, email=email)
    code = (await newest(api, tenant_of(business), email)).code
    await open_registration(business, is_open=False)
    answer = await send(api.anonymous, "userConfirm", codeToken=asked["codeToken"], code=code, password=PASSWORD)
    assert answer["__typename"] == "RegistrationClosedError"


async def test_an_address_is_not_flooded_whoever_asks(api: Api, open_business: Business) -> None:
    email = new_address()
    for _ in range(6):
        await done(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=email)
    answer = await send(api.anonymous, "userRegister", tenantSlug=open_business.slug, email=email)
    assert answer["__typename"] == "TooManyCodesError"
    assert 3_590 <= answer["retryAfterSeconds"] <= 3_600
    assert len(await sent_to(api, tenant_of(open_business), email)) == 6


@pytest.mark.parametrize(
    ("given", "field"), [({"email": "no address"}, "email"), ({"email": "a@b.example", "locale": "??"}, "locale")]
)
async def test_what_is_no_address_or_language_is_said(
    api: Api, open_business: Business, given: dict[str, str], field: str
) -> None:
    answer = await send(api.anonymous, "userRegister", tenantSlug=open_business.slug, **given)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)


async def test_a_code_of_one_business_opens_no_account_in_another(api: Api, open_business: Business) -> None:
    other, email = await api.new_business(), new_address()
    await open_registration(other)
    tokens = [
        (await done(api.anonymous, "userRegister", tenantSlug=each.slug, email=email))["codeToken"]
        for each in (open_business, other)
    ]
    code = (await newest(api, tenant_of(open_business), email)).code
    other_code = (await newest(api, tenant_of(other), email)).code
    if code != other_code:
        answer = await send(api.anonymous, "userConfirm", codeToken=tokens[1], code=code, password=PASSWORD)
        assert answer["__typename"] == "CodeRefusedError"
    await done(api.anonymous, "userConfirm", codeToken=tokens[0], code=code, password=PASSWORD)
    assert not await can_sign_in(api, other, email)


async def test_an_unknown_business_is_as_closed_as_one_that_is(api: Api, business: Business) -> None:
    answers = [
        await send(api.anonymous, "userRegister", tenantSlug=slug, email=new_address())
        for slug in ("no-such-business", business.slug)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["__typename"] == "RegistrationClosedError"


async def test_staff_who_are_signed_in_register_somebody_as_strangers_do(api: Api, open_business: Business) -> None:
    staff, email = await open_business.user(Role.STAFF), new_address()
    asked = await done(staff, "userRegister", tenantSlug=open_business.slug, email=email)
    code = (await newest(api, tenant_of(open_business), email)).code
    made = await done(staff, "userConfirm", codeToken=asked["codeToken"], code=code, password=PASSWORD)
    assert made["user"]["role"] == "CUSTOMER"
