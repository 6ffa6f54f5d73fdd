"""A session token reaches exactly one session: by every root field, and by every way down from what is its own."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from graphql import GraphQLObjectType

from app.sessions.graphql import loaders
from tests.isolation.test_nested_walk import paths
from tests.support.api import Api, Caller, GraphQLFailed, Joined
from tests.support.holdings import Holdings, holdings
from tests.support.schema_walk import RootField, root_fields, schema
from tests.support.ws_client import OperationFailed

FIELDS = root_fields()
BY_SESSION = [field for field in FIELDS if "Session" in field.ids.values() and field.name != "node"]
REFUSALS = {"NOT_FOUND", "UNAUTHENTICATED"}
DEPTH = 3


@dataclass(frozen=True)
class World:
    """A business where three wait, are called and wait again; who asks is the second, and has a second place."""

    business: Holdings
    me: Joined
    my_other: Joined

    def others(self, body: object) -> str | None:
        """What stands in an answer of anybody but the asker."""
        text = repr(body)
        for mine in (
            f"waiting {self.business.secret}",
            f"waiting.{self.business.secret}@private.example",
            f"{{'private': '{self.business.secret}'}}",
            # What one was told oneself.
            f"Subject {self.business.secret}",
            f"Body {self.business.secret}",
        ):
            text = text.replace(mine, "")
        words = {
            "a secret": self.business.secret,
            "the neighbour": self.business.neighbour.id,
            "one's other place": self.my_other.id,
        }
        return next((name for name, word in words.items() if word in text), None)


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    mine = await holdings(api)
    elsewhere = await mine.business.join(await mine.business.queue(), userIdentifier="waiting again")
    return World(mine, mine.waiting, elsewhere)


async def answer(caller: Caller, field: RootField, session_id: str, world: World, depth: int = 1) -> dict[str, Any]:
    ids = {path: session_id if kind == "Session" else world.business.ids[kind] for path, kind in field.ids.items()}
    variables = field.arguments(ids)
    document = field.document(variables, depth=depth)
    if field.operation == "subscription":
        async with caller.socket() as socket:
            try:
                return await (await socket.subscribe(document, variables)).payload()
            except OperationFailed as refusal:
                return {"errors": refusal.errors}
    body: dict[str, Any] = (await caller.send(document, **variables)).json()
    return body


async def problems(world: World, field: RootField) -> list[str]:
    """What the token opens that is not its own."""
    found = []
    before = await world.business.rows()
    # Of one level only, too: what is refused below (notes, say) takes all that is above it away.
    for other, depth in product((world.business.neighbour, world.my_other), (0, 1)):
        body = await answer(world.me.visitor, field, other.id, world, depth)
        codes = {error["extensions"]["code"] for error in body.get("errors", [])}
        if not codes or codes - REFUSALS or (body.get("data") or {}).get(field.name) is not None:
            found.append(f"{field} answers {codes}: {body!r:.200}")
        if (told := world.others(body)) is not None:
            found.append(f"{field} tells of {told}: {body!r:.200}")
    after = await world.business.rows()
    return found + [f"{field} changes {table}" for table in before if before[table] != after[table]]


@pytest.mark.parametrize("field", BY_SESSION, ids=str)
async def test_no_other_session_is_reached(world: World, field: RootField) -> None:
    assert await problems(world, field) == []


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in BY_SESSION], ids=str)
async def test_nothing_else_tells_of_others(world: World, field: RootField) -> None:
    if field.name == "queueJoin":
        # Joins again, which is anybody's to do; what it answers is tested where joins are.
        return
    if field.name == "notificationReceived":
        # Tells of what is sent from now on, which is nothing here: tests/inbox.
        return
    assert world.others(await answer(world.me.visitor, field, world.me.id, world)) is None


DOORS = {
    "by its id": "query($id: ID!) { session(id: $id) { %s } }",
    "by its token": "query($id: ID!) { viewer { ... on Visitor { session { %s } } } node(id: $id) { id } }",
}


@pytest.mark.parametrize("door", DOORS)
async def test_every_way_down_from_ones_own_session(world: World, door: str) -> None:
    type_ = schema().type_map["Session"]
    assert isinstance(type_, GraphQLObjectType)
    seen = 0
    for name, _, chosen in paths(type_, DEPTH):
        body = (await world.me.visitor.send(DOORS[door] % chosen, id=world.me.id)).json()
        assert world.others(body) is None, name
        assert {error["extensions"]["code"] for error in body.get("errors", [])} <= {"UNAUTHENTICATED"}, name
        seen += "errors" not in body
    assert seen > 50


async def test_it_reaches_the_one(world: World) -> None:
    found = await world.me.visitor("query($id: ID!) { session(id: $id) { id userIdentifier } }", id=world.me.id)
    assert found == {"id": world.me.id, "userIdentifier": f"waiting {world.business.secret}"}
    with pytest.raises(GraphQLFailed):
        await world.my_other.visitor("query($id: ID!) { session(id: $id) { id } }", id=world.me.id)


async def test_a_token_that_reaches_its_whole_tenant_is_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = await holdings(api)
    world = World(mine, mine.waiting, await mine.business.join(await mine.business.queue()))
    # As if the tenant were all that is looked at.
    monkeypatch.setattr(loaders, "ensure_session_access", lambda *_: None)
    (field,) = (each for each in BY_SESSION if each.name == "session")
    noticed = await problems(world, field)
    assert len([problem for problem in noticed if problem.startswith("session answers")]) == 2, noticed
