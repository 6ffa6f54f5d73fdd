"""Invitations: who may give what to whom, for how long, and what ends them."""

import asyncio
from typing import Any

import pytest

from app.identity.accounts.models import MessageKind
from app.identity.models import Role
from app.tenants import repository
from tests.accounts.people import can_sign_in, done, me, new_address, newest, send, sent_to, tenant_of
from tests.support.api import PASSWORD, Api, Business, Caller, GraphQLFailed


async def invited(api: Api, business: Business, caller: Caller | None = None, **given: Any) -> tuple[str, str, str]:
    """An invitation's id, its address, and what its mail holds."""
    email = given.pop("email", None) or new_address()
    answer = await done(caller or business.admin, "userInvite", email=email, **given)
    sent = await newest(api, tenant_of(business), email)
    assert sent.kind is MessageKind.INVITATION
    return answer["invitation"]["id"], email, f"{sent.token}.{sent.code}"


async def custom_role(business: Business, *permissions: str) -> str:
    """A role of the tenant's own."""
    answer = await business.admin(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } ... on UserError { message } } }",
        i={"name": f"Role {new_address()[:12]}", "permissions": list(permissions)},
    )
    return str(answer["customRole"]["id"])


async def invitation(business: Business, id: str) -> Any:
    """An invitation as staff see it."""
    return await business.admin(
        "query($id: ID!) { node(id: $id) { ... on Invitation { email status acceptedAt user { id } } } }", id=id
    )


async def test_a_colleague_is_invited_to_a_role_and_accepts(api: Api, business: Business) -> None:
    id, email, text = await invited(api, business, role="MANAGER")
    assert (await invitation(business, id))["status"] == "OPEN"
    accepted = await done(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD, firstName="Max")
    user = accepted["user"]
    assert (user["email"], user["role"], user["status"], user["emailVerified"]) == (email, "MANAGER", "ACTIVE", True)
    assert (await me(await api.sign_in(business.slug, email)))["firstName"] == "Max"
    shown = await invitation(business, id)
    assert (shown["status"], shown["user"]["id"]) == ("ACCEPTED", user["id"])
    again = await send(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)
    assert again["__typename"] == "CodeRefusedError"
    taken_back = await send(business.admin, "invitationRevoke", invitationId=id)
    assert taken_back["__typename"] == "InvitationEndedError"


async def test_an_invitation_gives_a_role_of_the_tenants_own(api: Api, business: Business) -> None:
    role = await custom_role(business, "queue:read", "session:read")
    _, email, text = await invited(api, business, customRoleId=role)
    accepted = await done(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)
    assert accepted["user"]["permissions"] == ["queue:read", "session:read"]
    caller = await api.sign_in(business.slug, email)
    with pytest.raises(GraphQLFailed) as refused:
        await caller("{ users(first: 1) { edges { cursor } } }")
    assert refused.value.code == "FORBIDDEN"


async def test_nobody_invites_to_more_than_they_may_do(api: Api, business: Business) -> None:
    email = new_address()
    answer = await send(business.admin, "userInvite", email=email, role="SUPER_ADMIN")
    assert answer["__typename"] == "RoleNotGrantableError"
    manager = await business.user(Role.MANAGER)
    with pytest.raises(GraphQLFailed) as refused:
        await send(manager, "userInvite", email=email)
    assert refused.value.code == "FORBIDDEN"
    assert await sent_to(api, tenant_of(business), email) == []


async def test_a_role_is_given_once(api: Api, business: Business) -> None:
    """Of two, one would be taken without a word."""
    role, email = await custom_role(business, "queue:read"), new_address()
    answer = await send(business.admin, "userInvite", email=email, role="STAFF", customRoleId=role)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "customRoleId")
    assert await sent_to(api, tenant_of(business), email) == []


async def test_whoever_could_not_have_given_a_role_does_not_take_it_back(api: Api, business: Business) -> None:
    """Neither by revoking nor by inviting again."""
    id, email, text = await invited(api, business, role="ADMIN")
    role = await custom_role(business, "user:read", "user:write")
    _, theirs, mine = await invited(api, business, customRoleId=role)
    await done(api.anonymous, "invitationAccept", invitation=mine, password=PASSWORD)
    small = await api.sign_in(business.slug, theirs)
    refused = await send(small, "invitationRevoke", invitationId=id)
    assert (refused["__typename"], refused["role"]) == ("RoleNotGrantableError", "ADMIN")
    refused = await send(small, "userInvite", email=email, customRoleId=role)
    assert (refused["__typename"], refused["role"]) == ("RoleNotGrantableError", "ADMIN")
    assert (await invitation(business, id))["status"] == "OPEN"
    assert (await done(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD))["user"][
        "role"
    ] == "ADMIN"


async def test_who_is_here_already_is_not_invited(api: Api, business: Business) -> None:
    email = (await me(await business.user(Role.STAFF)))["email"]
    answer = await send(business.admin, "userInvite", email=email.upper())
    assert answer["__typename"] == "EmailTakenError"


