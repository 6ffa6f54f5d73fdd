"""What people do with their own accounts: passwords, addresses, names, sign-ins. Nobody else's is touched."""

import asyncio

import pytest

from app.identity.accounts.models import MessageKind
from app.identity.models import Role
from tests.accounts.people import (
    NEW_PASSWORD,
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
from tests.support.api import PASSWORD, Api, Business, Caller, GraphQLFailed

LOGINS = "{ logins(first: 100) { edges { node { id isCurrent address agent createdAt lastUsedAt expiresAt } } } }"


@pytest.fixture
async def somebody(api: Api, business: Business) -> tuple[Caller, str]:
    """A customer, signed in, and their address."""
    await open_registration(business)
    return await customer(api, business)


async def logins(caller: Caller) -> list[dict[str, object]]:
    """One's own sign-ins."""
    return [edge["node"] for edge in (await caller(LOGINS))["edges"]]


async def test_a_forgotten_password_is_set_by_code_and_every_sign_in_ends(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, email = somebody
    asked = await done(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=email)
    sent = await newest(api, tenant_of(business), email)
    assert sent.kind is MessageKind.RESET_PASSWORD
    given = {"codeToken": asked["codeToken"], "code": sent.code}
    weak = await send(api.anonymous, "passwordReset", **given, password=email)
    assert weak["__typename"] == "WeakPasswordError"
    await done(api.anonymous, "passwordReset", **given, password=NEW_PASSWORD)
    assert not await can_sign_in(api, business, email, PASSWORD)
    assert await can_sign_in(api, business, email, NEW_PASSWORD)
    with pytest.raises(GraphQLFailed) as refused:
        await me(caller)
    # Ended, and not only a token that has to be refreshed.
    assert "signed out" in refused.value.errors[0]["message"]
    assert (await newest(api, tenant_of(business), email)).kind is MessageKind.PASSWORD_CHANGED
    again = await send(api.anonymous, "passwordReset", **given, password="yet another one")
    assert again["__typename"] == "CodeRefusedError"


async def test_nobody_learns_who_has_an_account(api: Api, business: Business, somebody: tuple[Caller, str]) -> None:
    unknown = new_address()
    answers = [
        await done(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=each)
        for each in (somebody[1], unknown)
    ]
    assert [set(each) for each in answers] == [{"__typename", "codeToken", "expiresAt"}] * 2
    # Even the very code, which nobody is sent, sets nobody's password.
    [message] = await sent_to(api, tenant_of(business), unknown)
    answer = await send(
        api.anonymous, "passwordReset", codeToken=message.token, code=message.code, password=NEW_PASSWORD
    )
    assert answer["__typename"] == "CodeRefusedError"
    for _ in range(5):
        await done(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=unknown)
    limited = await send(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=unknown)
    assert limited["__typename"] == "TooManyCodesError"


async def test_who_was_deactivated_sets_no_password(api: Api, business: Business, somebody: tuple[Caller, str]) -> None:
    caller, email = somebody
    asked = await done(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=email)
    code = (await newest(api, tenant_of(business), email)).code
    gone = await business.admin(
        "mutation($i: UserDeactivateInput!) { userDeactivate(input: $i) { __typename } }",
        i={"userId": (await me(caller))["id"]},
    )
    assert gone["__typename"] == "UserDeactivateSuccess"
    answer = await send(api.anonymous, "passwordReset", codeToken=asked["codeToken"], code=code, password=NEW_PASSWORD)
    assert answer["__typename"] == "CodeRefusedError"


async def test_a_code_for_one_thing_does_no_other(api: Api, business: Business, somebody: tuple[Caller, str]) -> None:
    caller, email = somebody
    asked = await done(caller, "emailChange", email=email)
    code = (await newest(api, tenant_of(business), email)).code
    answer = await send(api.anonymous, "passwordReset", codeToken=asked["codeToken"], code=code, password=NEW_PASSWORD)
    assert answer["__typename"] == "CodeRefusedError"
    assert await can_sign_in(api, business, email)


async def test_another_password_ends_every_other_sign_in(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, email = somebody
    other = await api.sign_in(business.slug, email)
    wrong = await send(caller, "passwordChange", currentPassword="not this one", password=NEW_PASSWORD)
    assert wrong["__typename"] == "WrongPasswordError"
    assert (await send(caller, "passwordChange", password=NEW_PASSWORD))["__typename"] == "WrongPasswordError"
    weak = await send(caller, "passwordChange", currentPassword=PASSWORD, password="password1")
    assert weak["__typename"] == "WeakPasswordError"
    assert (await me(other))["email"] == email, "nothing has happened"
    await done(caller, "passwordChange", currentPassword=PASSWORD, password=NEW_PASSWORD)
    assert (await me(caller))["email"] == email
    with pytest.raises(GraphQLFailed):
        await me(other)
    assert await can_sign_in(api, business, email, NEW_PASSWORD)
    assert (await newest(api, tenant_of(business), email)).kind is MessageKind.PASSWORD_CHANGED


async def test_of_two_who_change_it_at_once_one_does(somebody: tuple[Caller, str]) -> None:
    caller, _ = somebody
    answers = await asyncio.gather(
        *(send(caller, "passwordChange", currentPassword=PASSWORD, password=f"horse number {n}") for n in range(4))
    )
    kinds = sorted(answer["__typename"] for answer in answers)
    assert kinds == ["PasswordChangeSuccess"] + ["WrongPasswordError"] * 3


async def test_an_address_becomes_ones_own_with_its_code(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    (caller, before), after = somebody, new_address()
    asked = await done(caller, "emailChange", email=after)
    sent = await newest(api, tenant_of(business), after)
    assert (await me(caller))["email"] == before
    answer = await done(caller, "emailConfirm", codeToken=asked["codeToken"], code=sent.code)
    assert (answer["user"]["email"], answer["user"]["emailVerified"]) == (after, True)
    assert await can_sign_in(api, business, after)
    assert not await can_sign_in(api, business, before)
    assert (await newest(api, tenant_of(business), before)).kind is MessageKind.EMAIL_CHANGED


async def test_an_address_somebody_has_is_told_to_whoever_reads_its_mail_only(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, email = somebody
    _, taken = await customer(api, business)
    asked = await done(caller, "emailChange", email=taken)
    sent = await newest(api, tenant_of(business), taken)
    answer = await send(caller, "emailConfirm", codeToken=asked["codeToken"], code=sent.code)
    assert answer["__typename"] == "EmailTakenError"
    assert (await me(caller))["email"] == email


async def test_an_address_an_administrator_has_given_is_confirmed_by_its_code(api: Api, business: Business) -> None:
    staff = await business.user(Role.STAFF)
    email = (await me(staff))["email"]
    assert (await me(staff))["emailVerified"] is False
    asked = await done(staff, "emailChange", email=email)
    code = (await newest(api, tenant_of(business), email)).code
    answer = await done(staff, "emailConfirm", codeToken=asked["codeToken"], code=code)
    assert (answer["user"]["email"], answer["user"]["emailVerified"]) == (email, True)
    assert [sent.kind for sent in await sent_to(api, tenant_of(business), email)] == [MessageKind.CHANGE_EMAIL]


async def test_nobody_confirms_with_a_code_of_somebody_else(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, _ = somebody
    other, other_email = await customer(api, business)
    wanted = new_address()
    asked = await done(caller, "emailChange", email=wanted)
    code = (await newest(api, tenant_of(business), wanted)).code
    answer = await send(other, "emailConfirm", codeToken=asked["codeToken"], code=code)
    assert answer["__typename"] == "CodeRefusedError"
    assert (await me(other))["email"] == other_email
    await done(caller, "emailConfirm", codeToken=asked["codeToken"], code=code)


async def test_a_number_becomes_ones_own_with_its_code(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, _ = somebody
    asked = await done(caller, "phoneChange", phone="+49 (30) 90 18 20")
    sent = await newest(api, tenant_of(business), "+4930901820")
    assert sent.kind is MessageKind.CHANGE_PHONE
    answer = await done(caller, "phoneConfirm", codeToken=asked["codeToken"], code=sent.code)
    assert (answer["user"]["phone"], answer["user"]["phoneVerified"]) == ("+4930901820", True)
    other = await send(caller, "phoneRemove", phone="+49 30 1")
    assert (other["__typename"], other["field"]) == ("InvalidInputError", "phone")
    answer = await done(caller, "phoneRemove", phone="+49 30 901820")
    assert (answer["user"]["phone"], answer["user"]["phoneVerified"]) == (None, False)


@pytest.mark.parametrize("phone", ["030 901820", "+1", "not a number", "+49 30 901820 and more"])
async def test_a_number_without_its_country_is_none(somebody: tuple[Caller, str], phone: str) -> None:
    answer = await send(somebody[0], "phoneChange", phone=phone)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "phone")


async def test_people_change_their_names(api: Api, business: Business, somebody: tuple[Caller, str]) -> None:
    caller, email = somebody
    name = email.partition("@")[0]
    answer = await done(caller, "profileUpdate", username=name, firstName="Ada", lastName="  ")
    assert (answer["user"]["username"], answer["user"]["firstName"], answer["user"]["lastName"]) == (name, "Ada", None)
    other, _ = await customer(api, business)
    taken = await send(other, "profileUpdate", username=name)
    assert taken["__typename"] == "UsernameTakenError"
    wrong = await send(other, "profileUpdate", firstName="x" * 101)
    assert (wrong["__typename"], wrong["field"]) == ("InvalidInputError", "firstName")
    assert (await done(caller, "profileUpdate"))["user"]["firstName"] == "Ada"


async def test_people_see_and_end_their_own_sign_ins(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, email = somebody
    second, third = [await api.sign_in(business.slug, email) for _ in range(2)]
    stranger, _ = await customer(api, business)
    mine = await logins(caller)
    assert [each["isCurrent"] for each in mine] == [True, False, False]
    # The test's own client, as it shows itself.
    assert [str(each["agent"]).split("/")[0] for each in mine] == ["python-httpx"] * 3
    foreign = (await logins(stranger))[0]["id"]
    with pytest.raises(GraphQLFailed) as refused:
        await send(caller, "loginRevoke", loginId=foreign)
    assert refused.value.code == "NOT_FOUND"
    assert len(await logins(stranger)) == 1
    current = await send(caller, "loginRevoke", loginId=mine[0]["id"])
    assert current["__typename"] == "CurrentLoginError"
    assert (await done(caller, "loginRevoke", loginId=mine[1]["id"]))["endedCount"] == 1
    assert (await done(caller, "loginRevoke", loginId=mine[1]["id"]))["endedCount"] == 0
    with pytest.raises(GraphQLFailed):
        await me(second)
    assert (await me(third))["email"] == email
    assert (await done(caller, "loginRevoke"))["endedCount"] == 1
    with pytest.raises(GraphQLFailed):
        await me(third)
    assert [each["id"] for each in await logins(caller)] == [mine[0]["id"]]


async def test_a_sign_in_is_a_node_to_its_owner_only(
    api: Api, business: Business, somebody: tuple[Caller, str]
) -> None:
    caller, _ = somebody
    mine = (await logins(caller))[0]["id"]
    document = "query($id: ID!) { node(id: $id) { __typename ... on Login { isCurrent } } }"
    assert await caller(document, id=mine) == {"__typename": "Login", "isCurrent": True}
    for other in (business.admin, (await customer(api, business))[0], api.anonymous):
        with pytest.raises(GraphQLFailed) as refused:
            await other(document, id=mine)
        assert refused.value.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("passwordChange", {"password": NEW_PASSWORD}),
        ("profileUpdate", {}),
        ("emailChange", {"email": "a@b.example"}),
        ("emailConfirm", {"codeToken": "x", "code": "1"}),
        ("phoneChange", {"phone": "+49 30 901820"}),
        ("phoneConfirm", {"codeToken": "x", "code": "1"}),
        ("phoneRemove", {"phone": "+49 30 901820"}),
        ("loginRevoke", {}),
    ],
)
async def test_strangers_visitors_and_programs_have_no_account(
    api: Api, business: Business, mutation: str, given: dict[str, str]
) -> None:
    visitor = (await business.join(await business.queue())).visitor
    made = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
        i={"name": "Key", "scopes": ["user:write"]},
    )
    for caller in (api.anonymous, visitor, Caller(api, made["secret"])):
        with pytest.raises(GraphQLFailed) as refused:
            await send(caller, mutation, **given)
        assert refused.value.code == "UNAUTHENTICATED"


@pytest.mark.parametrize("what", ["loginRevoke", "passwordChange", "passwordReset"])
async def test_what_ends_a_sign_in_ends_its_sockets_and_no_other(
    api: Api, business: Business, somebody: tuple[Caller, str], what: str
) -> None:
    """Told by the relay and the bus, so in every process."""
    caller, email = somebody
    other = await api.sign_in(business.slug, email)
    bystander, _ = await customer(api, business)
    asked = await done(api.anonymous, "passwordRequestReset", tenantSlug=business.slug, email=email)
    code = (await newest(api, tenant_of(business), email)).code
    given = {
        "loginRevoke": {},
        "passwordChange": {"currentPassword": PASSWORD, "password": NEW_PASSWORD},
        "passwordReset": {"codeToken": asked["codeToken"], "code": code, "password": NEW_PASSWORD},
    }
    async with other.socket() as socket, bystander.socket() as stays:
        await done(api.anonymous if what == "passwordReset" else caller, what, **given[what])
        assert (await socket.closed(within=2.0)).code == 4401
        assert (await (await stays.subscribe("{ viewer { __typename } }")).item())["__typename"] == "User"
