"""What operations need around them, without a socket: an outlet that keeps what it is sent, and a host."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID, uuid4

import orjson

from app.api.compiled import Compiled
from app.api.operations import Operation
from app.api.transport import Charge, Executable, OperationRequest
from app.context import Context
from app.core.actor import Actor, ActorKind
from app.core.ids import decode
from app.core.live.fanout import Seat
from app.sessions.live import LiveLine
from app.settings import Settings
from tests.support.api import Api, Joined, key_of
from tests.support.schemas import served_schema
from tests.support.waiting import eventually

FEED = "subscription($id: ID!) { sessionChanged(sessionId: $id) { %s } }"
PLACE = "id status position aheadCount revision onHold priority callCount"
QUEUE = "subscription($id: ID!) { queueChanged(queueId: $id) { name waitingCount revision } }"
DISPLAY = "subscription($ids: [ID!]!) { displayChanged(queueIds: $ids) { queues { waitingCount revision next } } }"

# Generated documents are longer than what people write.
SCHEMA = served_schema(Settings(max_query_tokens=2_000))


class KeptOutlet:
    """An outlet that keeps every message, and is as slow as it is told."""

    def __init__(self, log: list[bytes] | None = None) -> None:
        self.messages: list[bytes] = [] if log is None else log
        self.is_slow = False
        self.callbacks: list[Callable[[], None]] = []

    def send(self, message: bytes) -> None:
        self.messages.append(message)

    def when_drained(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def drain(self) -> None:
        """The peer has read everything."""
        self.is_slow = False
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


def seat(outlet: KeptOutlet, resume: Callable[[], None] = lambda: None, name: str = "") -> Seat:
    """A seat whose messages begin with a name."""
    return Seat(outlet, name.encode(), b"", resume)


class Counting:
    """The schema, and how often a subscription was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self._schema = SCHEMA._schema

    async def execute(self, query: str | None, /, **arguments: Any) -> Any:
        return await SCHEMA.execute(query, **arguments)

    async def stream(self, query: str | None, /, **arguments: Any) -> Any:
        self.begun += 1
        return await SCHEMA.stream(query, **arguments)


class Ordinary(Compiled):
    """Parks nobody: the reference."""

    def park(self, *_: Any) -> None:
        return None


class Host:
    """A connection without a socket: operations, and what each was sent."""

    def __init__(self, api: Api, actor: Actor, compiled: Compiled | None = None, schema: Executable = SCHEMA) -> None:
        self.schema = schema
        self.compiled = compiled or Compiled(schema)
        self.charge: Charge | None = None
        self.outlet = KeptOutlet()
        self.over: list[str] = []
        self._api = api
        self._actor = actor
        self._tasks: set[asyncio.Task[None]] = set()
        self._operations: list[Operation] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def forget(self, operation: Operation) -> None:
        self.over.append(operation.id)

    @property
    def running(self) -> int:
        """Tasks that run: a parked operation has none."""
        return len(self._tasks)

    def subscribe(self, query: str, variables: dict[str, Any] | None = None, id: str = "1") -> Operation:
        """Begin an operation."""
        context = Context(self._api.runtime, self._actor, f"request-{uuid4().hex}")
        operation = Operation(self, id, OperationRequest(query, variables, None), context)
        self._operations.append(operation)
        operation.run()
        return operation

    async def settled(self, count: int = 1) -> None:
        """Wait until so many operations have shown their first item, and none of them runs."""
        await eventually(lambda: len(self.outlet.messages) >= count and not self._tasks)

    def items(self, id: str = "1") -> list[Any]:
        """What an operation has shown: the value of its root field, item by item."""
        found = []
        for message in map(orjson.loads, self.outlet.messages):
            if message["id"] == id and message["type"] == "next":
                assert "errors" not in message["payload"], message
                (item,) = message["payload"]["data"].values()
                found.append(item)
        return found

    def messages(self, id: str = "1") -> list[bytes]:
        """Everything an operation was sent, in order."""
        return [message for message in self.outlet.messages if orjson.loads(message)["id"] == id]

    async def close(self) -> None:
        """As a connection does in the end."""
        for operation in self._operations:
            operation.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.compiled.stop()


def visitor(joined: Joined) -> Actor:
    """The visitor of a session."""
    ref = decode("Session", joined.id)
    return Actor(ActorKind.VISITOR, tenant_id=ref.tenant_id, id=ref.id)


async def live_line(api: Api, queue_id: str) -> LiveLine:
    """The queue's line in this process."""
    tenant_id: UUID = tenant_of(queue_id)
    return await api.runtime.lines.get(tenant_id, key_of("Queue", queue_id))


def tenant_of(queue_id: str) -> UUID:
    """The tenant named in an id."""
    return decode("Queue", queue_id).tenant_id
