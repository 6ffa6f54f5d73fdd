"""What can be reached from a public place, field by field: the public face, and nothing behind it.

Everybody may find a queue by its slug, and whoever joins twice meets the place that is there. From these the schema
leads on to sessions, counters, events and users: a field either says who may read it, or is nobody's secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type

from app.identity.models import Role
from tests.support.api import Api, Caller
from tests.support.holdings import Holdings, holdings, platform
from tests.support.schema_walk import required, schema, selection

DEPTH = 4
# Objects one can ask for by name without being anybody, and how.
DOORS = {
    "Queue": "query($t: String!, $s: String!) { queueBySlug(tenantSlug: $t, slug: $s) { %s } }",
    "Tenant": "query($t: String!) { tenant(slug: $t) { %s } }",
}


@dataclass(frozen=True)
class World:
    """A business, and people who are nobody in it."""

    victim: Holdings
    strangers: Mapping[str, Caller]
    customer: Caller


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    victim, other = await holdings(api), await holdings(api)
    return World(
        victim,
        {
            "a stranger": api.anonymous,
            "another tenant's administrator": other.admin,
            "the platform's administrator": await platform(api),
            "another tenant's visitor": other.waiting.visitor,
        },
        await victim.business.user(Role.CUSTOMER),
    )


def paths(type_: GraphQLObjectType, depth: int = DEPTH) -> Iterator[tuple[str, GraphQLField, str]]:
    """Every way down from a type: its dotted name, the last field, and a selection that reads only this."""
    for name, field in type_.fields.items():
        call = f"{name}{required(field)}"
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            yield name, field, call
        elif is_gated(field) or depth == 0:
            yield name, field, f"{call} {selection(inner, 0)}"
        elif isinstance(inner, GraphQLObjectType):
            for below, last, rest in paths(inner, depth - 1):
                yield f"{name}.{below}", last, f"{call} {{ {rest} }}"


def is_gated(field: GraphQLField) -> bool:
    """Whether a field says that not everybody may read it."""
    return any(says(field, word) for word in ("Needs ", "Null "))


def says(field: GraphQLField, words: str) -> bool:
    """Whether these words stand in a field's description."""
    return words in (field.description or "")


async def read(caller: Caller, door: str, victim: Holdings, chosen: str) -> dict[str, Any]:
    variables = {"t": victim.business.slug} | ({"s": victim.queue_slug} if "$s" in DOORS[door] else {})
    body: dict[str, Any] = (await caller.send(DOORS[door] % chosen, **variables)).json()
    return body


@pytest.mark.parametrize("door", DOORS)
async def test_strangers_see_the_public_face_only(world: World, door: str) -> None:
    type_ = schema().type_map[door]
    assert isinstance(type_, GraphQLObjectType)
    gated = set()
    for name, field, chosen in paths(type_):
        for who, caller in world.strangers.items():
            body = await read(caller, door, world.victim, chosen)
            assert world.victim.secret not in repr(body), f"{who} reads {name}"
            if says(field, "Needs the permission"):
                expected = "FORBIDDEN" if "administrator" in who else "UNAUTHENTICATED"
                assert {each["extensions"]["code"] for each in body["errors"]} == {expected}, f"{who} reads {name}"
                gated.add(name)
            elif says(field, "Null without `tenant:read`") and "platform" not in who:
                assert (body["data"], body.get("errors")) == ({"tenant": {name: None}}, None)
                gated.add(name)
            else:
                assert "errors" not in body, f"{who} cannot read {name}: {body}"
    expected_gates = {"Queue": {"waiting", "sessions", "events", "counters"}, "Tenant": {"settings", "limits", "usage"}}
    assert expected_gates[door] <= gated


async def test_an_account_without_permissions_opens_nothing(world: World) -> None:
    type_ = schema().type_map["Queue"]
    assert isinstance(type_, GraphQLObjectType)
    for name, field, chosen in paths(type_):
        body = await read(world.customer, "Queue", world.victim, chosen)
        assert world.victim.secret not in repr(body), name
        if says(field, "Needs the permission"):
            assert {each["extensions"]["code"] for each in body["errors"]} == {"FORBIDDEN"}, name


async def test_staff_see_what_is_behind(world: World) -> None:
    """The doors that are closed to others are doors."""
    type_ = schema().type_map["Queue"]
    assert isinstance(type_, GraphQLObjectType)
    for name in ("waiting", "sessions", "events"):
        inner = get_named_type(type_.fields[name].type)
        body = await read(world.victim.admin, "Queue", world.victim, f"{name}(first: 5) {selection(inner, 3)}")
        assert "errors" not in body, body
        assert body["data"]["queueBySlug"][name]["edges"]
        assert (world.victim.secret in repr(body)) == (name != "events")


PRIVATE = ["userIdentifier", "metadata", "cancelReason", "servedBy { id }", "contact { email phone }"]
STAFF_ONLY = ["notes { text }", "counter { currentSession { id } }", "counter { currentShift { id } }"]


@pytest.mark.parametrize("chosen", [*PRIVATE, *STAFF_ONLY])
async def test_whoever_knows_an_identifier_learns_nothing_of_its_owner(world: World, chosen: str) -> None:
    """A join that finds a place already there shows it: to its owner, to staff, and its public part to anybody."""
    document = (
        "mutation($i: QueueJoinInput!) { queueJoin(input: $i) {"
        f" __typename ... on AlreadyWaitingError {{ session {{ ticketNumber {chosen} }} }} }} }}"
    )
    called = {"queueId": world.victim.ids["Queue"], "userIdentifier": f"called {world.victim.secret}"}
    for who in ("a stranger", "another tenant's visitor"):
        body = (await world.strangers[who].send(document, i=called)).json()
        assert world.victim.secret not in repr(body)
        if chosen in STAFF_ONLY:
            assert {each["extensions"]["code"] for each in body["errors"]} == {"UNAUTHENTICATED"}
        else:
            session = body["data"]["queueJoin"]["session"]
            assert session == {"ticketNumber": session["ticketNumber"], chosen.split()[0]: None}


async def test_a_visitor_sees_their_own_and_no_other_place(world: World) -> None:
    document = "query($id: ID!) { session(id: $id) { userIdentifier contact { email } metadata } }"
    own = (await world.victim.waiting.visitor.send(document, id=world.victim.waiting.id)).json()
    assert own["data"]["session"]["userIdentifier"] == f"waiting {world.victim.secret}"
    other = (await world.victim.waiting.visitor.send(document, id=world.victim.neighbour.id)).json()
    assert other["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert world.victim.secret not in repr(other)
