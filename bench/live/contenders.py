"""The servers of the fan-out side by side: each is opened with a crowd of its own, then told of one event at a time.

All do the same: one event, one personalised update to everybody, the same bytes. What each leaves out stands with it.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.benchmark import Bench
from bench.http import Connection, request_for, success
from bench.live.audience import DOCUMENT, Audience, talk
from bench.live.crowd import Crowd, Talk, crowd
from bench.live.node_packages import NodeMissing
from bench.stage import Server, Stage

OURS = "this product"
_OPEN_SECONDS = 180.0
_WARM_UP_SOCKETS = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of reference server."""

    name: str
    leaves_out: str
    start: Callable[[Stage, str], AbstractContextManager[Server | None]]
    """Given the stage and the `--ahead` argument."""
    is_node_graphql: bool = False
    is_slow: bool = False
    """Hundreds of microseconds an update: measured with fewer waves."""


def _node(name: str, which: str, leaves_out: str, *, is_graphql: bool = True) -> Kind:
    def start(stage: Stage, ahead: str) -> AbstractContextManager[Server]:
        return stage.node(f"Node {which}", "fanout.cjs", [f"--as={which}", ahead])

    return Kind(name, leaves_out, start, is_node_graphql=is_graphql)


LIMIT_C = Kind(
    "C with epoll, ready-made frames",
    "GraphQL, rendering, database, authentication, heartbeat, back-pressure",
    lambda stage, ahead: stage.native("the limit", "limit", [ahead]),
)
LIMIT_PYTHON = Kind(
    "Python protocol, ready-made frames",
    "the same; on uvloop",
    lambda stage, ahead: stage.reference("plain protocol", "bench.live.plain", [ahead]),
)
NODE_WS = _node("Node ws, ready-made frames", "ws", "the same; frames pass the library's sending by", is_graphql=False)
NAIVE = Kind(
    "Strawberry, a generator per subscriber",
    "database, authentication, heartbeat, limits",
    lambda stage, ahead: stage.reference("naive Strawberry", "bench.live.naive", [ahead]),
    is_slow=True,
)
REFERENCES = (
    LIMIT_C,
    LIMIT_PYTHON,
    NODE_WS,
    _node("Node graphql-ws + graphql-jit", "graphql-jit", "database, authentication, heartbeat, back-pressure"),
    _node("Node graphql-ws", "graphql-ws", "database, authentication, heartbeat, back-pressure"),
    _node("Node Mercurius", "mercurius", "database, authentication, heartbeat, back-pressure"),
    NAIVE,
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What connecting and subscribing cost, per visitor."""

    per_second: float
    cpu_ms: float
    memory_kb: float


@dataclass(frozen=True, slots=True)
class Wave:
    """One event; times in seconds since it was sent."""

    answered: float
    latencies: list[float]
    server_cpu_seconds: float
    crowd_cpu_seconds: float
    unexpected: int
    """Updates that nothing explains."""


class Contender(ABC):
    """A server with everybody watching."""

    wave_seconds = 60.0
    """How long an update may take."""
    apart_seconds = 0.0
    """Events are at least so far apart, as they are in a queue; a server may put its house in order in between."""

    def __init__(self, name: str, server: Server, crowd: Crowd, size: int) -> None:
        self.name, self.server, self.crowd, self._size = name, server, crowd, size
        self._connection = Connection("127.0.0.1", server.port)
        self.events = 0
        self._last_event = 0.0

    @abstractmethod
    def _talks(self) -> list[Talk]: ...

    @abstractmethod
    async def _prepared(self) -> bytes:
        """The request that is the next event; whatever can be done before it is done."""

    async def _settled(self) -> None:  # noqa: B027 - most have nothing to wait for
        """Wait for what an event causes besides the updates."""

    @abstractmethod
    def _first_position(self) -> int:
        """Of the first who watches, now."""

    async def open(self, directory: Path) -> Opened:
        """Connect and subscribe everybody; `directory` is the run's."""
        talks = self._talks()
        async with crowd(directory) as warm_up:
            await warm_up.open(self.server.port, talks[:_WARM_UP_SOCKETS], _OPEN_SECONDS)
        memory, cpu = self.server.memory_bytes(), self.server.cpu_seconds()
        done = await self.crowd.open(self.server.port, talks, _OPEN_SECONDS)
        cpu, memory = self.server.cpu_seconds() - cpu, self.server.memory_bytes() - memory
        await self.crowd.clear()
        return Opened(self._size / done.seconds, cpu / self._size * 1000, memory / self._size / 1024)

    async def wave(self) -> Wave:
        """Tell it of an event, wait for everybody's update."""
        request = await self._prepared()
        await asyncio.sleep(self._last_event + self.apart_seconds - time.monotonic())
        unexpected = await self.crowd.clear()
        cpu = self.server.cpu_seconds()
        await self.crowd.tell_collect(self._size, self.wave_seconds)
        self._last_event = sent = time.monotonic()  # one clock for all processes of a machine
        await self._connection.send(request)
        answered = time.monotonic() - sent
        collected = await self.crowd.hear_collected()
        await self._settled()
        cpu = self.server.cpu_seconds() - cpu
        self.events += 1
        if collected.arrived < self._size:
            raise AssertionError(f"{self.name}: {collected.arrived} of {self._size} updates came")
        arrivals = await self.crowd.arrivals()
        latencies = [at - sent for at in arrivals.seconds]
        return Wave(answered, latencies, cpu, collected.cpu_seconds, unexpected)

    async def check(self) -> int:
        """Hold everybody's last position against the line; bytes of the last update."""
        first, members = self._first_position(), await self.crowd.members()
        positions = [member.state.get("position") for member in members]
        expected = list(range(first, first + self._size))
        if positions != expected:
            wrong = [pair for pair in zip(positions, expected, strict=True) if pair[0] != pair[1]]
            raise AssertionError(f"{self.name}: {len(wrong)} last positions are wrong, as (shown, true): {wrong[:5]}")
        return len(members[0].last)

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()


class Product(Contender):
    """`vq serve`: an event is a call over HTTP, which is committed, goes over the log, and moves everybody by one."""

    def __init__(self, server: Server, crowd: Crowd, bench: Bench, audience: Audience, document: str) -> None:
        super().__init__(OURS, server, crowd, len(audience.watching))
        self._business, self._audience, self._document = bench.business, audience, document
        self.revision = 0

    async def call(self) -> int:
        """One event without waiting for anything; the revision it made."""
        self.events += 1
        request = self._business.call_request(self._audience.queue, self.events)
        self.revision = int(success(await self._connection.send(request))["session"]["revision"])
        return self.revision

    def _talks(self) -> list[Talk]:
        return self._audience.talks(self._document)

    async def _prepared(self) -> bytes:
        # The relay brings the event before over the bus: work of that wave.
        await self._business.settle()
        return self._business.call_request(self._audience.queue, self.events + 1)

    async def _settled(self) -> None:
        await self._business.settle()

    def _first_position(self) -> int:
        return len(self._audience.ahead) - self.events + 1


class Reference(Contender):
    """A reference: an event is `POST /wave`; what it makes ready before that does not count."""

    def __init__(self, kind: Kind, server: Server, crowd: Crowd, size: int, ahead: int) -> None:
        super().__init__(kind.name, server, crowd, size)
        self.kind, self._ahead = kind, ahead

    def _talks(self) -> list[Talk]:
        return [talk(DOCUMENT, str(place)) for place in range(self._size)]

    async def _prepared(self) -> bytes:
        await self._connection.send(request_for("", {}, path="/prepare"))
        return request_for("", {}, path="/wave")

    def _first_position(self) -> int:
        return self._ahead - self.events + 1


async def product(bench: Bench, stack: AsyncExitStack, audience: Audience, document: str = DOCUMENT) -> Product:
    """A fresh API process with a crowd."""
    server = stack.enter_context(bench.stage.api())
    found = Product(server, await stack.enter_async_context(crowd(bench.stage.root)), bench, audience, document)
    stack.push_async_callback(found.close)
    return found


async def references(
    bench: Bench, stack: AsyncExitStack, size: int, ahead: int, kinds: tuple[Kind, ...] = REFERENCES
) -> list[Reference]:
    """Those this machine can run, each with a crowd."""
    found = []
    for kind in kinds:
        try:
            server = stack.enter_context(kind.start(bench.stage, f"--ahead={ahead}"))
        except NodeMissing as missing:
            bench.say(f"without {kind.name}: {missing}")
            continue
        if server is None:
            bench.say(f"without {kind.name}: there is no C compiler")
            continue
        reference = Reference(kind, server, await stack.enter_async_context(crowd(bench.stage.root)), size, ahead)
        stack.push_async_callback(reference.close)
        found.append(reference)
    return found


def left_out() -> Iterator[str]:
    """What each reference leaves out, for the report."""
    for kind in REFERENCES:
        yield f"*{kind.name}* leaves out: {kind.leaves_out}."
