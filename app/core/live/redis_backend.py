"""broadcaster's backend over one supervised Redis connection that never stays deaf.

Not a queue: what is published while the connection is away is lost, and every channel is told so by a `ResyncEvent`.
"""

import asyncio
import logging
import math
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from broadcaster import BroadcastBackend, Event
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.core.live.connection import connect_redis
from app.core.live.feed import BusUnavailable

logger = logging.getLogger(__name__)

EVERY_CHANNEL = ""
"""The channel of a `ResyncEvent` that concerns all of them."""

_BUFFERED_EVENTS = 20_000
_CHANNELS_PER_COMMAND = 500


class ResyncEvent(Event):
    """Messages of this channel may be missing from here on."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, "")


class DeadConnection(Exception):
    """The server has not even answered a PING for too long."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Deadlines, in seconds.

    With the defaults a server that comes back is used again within 1.5 s, and one that stops answering without closing
    the connection (pulled cable, frozen machine) is given up after 5 s.
    """

    connect: float = 2.0
    publish: float = 1.0
    subscribe: float = 2.0
    ping_every: float = 1.5
    dead_after: float = 5.0
    first_retry: float = 0.05
    longest_retry: float = 1.0


class SupervisedRedisBackend(BroadcastBackend):
    """Keeps the server's subscriptions equal to `_wanted` for as long as the process lives.

    A channel is `_wanted` (somebody listens), `_asked` (SUBSCRIBE was sent on this connection), `_active` (it was
    acknowledged). A channel in `_owed` gets a resync event when it becomes active: messages may have passed meanwhile.
    """

    def __init__(self, url: str, *, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._publisher = connect_redis(url, deadline_seconds=self._timing.publish, max_connections=8)
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,  # replies of pub/sub arrive as plain lists
            socket_timeout=None,  # silence is normal here; the dead-man timer judges it
            socket_connect_timeout=self._timing.connect,
            retry=Retry(NoBackoff(), 0),
        )
        self._events: asyncio.Queue[Event] = asyncio.Queue(_BUFFERED_EVENTS)
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._active: set[str] = set()
        self._owed: set[str] = set()
        self._unanswered: Counter[str] = Counter()
        self._first_subscriptions: set[str] = set()
        self._acknowledgements: dict[str, asyncio.Future[None]] = {}
        self._work = asyncio.Event()
        self._ping_due = False
        self._heard_at = 0.0
        self._tried = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = False
        self._online = False
        self.connected = False

    async def connect(self) -> None:
        """Start supervising; returns after the first attempt, whether or not the server was there."""
        self._stopping = False
        self._supervisor = asyncio.create_task(self._supervise(), name="live-bus")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.connect):
                await self._tried.wait()

    async def disconnect(self) -> None:
        """Stop supervising and close every connection."""
        # Said as well as done: before Python 3.13 a task group whose task fails while the group is being cancelled
        # raises that failure, and the cancellation is forgotten.
        self._stopping = True
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None
        await self._publisher.aclose()

    async def next_published(self) -> Event:
        """The next message or resync event."""
        return await self._events.get()

    async def publish(self, channel: str, message: bytes | str) -> None:
        """Hand a message to the server; `BusUnavailable` if that does not work within the deadline."""
        try:
            async with asyncio.timeout(self._timing.publish):
                await self._publisher.publish(channel, message)
        except (RedisError, OSError, TimeoutError) as problem:
            raise BusUnavailable(f"The live bus does not answer ({type(problem).__name__}).") from problem

    async def publish_many(self, messages: list[tuple[str, bytes | str]]) -> None:
        """The same for several messages in one round trip."""
        try:
            async with asyncio.timeout(self._timing.publish), self._publisher.pipeline(transaction=False) as pipeline:
                for channel, message in messages:
                    pipeline.execute_command("PUBLISH", channel, message)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as problem:
            raise BusUnavailable(f"The live bus does not answer ({type(problem).__name__}).") from problem

    async def subscribe(self, channel: str) -> None:
        """Listen to a channel; on return every later message arrives, or a resync event does.

        May be called by any number of tasks at once: nothing is awaited before the channel is registered, and all of
        them wait for the same acknowledgement. While the server is away it returns at once.
        """
        if channel not in self._wanted:
            self._wanted.add(channel)
            self._work.set()
        if channel in self._active:
            return
        if not self._online:
            self._owed.add(channel)
            return
        if channel not in self._acknowledgements:
            self._acknowledgements[channel] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timing.subscribe):
                await asyncio.shield(self._acknowledgements[channel])
        except TimeoutError:
            self._owed.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Stop listening. Never suspends, so a cancelled subscriber cannot leave the channel behind."""
        self._wanted.discard(channel)
        self._owed.discard(channel)
        self._work.set()

    async def _supervise(self) -> None:
        delay = self._timing.first_retry
        while True:
            was_connected = False
            try:
                await self._hold_connection()
            except Exception as problem:  # noqa: BLE001 - whatever ended the connection, listeners must live again
                was_connected = self.connected
                self._log_loss(problem, was_connected=was_connected)
            finally:
                self._forget_connection()
            if self._stopping:
                return
            if was_connected:
                delay = self._timing.first_retry
            # Jitter keeps the processes of a large installation from knocking all at once.
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, self._timing.longest_retry)

    async def _hold_connection(self) -> None:
        """Connect, subscribe to everything wanted, and pass messages on until something breaks."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(self._timing.connect):
                await connection.connect()  # type: ignore[no-untyped-call]
            if self._stopping:
                return
            self._heard_at = asyncio.get_running_loop().time()
            self._online = True
            self._first_subscriptions = set(self._wanted)
            self._work.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(connection))
                tasks.create_task(self._write(connection))
                tasks.create_task(self._watch())
        finally:
            await connection.disconnect(nowait=True)

    async def _write(self, connection: AbstractConnection) -> None:
        """The only sender on the connection: turns the difference of wanted and asked into commands."""
        if not self._first_subscriptions:
            self._is_connected()
        while True:
            await self._work.wait()
            self._work.clear()
            if self._ping_due:
                self._ping_due = False
                await connection.send_command("PING", check_health=False)
            while (command := self._next_command()) is not None:
                await connection.send_command(*command, check_health=False)

    def _next_command(self) -> tuple[str, ...] | None:
        """One step towards what is wanted now; decided and noted without a gap, so that nobody relies on less."""
        if missing := list(islice(self._wanted - self._asked, _CHANNELS_PER_COMMAND)):
            self._asked.update(missing)
            self._unanswered.update(missing)
            return ("SUBSCRIBE", *missing)
        if surplus := list(islice(self._asked - self._wanted, _CHANNELS_PER_COMMAND)):
            self._asked.difference_update(surplus)
            self._active.difference_update(surplus)
            self._unanswered.update(surplus)
            return ("UNSUBSCRIBE", *surplus)
        return None

    async def _read(self, connection: AbstractConnection) -> None:
        while True:
            reply = await connection.read_response(disable_decoding=True, timeout=math.inf, disconnect_on_error=False)
            self._heard_at = asyncio.get_running_loop().time()
            match reply:
                case [b"message", bytes(channel), bytes(payload)]:
                    self._emit(Event(channel.decode(), payload.decode(errors="replace")))
                case [(b"subscribe" | b"unsubscribe") as kind, bytes(channel), _]:
                    self._acknowledge(channel.decode(), subscribed=kind == b"subscribe")

    async def _watch(self) -> None:
        """The dead-man timer: without it a half-open connection looks like a quiet one for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timing.ping_every)
            if loop.time() - self._heard_at > self._timing.dead_after:
                raise DeadConnection
            self._ping_due = True
            self._work.set()

    def _acknowledge(self, channel: str, *, subscribed: bool) -> None:
        self._unanswered[channel] -= 1
        if self._unanswered[channel] > 0:
            return  # a later command for this channel is still on its way
        del self._unanswered[channel]
        if subscribed:
            self._active.add(channel)
            if (waiting := self._acknowledgements.pop(channel, None)) is not None:
                waiting.set_result(None)
            if channel in self._owed:
                self._owed.discard(channel)
                self._emit(ResyncEvent(channel))
        self._first_subscriptions.discard(channel)
        if not self.connected and not self._first_subscriptions:
            self._is_connected()

    def _is_connected(self) -> None:
        logger.info("Live bus connected.", extra={"channels": len(self._active)})
        self.connected = True
        self._tried.set()

    def _forget_connection(self) -> None:
        self._online = False
        self.connected = False
        self._asked.clear()
        self._active.clear()
        self._unanswered.clear()
        self._owed = set(self._wanted)
        for waiting in self._acknowledgements.values():
            waiting.set_result(None)
        self._acknowledgements.clear()
        self._tried.set()

    def _emit(self, event: Event) -> None:
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            while not self._events.empty():
                self._events.get_nowait()
            self._events.put_nowait(ResyncEvent(EVERY_CHANNEL))

    def _log_loss(self, problem: Exception, *, was_connected: bool) -> None:
        causes = problem.exceptions if isinstance(problem, ExceptionGroup) else (problem,)
        # Once per loss, not once per attempt: a server that is away for an hour is one line, not four thousand.
        logger.log(
            logging.WARNING if was_connected else logging.DEBUG,
            "Live bus lost its connection; reconnecting.",
            extra={"causes": [type(cause).__name__ for cause in causes]},
        )
