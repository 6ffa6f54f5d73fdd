"""The front-ends' documents, prepared and executed: the same bytes, successes and refusals alike."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.api.execution import ServedSchema
from app.api.schema import build_schema
from app.api.transport import result_payload
from app.context import Context
from app.core.actor import ANONYMOUS, Actor
from tests.contract.operations import operation
from tests.fanout.hosts import visitor
from tests.support.api import Api
from tests.support.desk import Desk
from tests.support.verbs import done


class BothWays:
    """Sends an operation that may be repeated, prepared and not."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self._api = api
        self._monkeypatch = monkeypatch
        self._schema: ServedSchema = build_schema()

    async def __call__(self, name: str, actor: Actor, **variables: Any) -> Any:
        """The value of the root field, which both ways give."""

        async def told(execute: Any) -> bytes:
            result = await execute(
                operation(name),
                variable_values=variables,
                context_value=Context(self._api.runtime, actor, f"request-{uuid4().hex}"),
            )
            return orjson.dumps(result_payload(result))

        expected = await told(self._schema.execute_ordinarily)
        with self._monkeypatch.context() as patched:
            patched.delattr(ServedSchema, "execute_ordinarily")
            assert await told(self._schema.execute) == expected
        (value,) = orjson.loads(expected)["data"].values()
        return value


@pytest.fixture
def both_ways(api: Api, monkeypatch: pytest.MonkeyPatch) -> BothWays:
    return BothWays(api, monkeypatch)


async def staff(desk: Desk) -> Actor:
    admin = desk.business.admin
    return await admin.api.runtime.authenticator.authenticate(admin.token)


@pytest.mark.parametrize("name", ["QueueJoin", "KioskJoin"])
async def test_joins(desk: Desk, both_ways: BothWays, name: str) -> None:
    await desk.join()
    values = {
        "queueId": desk.queue,
        "userIdentifier": 'Ada "%b" 🎫\u2028',
        "contact": {"email": "ada@example.com"},
        "locale": "pt-BR",
        "metadata": {"nested": {"deep": [1, None, "ü"]}},
        "idempotencyKey": "k",
    }
    joined = await both_ways(name, ANONYMOUS, input=values)
    assert joined["session"]["position"] == 2
    assert (await both_ways(name, ANONYMOUS, input=values | {"idempotencyKey": None}))["__typename"] == (
        "AlreadyWaitingError"
    )
    for given, refusal in (
        ({"partySize": 51}, "InvalidInputError"),
        ({"idempotencyKey": "k"}, "IdempotencyConflictError"),
    ):
        answer = await both_ways(name, ANONYMOUS, input={"queueId": desk.queue} | given)
        assert answer["__typename"] == refusal
    await done(desk.business.admin, "queueClose", queueId=desk.queue)
    assert (await both_ways(name, ANONYMOUS, input={"queueId": desk.queue}))["__typename"] == "QueueNotOpenError"


async def test_calls(desk: Desk, both_ways: BothWays) -> None:
    await desk.join(userIdentifier="ada")
    wanted = {"queueId": desk.queue, "counterId": desk.counter}
    called = await both_ways("QueueCallNext", await staff(desk), input=wanted | {"idempotencyKey": "k"})
    assert called["session"]["status"] == "CALLED"
    assert called["session"]["counter"]["id"] == desk.counter
    busy = await both_ways("QueueCallNext", await staff(desk), input=wanted)
    assert busy["__typename"] == "CounterBusyError"


async def test_reads(desk: Desk, both_ways: BothWays) -> None:
    first, second = await desk.join(partySize=2), await desk.join(userIdentifier="ada", metadata={"a": [1]})
    await desk.call()
    await desk.do("sessionAddNote", second, text="ünïcode")
    for session in (first, second):
        for actor in (visitor(session), await staff(desk)):
            assert (await both_ways("MySession", actor, sessionId=session.id))["id"] == session.id
        noted = await both_ways("SessionDetails", await staff(desk), sessionId=session.id)
        assert [note["text"] for note in noted["notes"]] == (["ünïcode"] if session is second else [])
    assert (await both_ways("ObjectById", ANONYMOUS, id=desk.queue))["__typename"] == "Queue"
    assert (await both_ways("QueueRevision", ANONYMOUS, queueId=desk.queue))["revision"] > 0
