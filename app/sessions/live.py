"""Live lines: for every queue somebody looks at, its line in this process, kept current from the bus and the log.

The bus brings events; when one is missing (a jump in the revisions, or the bus says RESYNC) the line reads the log.
A line that nobody has used for a while is dropped. Nothing here is truth: any process can build it again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import orjson

from app.core.db import Database, ReadTx, Recorded
from app.core.errors import NotFound
from app.core.events import read_log
from app.core.live.bus import RESYNC, Bus
from app.queues import repository as queues
from app.queues.events import QUEUE, LineState
from app.queues.models import Queue, QueueLine
from app.queues.rules import Rank
from app.sessions import repository
from app.sessions.events import state_of
from app.sessions.line import Entry, Line, LineEventData, read_event
from app.sessions.watching import Watch, Watching

logger = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
LOG_PAGE = 500
_RETRY_SECONDS = 0.5


class LiveLine:
    """One queue's line, followed."""

    def __init__(self, db: Database, bus: Bus, tenant_id: UUID, queue_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.queue_id = queue_id
        self.line = Line()
        self.watching = Watching(str(queue_id))
        self.used_at = 0.0
        self._db = db
        self._bus = bus
        self._loaded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._catching_up = asyncio.Lock()
        self._rows: tuple[int, asyncio.Task[tuple[Queue, QueueLine]]] | None = None
        self.follower = asyncio.create_task(self._follow(), name=f"line {queue_id}")

    async def loaded(self) -> None:
        """Wait for the first load. `NotFound` if there is no such queue."""
        await asyncio.shield(self._loaded)

    async def at_least(self, revision: int) -> None:
        """Catch up from the log to a revision that is known to be committed."""
        if self.line.revision < revision:
            await self._catch_up()

    async def rows(self) -> tuple[Queue, QueueLine]:
        """Configuration and counts, not older than the line; read once for all who ask at one revision."""
        revision = self.line.revision
        if self._rows is None or self._rows[0] != revision or self._failed(self._rows[1]):
            self._rows = revision, asyncio.create_task(self._read_rows())
        return await asyncio.shield(self._rows[1])

    @staticmethod
    def _failed(task: asyncio.Task[tuple[Queue, QueueLine]]) -> bool:
        return task.done() and (task.cancelled() or task.exception() is not None)

    async def _read_rows(self) -> tuple[Queue, QueueLine]:
        async with self._db.read(self.tenant_id) as tx:
            return (await queues.with_lines(tx, [self.queue_id]))[self.queue_id]

    async def _follow(self) -> None:
        # Subscribed before loading, so that nothing falls between.
        async with self._bus.subscribe(f"queue:{self.queue_id}") as feed:
            try:
                async with self._db.read(self.tenant_id, snapshot=True) as tx:
                    self.line = await load(tx, self.queue_id)
            except Exception as error:  # noqa: BLE001 (given to whoever waits for the load)
                self._loaded.set_exception(error)
                # Retrieved here as well: whoever asked for it may have given up.
                self._loaded.exception()
                return
            self._loaded.set_result(None)
            async for item in feed:
                if item is RESYNC or not self._apply_message(item.payload):
                    await self._catch_up_surely()

    def _apply_message(self, payload: str) -> bool:
        """`_apply` for what the bus brought; False as well if it cannot be read: the log has the same."""
        try:
            return self._apply([_from_bus(each) for each in orjson.loads(payload)])
        except (ValueError, KeyError, TypeError):
            logger.exception("a message of the bus cannot be read", extra={"queueId": str(self.queue_id)})
            return False

    async def _catch_up_surely(self) -> None:
        while True:
            try:
                return await self._catch_up()
            except Exception:
                logger.exception("a live line cannot read the log; trying again", extra={"queueId": str(self.queue_id)})
                await asyncio.sleep(_RETRY_SECONDS)

    async def _catch_up(self) -> None:
        async with self._catching_up:
            while True:
                async with self._db.read(self.tenant_id) as tx:
                    rows = await read_log(tx, QUEUE, self.queue_id, after=self.line.revision, limit=LOG_PAGE)
                self._apply([read_event(row.revision, row.type, row.occurred_at, row.data) for row in rows])
                if len(rows) < LOG_PAGE:
                    return

    def _apply(self, events: Iterable[LineEventData]) -> bool:
        """Apply what follows; False if something is missing before one of them."""
        changed = complete = False
        for event in events:
            if event.revision <= self.line.revision:
                continue
            if event.revision > self.line.revision + 1:
                break
            self.line.apply(event)
            changed = True
            self.watching.applied(event, self.line)
        else:
            complete = True
        if changed:
            self.watching.changed(self.line)
        return complete


class LiveLines:
    """All live lines of a process."""

    def __init__(self, db: Database, bus: Bus, idle_seconds: float = IDLE_SECONDS) -> None:
        self._db = db
        self._bus = bus
        self._idle_seconds = idle_seconds
        # By tenant too: asked for with a forged tenant, a queue is looked for there, and its own line is left alone.
        self._lines: dict[tuple[UUID, UUID], LiveLine] = {}
        self._janitor: asyncio.Task[None] | None = None
        self._nudges: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to drop idle lines."""
        self._janitor = asyncio.create_task(self._clean_up(), name="live lines janitor")

    async def stop(self) -> None:
        """Drop everything."""
        tasks = [live.follower for live in self._lines.values()]
        tasks += [*self._nudges, *([self._janitor] if self._janitor else [])]
        self._lines.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def get(self, tenant_id: UUID, queue_id: UUID, revision: int = 0) -> LiveLine:
        """A queue's live line, at a committed `revision` or newer. `NotFound` if there is no such queue."""
        key = tenant_id, queue_id
        live = self._lines.get(key)
        if live is None or live.follower.done():
            live = self._lines[key] = LiveLine(self._db, self._bus, tenant_id, queue_id)
        live.used_at = asyncio.get_running_loop().time()
        try:
            await live.loaded()
        except BaseException:
            if self._lines.get(key) is live and live.follower.done():
                del self._lines[key]
            raise
        await live.at_least(revision)
        return live

    def peek(self, tenant_id: UUID, queue_id: UUID) -> LiveLine | None:
        """A queue's live line if somebody watches it, at whatever revision it is."""
        live = self._lines.get((tenant_id, queue_id))
        return live if live is not None and live.watching else None

    @asynccontextmanager
    async def watch(
        self, tenant_id: UUID, queue_ids: Sequence[UUID], session_id: UUID | None = None
    ) -> AsyncIterator[tuple[Watch, list[LiveLine]]]:
        """Watch lines: from entering on, `watch.changed()` tells of every change. Read after entering."""
        watch = Watch(session_id)
        lives: list[LiveLine] = []
        try:
            for queue_id in queue_ids:
                live = await self.get(tenant_id, queue_id)
                live.watching.add(watch)
                lives.append(live)
            yield watch, lives
        finally:
            for live in lives:
                live.watching.discard(watch)
                live.used_at = asyncio.get_running_loop().time()

    def committed(self, tenant_id: UUID, queue_id: UUID, events: Sequence[Recorded]) -> None:
        """This process has just committed these events of a queue, oldest first: its own line need not wait."""
        self.nudge(tenant_id, queue_id, events[-1].revision)

    def nudge(self, tenant_id: UUID, queue_id: UUID, revision: int) -> None:
        """This process has just committed a revision: its own line, if it has one, need not wait for the bus."""
        live = self._lines.get((tenant_id, queue_id))
        if live is not None and live.watching and live.line.revision < revision:
            task = asyncio.create_task(self._catch_up(live, revision))
            self._nudges.add(task)
            task.add_done_callback(self._nudges.discard)

    @staticmethod
    async def _catch_up(live: LiveLine, revision: int) -> None:
        # A nudge that fails is no loss: the bus brings the same event.
        with contextlib.suppress(Exception):
            await live.loaded()
            await live.at_least(revision)

    async def _clean_up(self) -> None:
        while True:
            await asyncio.sleep(self._idle_seconds / 4)
            oldest = asyncio.get_running_loop().time() - self._idle_seconds
            for key, live in list(self._lines.items()):
                if not live.watching and live.used_at < oldest:
                    del self._lines[key]
                    live.follower.cancel()


async def load(tx: ReadTx, queue_id: UUID) -> Line:
    """A queue's line from the tables; `tx` has to be a snapshot. `NotFound` if there is no such queue."""
    found = (await queues.with_lines(tx, [queue_id])).get(queue_id)
    if found is None:
        raise NotFound("Queue")
    queue, row = found
    state = LineState(
        queue.status,
        row.waiting_count,
        row.held_count,
        row.called_count,
        row.serving_count,
        row.open_counter_count,
        row.service_seconds_mean,
    )
    waiting = [
        Entry(Rank(rank_class, rank_time, sequence), id, ticket, row.revision)
        for id, ticket, rank_class, rank_time, sequence in await repository.line_of(tx, queue_id)
    ]
    at_counters = [state_of(session, counter) for session, counter in await repository.at_counters(tx, queue_id)]
    return Line(row.revision, state, waiting, at_counters)


async def line_as_of(tx: ReadTx, queue_id: UUID, at: datetime) -> tuple[Line, datetime | None]:
    """The line as it was at a time, built from the log, and when its last event before that happened."""
    line, last = Line(), None
    while rows := await read_log(tx, QUEUE, queue_id, after=line.revision):
        for row in rows:
            if row.occurred_at > at:
                return line, last
            line.apply(read_event(row.revision, row.type, row.occurred_at, row.data))
            last = row.occurred_at
    return line, last


def _from_bus(event: dict[str, object]) -> LineEventData:
    return read_event(
        event["revision"],  # type: ignore[arg-type]
        event["type"],  # type: ignore[arg-type]
        datetime.fromisoformat(event["occurredAt"]),  # type: ignore[arg-type]
        event["data"],  # type: ignore[arg-type]
    )
