"""Fields below the roots do what they say: without the permission they name, nothing of theirs is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import strawberry
from graphql import get_named_type

from app.core.actor import Actor
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from tests.schema.nested import Nested, declared, undeclared
from tests.support.api import PASSWORD, Api, Caller
from tests.support.holdings import Holdings, holdings
from tests.support.schema_walk import required, schema, selection

FIELDS = list(declared(schema()))
ALL = frozenset(MATRIX[Role.ADMIN])
# What the business of these tests has none of; elsewhere it is tested with one.
EMPTY = {
    "Invitation.user",
    "Queue.activeEvent",
    "Queue.originHealth",
    "Session.admission",
    "Session.cancelReason",
    "Session.customer",
    "Session.payment",
    "Session.rating",
    "Session.ratingUrl",
    "Session.servedBy",
    "Tenant.domainClaim",
    "User.customRole",
    "User.lastLoginAt",
    "User.username",
}


@dataclass(frozen=True)
class World:
    """A business with one of everything, and somebody in it whose role is made to measure."""

    victim: Holdings
    ids: dict[str, str]
    role_id: str
    tailor: Caller
    others: dict[str, Caller]

    async def wear(self, permissions: frozenset[str]) -> None:
        """From now on the tailor's customer may do exactly this, with the token they have."""
        changed = await self.victim.admin(
            "mutation($i: CustomRoleUpdateInput!) { customRoleUpdate(input: $i) { __typename } }",
            i={"customRoleId": self.role_id, "permissions": sorted(permissions)},
        )
        assert changed["__typename"] == "CustomRoleUpdateSuccess", changed

    async def problem(self, nested: Nested, caller: Caller) -> str | None:
        """What is shown of a field to somebody who is not to see it."""
        body = await self.read(nested, caller)
        value = value_of(body, nested)
        codes = {error["extensions"]["code"] for error in body.get("errors", [])}
        is_masked = nested.name == "recipient" and value is not None and "***" in value
        if (value is not None and not is_masked) or self.victim.secret in repr(value):
            return f"{nested} was shown: {value!r:.80}"
        if nested.is_refused and not codes:
            return f"{nested} was hidden without a word"
        return None

    async def read(self, nested: Nested, caller: Caller) -> dict[str, Any]:
        chosen = f"{nested.name}{required(nested.field)} {selection(get_named_type(nested.field.type), 0)}"
        document = f"query($id: ID!) {{ node(id: $id) {{ ... on {nested.parent.name} {{ {chosen} }} }} }}"
        body: dict[str, Any] = (await caller.send(document, id=self.ids[nested.parent.name])).json()
        return body


def value_of(body: dict[str, Any], nested: Nested) -> Any:
    """What was answered, if anything was."""
    return ((body.get("data") or {}).get("node") or {}).get(nested.name)


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    victim, other = await holdings(api), await holdings(api)
    made = await victim.admin(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } } }",
        i={"name": "To measure", "permissions": sorted(ALL)},
    )
    email = f"{uuid4().hex}@shop.example"
    await victim.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { __typename } }",
        i={"email": email, "password": PASSWORD, "customRoleId": made["customRole"]["id"]},
    )
    others = {
        "a stranger": api.anonymous,
        "another visitor": victim.neighbour.visitor,
        "another tenant's administrator": other.admin,
    }
    counters = await victim.admin("{ counters(first: 10) { edges { node { id currentShift { id } } } } }")
    (working,) = [edge["node"]["id"] for edge in counters["edges"] if edge["node"]["currentShift"]]
    ids = {**victim.ids, "Counter": working}
    return World(victim, ids, made["customRole"]["id"], await api.sign_in(victim.business.slug, email), others)


def test_every_field_says_who_may_read_it() -> None:
    assert list(undeclared(schema())) == []


def test_what_fields_name_are_permissions() -> None:
    assert {name for each in FIELDS for name in each.permissions} <= set(Permission)
    # Not by accident none at all: the regular expressions read descriptions.
    assert {"Queue.waiting", "Session.contact", "Tenant.usage", "Notification.recipient"} <= set(map(str, FIELDS))


@pytest.mark.parametrize("nested", FIELDS, ids=str)
async def test_without_its_permission_nothing_is_shown(world: World, nested: Nested) -> None:
    assert nested.parent.name in world.ids, "give the holdings one of these, so that it can be tried"
    await world.wear(ALL)
    body = await world.read(nested, world.tailor)
    assert "errors" not in body, body
    assert value_of(body, nested) is not None or str(nested) in EMPTY
    await world.wear(ALL - nested.permissions)
    assert await world.problem(nested, world.tailor) is None
    for who, caller in world.others.items():
        assert await world.problem(nested, caller) is None, who


@contextmanager
def no_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if nobody had thought of permissions below the roots."""
    with monkeypatch.context() as patch:
        patch.setattr(Actor, "require_in", lambda *_: None)
        patch.setattr(Actor, "may_in", lambda *_: True)
        yield


async def test_a_field_that_does_not_do_what_it_says_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for nested in FIELDS:
        await world.wear(ALL - nested.permissions)
        with no_gate(monkeypatch):
            if await world.problem(nested, world.tailor) is not None:
                seen.add(str(nested))
    # Those that are empty here have nothing to show.
    assert seen >= {str(each) for each in FIELDS if str(each) not in EMPTY} - {"Notification.recipient"}


@strawberry.type
class Inner:
    plain: int = 1

    @strawberry.field(description="Says nothing.")
    def hole(self) -> int:
        return 1

    @strawberry.field(description="All of it. Needs the permission `queue:read`.")
    def gated(self) -> int:
        return 1


@strawberry.type
class _Query:
    @strawberry.field
    def inner(self) -> Inner:
        return Inner()


def test_a_field_that_says_nothing_is_noticed() -> None:
    holes = [each for each in undeclared(strawberry.Schema(_Query)._schema) if "open fields" not in each]
    assert holes == ["Inner.hole"]
