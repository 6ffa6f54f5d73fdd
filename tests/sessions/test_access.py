"""Who may do what with a session: every verb tried by everybody who may not, and nothing changes."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.desk import Desk
from tests.support.queue_logs import nothing_changes
from tests.support.verbs import ask, done

# Verb, what it is given besides the session, what has to have happened, and whether its own visitor may do it.
VERBS: list[tuple[str, dict[str, Any], list[str], bool]] = [
    ("sessionCall", {"counterId": "counter"}, [], False),
    ("sessionRecall", {}, ["call"], False),
    ("sessionStart", {}, ["call"], False),
    ("sessionComplete", {}, ["call", "sessionStart"], False),
    ("sessionMarkNoShow", {}, ["call"], False),
    ("sessionCancel", {}, [], True),
    ("sessionReturnToQueue", {}, ["call"], False),
    ("sessionStepBack", {}, [], True),
    ("sessionHold", {}, [], False),
    ("sessionUnhold", {}, ["sessionHold"], False),
    ("sessionTransfer", {"toQueueId": "target"}, [], False),
    ("sessionSetPriority", {"priority": 4}, [], False),
    ("sessionAddNote", {"text": "Hello."}, [], False),
]


async def _code(caller: Caller, verb: str, **given: Any) -> str:
    with pytest.raises(GraphQLFailed) as failed:
        await ask(caller, verb, **given)
    return str(failed.value.code)


@pytest.mark.parametrize(("verb", "extra", "before", "own"), VERBS, ids=[row[0] for row in VERBS])
async def test_who_may(
    api: Api, desk: Desk, other: Business, verb: str, extra: dict[str, Any], before: list[str], own: bool
) -> None:
    visitor, neighbour = await desk.join(), await desk.join()
    given = {"counter": desk.counter, "target": await desk.business.queue()}
    extra = {name: given.get(str(value), value) for name, value in extra.items()}
    for step in before:
        await (desk.call() if step == "call" else desk.do(step, visitor))
    stranger = await other.join(await other.queue())
    customer = await desk.business.user(Role.CUSTOMER)
    async with nothing_changes(api, desk.queue):
        codes = {
            "anonymous": await _code(api.anonymous, verb, sessionId=visitor.id, **extra),
            "another visitor": await _code(neighbour.visitor, verb, sessionId=visitor.id, **extra),
            "another tenant's visitor": await _code(stranger.visitor, verb, sessionId=visitor.id, **extra),
            "another tenant's admin": await _code(other.admin, verb, sessionId=visitor.id, **extra),
            "a customer": await _code(customer, verb, sessionId=visitor.id, **extra),
            "a wrong kind of id": await _code(desk.business.admin, verb, sessionId=desk.queue, **extra),
        }
        if not own:
            codes["its visitor"] = await _code(visitor.visitor, verb, sessionId=visitor.id, **extra)
    assert codes == {
        "anonymous": "UNAUTHENTICATED",
        "another visitor": "NOT_FOUND" if own else "UNAUTHENTICATED",
        "another tenant's visitor": "NOT_FOUND" if own else "UNAUTHENTICATED",
        "another tenant's admin": "NOT_FOUND",
        "a customer": "FORBIDDEN",
        "a wrong kind of id": "NOT_FOUND",
    } | ({} if own else {"its visitor": "UNAUTHENTICATED"})
    staff = await desk.business.user(Role.STAFF)
    await done(visitor.visitor if own else staff, verb, sessionId=visitor.id, **extra)


async def test_who_may_call_next(api: Api, desk: Desk, other: Business) -> None:
    visitor = await desk.join()
    customer = await desk.business.user(Role.CUSTOMER)
    given = {"queueId": desk.queue, "counterId": desk.counter}
    their_queue = await other.queue()
    their_counter = await other.counter(their_queue)
    async with nothing_changes(api, desk.queue, their_queue):
        assert await _code(api.anonymous, "queueCallNext", **given) == "UNAUTHENTICATED"
        assert await _code(visitor.visitor, "queueCallNext", **given) == "UNAUTHENTICATED"
        assert await _code(customer, "queueCallNext", **given) == "FORBIDDEN"
        assert await _code(other.admin, "queueCallNext", **given) == "NOT_FOUND"
        mixed = {"queueId": desk.queue, "counterId": their_counter}
        assert await _code(desk.business.admin, "queueCallNext", **mixed) == "NOT_FOUND"
        mixed = {"queueId": their_queue, "counterId": desk.counter}
        assert await _code(desk.business.admin, "queueCallNext", **mixed) == "NOT_FOUND"
        called = await _code(desk.business.admin, "sessionCall", sessionId=visitor.id, counterId=their_counter)
        assert called == "NOT_FOUND"


async def test_who_may_look(api: Api, desk: Desk, other: Business) -> None:
    visitor = await desk.join(userIdentifier="ada", contact={"email": "ada@example.com"}, metadata={"a": 1})
    neighbour = await desk.join()
    query = "query($id: ID!) { session(id: $id) { id userIdentifier contact { email } metadata } }"
    shown = {
        "id": visitor.id,
        "userIdentifier": "ada",
        "contact": {"email": "ada@example.com"},
        "metadata": {"a": 1},
    }
    staff = await desk.business.user(Role.STAFF)
    for caller in (visitor.visitor, staff):
        assert await caller(query, id=visitor.id) == shown
    codes = {}
    customer = await desk.business.user(Role.CUSTOMER)
    for name, caller in {
        "anonymous": api.anonymous,
        "neighbour": neighbour.visitor,
        "other": other.admin,
        "customer": customer,
    }.items():
        answer = (await caller.send(query, id=visitor.id)).json()
        assert answer["data"] == {"session": None}
        codes[name] = answer["errors"][0]["extensions"]["code"]
    assert codes == {
        "anonymous": "UNAUTHENTICATED",
        "neighbour": "NOT_FOUND",
        "other": "NOT_FOUND",
        "customer": "FORBIDDEN",
    }
    line = "query($id: ID!) { queue(id: $id) { waiting(first: 5) { edges { node { userIdentifier } } } } }"
    for caller, code in ((api.anonymous, "UNAUTHENTICATED"), (visitor.visitor, "UNAUTHENTICATED")):
        with pytest.raises(GraphQLFailed) as failed:
            await caller(line, id=desk.queue)
        assert failed.value.code == code
