"""Every root field and every node id, with another tenant's credentials of every kind: nothing shown, nothing changed.

`tests/isolation` tries wrong ids of every make with a few callers; here it is the right ids, all of them, with every
kind of credential a stranger to the business can have. Holes that are seeded into the context prove the checker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from app.context import Context
from app.core.graphql.permissions import Public
from app.core.ids import Ref, decode, parse
from app.identity.models import Role
from app.identity.permissions import MATRIX
from tests.contract.operations import operation
from tests.support.api import PASSWORD, Api, Caller
from tests.support.holdings import Holdings, holdings
from tests.support.schema_walk import Path, RootField, root_fields, schema, selection
from tests.support.ws_client import OperationFailed

ALL = sorted(MATRIX[Role.ADMIN])
FIELDS = root_fields()
# Whatever else it were, the walk would prove nothing: a document that is refused reaches no resolver.
REFUSALS = {"NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"}
# Anybody may look at these kinds; staff of others are told NOT_FOUND all the same, visitors of others are strangers.
PUBLIC_KINDS = {"Queue", "QueueCategory", "Tenant"}


@dataclass(frozen=True)
class World:
    """The business whose things are wanted, and people of another one."""

    victim: Holdings
    attacker: Holdings
    callers: Mapping[str, Caller]

    def attempts(self, field: RootField) -> list[dict[Path, str]]:
        """The ways to name the victim's things: each alone beside the caller's own, and all of them."""
        theirs = {path: self.victim.ids[kind] for path, kind in field.ids.items()}
        ours = {path: self.attacker.ids[kind] for path, kind in field.ids.items()}
        alone: list[dict[Path, str]] = [{**ours, path: id} for path, id in theirs.items()]
        return [*alone, theirs] if len(theirs) > 1 else alone or [{}]

    def told(self, body: object) -> str | None:
        """What of the victim stands in an answer."""
        text = repr(body)
        words = {"a secret": self.victim.secret, "a name": self.victim.label}
        words |= {f"the id of a {kind}": id for kind, id in self.victim.ids.items() if kind not in PUBLIC_KINDS}
        return next((name for name, word in words.items() if word in text), None)


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    victim, attacker = await holdings(api), await holdings(api)
    return World(victim, attacker, await credentials(api, attacker))


async def credentials(api: Api, attacker: Holdings) -> dict[str, Caller]:
    """Everything somebody of another business can show."""
    business = attacker.business
    key = await business.admin(operation("ApiKeyCreate"), input={"name": "All", "scopes": ALL})
    role = await business.admin(operation("CustomRoleCreate"), input={"name": "All", "permissions": ALL})
    email = f"{uuid4().hex}@{business.slug}.example"
    given = {"email": email, "password": PASSWORD, "customRoleId": role["customRole"]["id"]}
    await business.admin(operation("UserCreate"), input=given)
    return {
        "their administrator": business.admin,
        "their manager": await business.user(Role.MANAGER),
        "their staff": await business.user(Role.STAFF),
        "their customer": await business.user(Role.CUSTOMER),
        "their custom role": await api.sign_in(business.slug, email),
        "their API key": Caller(api, key["secret"]),
        "their visitor": attacker.waiting.visitor,
    }


async def answer(caller: Caller, field: RootField, ids: Mapping[Path, Any]) -> dict[str, Any]:
    """What is answered to whoever asks for as many levels of it as are answered at all, from three to one.

    A document may be too long; and what is refused below takes what is above it away.
    """
    body: dict[str, Any] = {}
    for depth in (2, 1, 0):
        body = await ask(caller, field, ids, depth)
        if (body.get("data") or {}).get(field.name) is not None:
            break
    return body


async def ask(caller: Caller, field: RootField, ids: Mapping[Path, Any], depth: int) -> dict[str, Any]:
    variables = field.arguments(ids)
    if field.name == "node":
        # All that is said of its kind; of all kinds together it would be more than a document may have.
        type_ = schema().type_map[parse(ids["id",])[0]]
        document = f"query($id: ID!) {{ node(id: $id) {{ ... on {type_.name} {selection(type_, depth)} }} }}"
    else:
        document = field.document(variables, depth=depth)
    if field.operation == "subscription":
        async with caller.socket() as socket:
            try:
                return await (await socket.subscribe(document, variables)).payload()
            except OperationFailed as refusal:
                return {"errors": refusal.errors}
    body: dict[str, Any] = (await caller.send(document, **variables)).json()
    return body


async def problems(world: World, field: RootField, callers: Mapping[str, Caller]) -> list[str]:
    """What is told or done that should not be."""
    found = []
    before = await world.victim.rows()
    for who, caller in callers.items():
        if field.name == "queueJoin" and who == "their visitor":
            # Visitors are strangers elsewhere, and strangers join.
            continue
        for ids in world.attempts(field):
            body = await answer(caller, field, ids)
            # Of the site's verbs: for visitors, or with an admission token, which these are not and have not.
            expected = REFUSALS | {"BAD_USER_INPUT"} if field.name.startswith("admission") else REFUSALS
            if codes := codes_in(body) - expected:
                found.append(f"{who} is answered {codes} by {field}")
            is_public = who == "their visitor" and (isinstance(field.access, Public) or field.name == "node")
            if (told := world.told(body)) is not None and not (is_public and told == "a name"):
                found.append(f"{who} is told {told} by {field}: {body!r:.200}")
            # Below what is shown there may be a refusal as well: it is the field itself that has to be refused.
            value = (body.get("data") or {}).get(field.name)
            if field.ids and not is_public and value is not None and value.get("edges") != []:
                found.append(f"{who} is answered by {field}: {body!r:.200}")
    after = await world.victim.rows()
    found += [f"{field} changes {table}" for table in before if before[table] != after[table]]
    return found


def codes_in(body: Mapping[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in body.get("errors", [])}


@pytest.mark.parametrize("field", FIELDS, ids=str)
async def test_nothing_of_theirs_is_shown_and_nothing_changes(world: World, field: RootField) -> None:
    assert await problems(world, field, world.callers) == []


async def test_no_object_is_shown_by_its_id(world: World) -> None:
    (node,) = (field for field in FIELDS if field.name == "node")
    for kind, id in world.victim.ids.items():
        for who, caller in world.callers.items():
            body = await answer(caller, node, {("id",): id})
            if who == "their visitor" and kind in PUBLIC_KINDS:
                assert world.victim.secret not in repr(body)
                continue
            assert len(codes_in(body) & REFUSALS) == 1, f"{who}: {kind}"
            assert body["data"] == {"node": None}, f"{who}: {kind}"
            assert world.told(body) is None, f"{who}: {kind}"


def believe(self: Context, kind: str, id: str) -> Ref:
    """As if somebody had forgotten that ids come from clients."""
    ref = decode(kind, id)
    self.actor = replace(self.actor, tenant_id=ref.tenant_id)
    return ref


async def test_ids_that_are_believed_are_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, attacker = await holdings(api), await holdings(api)
    world = World(victim, attacker, await credentials(api, attacker))
    callers = {"their administrator": attacker.admin}
    monkeypatch.setattr(Context, "ref", believe)
    # One of each make: a query, a feed, and mutations that read, change and take away.
    holes = {"node", "queueChanged", "queueSetHours", "sessionAddNote", "apiKeyRevoke", "customRoleUpdate"}
    noticed = {field.name for field in FIELDS if field.name in holes and await problems(world, field, callers)}
    assert noticed == holes


async def test_a_tenant_that_is_mixed_up_is_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, attacker = await holdings(api), await holdings(api)
    world = World(victim, attacker, {})
    callers = {"their administrator": attacker.admin}
    monkeypatch.setattr(Context, "tenant_id", property(lambda self: victim.tenant_id))
    holes = {"users", "queues", "apiKeys", "customRoles", "queueCreate"}
    noticed = {field.name for field in FIELDS if field.name in holes and await problems(world, field, callers)}
    assert noticed == holes