async def test_a_newer_invitation_replaces_the_older(api: Api, business: Business) -> None:
    old_id, email, old = await invited(api, business, role="MANAGER")
    new_id, _, new = await invited(api, business, email=email, role="STAFF")
    assert [(await invitation(business, id))["status"] for id in (old_id, new_id)] == ["REVOKED", "OPEN"]
    answer = await send(api.anonymous, "invitationAccept", invitation=old, password=PASSWORD)
    assert answer["__typename"] == "InvitationEndedError"
    accepted = await done(api.anonymous, "invitationAccept", invitation=new, password=PASSWORD)
    assert accepted["user"]["role"] == "STAFF"


async def test_an_invitation_that_was_taken_back_is_over(api: Api, business: Business) -> None:
    id, email, text = await invited(api, business)
    for _ in range(2):
        assert (await done(business.admin, "invitationRevoke", invitationId=id))["invitation"]["status"] == "REVOKED"
    answer = await send(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)
    assert answer["__typename"] == "InvitationEndedError"
    assert not await can_sign_in(api, business, email)


async def test_whoever_was_thrown_out_does_not_come_back_by_an_invitation(api: Api, business: Business) -> None:
    other_admin = await business.user(Role.ADMIN)
    _, email, text = await invited(api, business, other_admin, role="ADMIN")
    await business.admin(
        "mutation($i: UserDeactivateInput!) { userDeactivate(input: $i) { __typename } }",
        i={"userId": (await me(other_admin))["id"]},
    )
    answer = await send(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)
    assert answer["__typename"] == "InvitationEndedError"
    assert not await can_sign_in(api, business, email)


async def test_whoever_may_do_less_now_has_promised_too_much(api: Api, business: Business) -> None:
    other_admin = await business.user(Role.ADMIN)
    _, email, text = await invited(api, business, other_admin, role="ADMIN")
    changed = await business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": (await me(other_admin))["id"], "role": "MANAGER"},
    )
    assert changed["__typename"] == "UserUpdateSuccess"
    answer = await send(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)
    assert answer["__typename"] == "InvitationEndedError"
    assert not await can_sign_in(api, business, email)


async def test_what_a_revoked_key_has_promised_is_over(api: Api, business: Business) -> None:
    viewer = await business.admin("{ viewer { ... on User { permissions } } }")
    made = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) {"
        " ... on ApiKeyCreateSuccess { secret apiKey { id } } } }",
        i={"name": "HR", "scopes": viewer["permissions"]},
    )
    program = Caller(api, made["secret"])
    _, _, first = await invited(api, business, program)
    _, _, second = await invited(api, business, program)
    await done(api.anonymous, "invitationAccept", invitation=first, password=PASSWORD)
    await business.admin(
        "mutation($i: ApiKeyRevokeInput!) { apiKeyRevoke(input: $i) { __typename } }",
        i={"apiKeyId": made["apiKey"]["id"]},
    )
    answer = await send(api.anonymous, "invitationAccept", invitation=second, password=PASSWORD)
    assert answer["__typename"] == "InvitationEndedError"


async def test_a_limit_holds_for_the_invited_too(api: Api, business: Business) -> None:
    # One administrator, two invited, room for one more: whoever accepts first has it.
    texts = [(await invited(api, business))[2] for _ in range(2)]
    async with api.runtime.dbs.system.write(tenant_of(business)) as tx:
        tenant = await repository.lock(tx, tenant_of(business))
        tenant.limits = {"staff": 2}
    kinds = await asyncio.gather(
        *(send(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD) for text in texts)
    )
    assert sorted(kind["__typename"] for kind in kinds) == ["InvitationAcceptSuccess", "LimitReachedError"]
    refused = await send(business.admin, "userInvite", email=new_address())
    assert refused["__typename"] == "LimitReachedError"


@pytest.mark.parametrize("damage", [lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), lambda text: text[:47]])
async def test_a_damaged_invitation_opens_nothing(api: Api, business: Business, damage: Any) -> None:
    _, _, text = await invited(api, business)
    answer = await send(api.anonymous, "invitationAccept", invitation=damage(text), password=PASSWORD)
    assert answer["__typename"] == "CodeRefusedError"
    await done(api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)


async def test_invitations_are_seen_by_who_may_see_users_and_in_their_tenant_only(api: Api, business: Business) -> None:
    id, email, _ = await invited(api, business)
    listed = "{ invitations(first: 10) { edges { node { id email invitedBy { id } } } } }"
    node = "query($id: ID!) { node(id: $id) { ... on Invitation { email } } }"
    manager, staff, stranger = (
        await business.user(Role.MANAGER),
        await business.user(Role.STAFF),
        (await api.new_business()).admin,
    )
    for caller in (business.admin, manager):
        assert [edge["node"]["email"] for edge in (await caller(listed))["edges"]] == [email]
        assert await caller(node, id=id) == {"email": email}
    assert (await stranger(listed))["edges"] == []
    for caller, code in ((staff, "FORBIDDEN"), (stranger, "NOT_FOUND"), (api.anonymous, "UNAUTHENTICATED")):
        with pytest.raises(GraphQLFailed) as refused:
            await caller(node, id=id)
        assert refused.value.code == code
    with pytest.raises(GraphQLFailed) as refused:
        await send(stranger, "invitationRevoke", invitationId=id)
    assert refused.value.code == "NOT_FOUND"
