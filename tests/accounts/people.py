"""People with accounts as the API meets them: the documents they send, and the codes that were sent to them."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from graphql import GraphQLUnionType
from sqlmodel import col, select

from app.identity.accounts.codes import Recipient
from app.identity.accounts.models import AccountMessage, MessageChannel, MessageKind
from tests.support.api import PASSWORD, Api, Business, Caller, key_of
from tests.support.schema_walk import schema

NEW_PASSWORD = "another horse battery"
_SENT = "codeToken expiresAt"
_SELF = "user { id email username firstName lastName phone role status emailVerified phoneVerified }"
SHOWN = {
    "userRegister": _SENT,
    "userConfirm": _SELF,
    "passwordRequestReset": _SENT,
    "passwordReset": "passwordSet",
    "passwordChange": _SELF,
    "profileUpdate": _SELF,
    "emailChange": _SENT,
    "emailConfirm": _SELF,
    "phoneChange": _SENT,
    "phoneConfirm": _SELF,
    "phoneRemove": _SELF,
    "loginRevoke": "endedCount",
    "userInvite": "invitation { id email status role expiresAt invitedBy { id } customRole { name } }",
    "invitationAccept": "user { id email role status emailVerified permissions customRole { name } }",
    "invitationRevoke": "invitation { id status }",
}


async def send(caller: Caller, mutation: str, **given: Any) -> Any:
    """The result of one of the mutations of accounts."""
    name = mutation[0].upper() + mutation[1:]
    union = schema().type_map[f"{name}Result"]
    assert isinstance(union, GraphQLUnionType)
    carried = {
        "InvalidInputError": "field",
        "TooManyCodesError": "retryAfterSeconds",
        "RoleNotGrantableError": "role",
    }
    more = " ".join(
        f"... on {member.name} {{ {carried[member.name]} }}" for member in union.types if member.name in carried
    )
    return await caller(
        f"mutation($i: {name}Input!) {{ {mutation}(input: $i) {{ __typename"
        f" ... on {name}Success {{ {SHOWN[mutation]} }} ... on UserError {{ message }} {more} }} }}",
        i=given,
    )


async def done(caller: Caller, mutation: str, **given: Any) -> Any:
    """The same, which has to succeed."""
    answer = await send(caller, mutation, **given)
    assert answer["__typename"] == f"{mutation[0].upper()}{mutation[1:]}Success", answer
    return answer


@dataclass(frozen=True)
class Sent:
    """A message that is owed to somebody."""

    kind: MessageKind
    code: str
    token: str


def tenant_of(business: Business) -> UUID:
    """Its key."""
    assert business.admin.token is not None
    part = business.admin.token.split(".")[1]
    return UUID(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["tid"])


async def sent_to(api: Api, tenant_id: UUID, address: str) -> list[Sent]:
    """What was owed to an address, oldest first, with what only the sender reads."""
    codes = api.runtime.authenticator.codes
    channel = MessageChannel.EMAIL if "@" in address else MessageChannel.SMS
    async with api.runtime.dbs.app.read(tenant_id) as tx:
        found = await tx.exec(
            select(AccountMessage)
            .where(AccountMessage.recipient_hash == codes.recipient_hash(Recipient(channel, address)))
            .order_by(col(AccountMessage.created_at))
        )
        rows = found.all()
    messages = []
    for row in rows:
        unsealed = codes.unsealed(row)
        assert unsealed is not None, "nothing sends it here"
        assert unsealed.recipient.address == address
        messages.append(Sent(row.kind, unsealed.code, codes.token_of(row)))
    return messages


async def newest(api: Api, tenant_id: UUID, address: str) -> Sent:
    """The newest message to an address."""
    return (await sent_to(api, tenant_id, address))[-1]


def new_address() -> str:
    """An address nobody else in the run has."""
    return f"{uuid4().hex[:12]}@mail.example"


async def customer(api: Api, business: Business, email: str | None = None) -> tuple[Caller, str]:
    """Somebody who has registered and signed in, and their address."""
    email = email or new_address()
    asked = await done(api.anonymous, "userRegister", tenantSlug=business.slug, email=email)
    sent = await newest(api, tenant_of(business), email)
    await done(api.anonymous, "userConfirm", codeToken=asked["codeToken"], code=sent.code, password=PASSWORD)
    return await api.sign_in(business.slug, email), email


async def can_sign_in(api: Api, business: Business, email: str, password: str = PASSWORD) -> bool:
    """Whether this opens a sign-in."""
    answer = await api.anonymous(
        "mutation($i: UserLoginInput!) { userLogin(input: $i) { __typename } }",
        i={"tenantSlug": business.slug, "email": email, "password": password},
    )
    return bool(answer["__typename"] == "UserLoginSuccess")


async def open_registration(business: Business, *, is_open: bool = True) -> None:
    """Let people register, or not."""
    answer = await business.admin(
        "mutation($i: TenantUpdateInput!) { tenantUpdate(input: $i) { __typename } }",
        i={"tenantId": await tenant_node(business), "settings": {"registrationOpen": is_open}},
    )
    assert answer["__typename"] == "TenantUpdateSuccess", answer


async def tenant_node(business: Business) -> str:
    """Its opaque id."""
    viewer = await business.admin("{ viewer { ... on User { tenant { id } } } }")
    return str(viewer["tenant"]["id"])


async def me(caller: Caller) -> Any:
    """Oneself."""
    return await caller(f"{{ viewer {{ ... on User {{ {_SELF[7:-2]} }} }} }}")


def key(kind: str, id: str) -> UUID:
    """The key behind an opaque id."""
    found: UUID = key_of(kind, id)
    return found
