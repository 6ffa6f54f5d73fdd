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

from app.core.db import Database, Recorded
from app.core.events import read_recorded
from app.core.live.bus import RESYNC, Bus
from app.queues import repository as queues
from app.queues.events import QUEUE
from app.queues.models import Queue, QueueLine
from app.sessions.line import Line, LineEventData, read_event
from app.sessions.stored import is_reload_cheaper, load, news_since
from app.sessions.waits import repository as waits
from app.sessions.waits.fold import read_said
from app.sessions.watching import Watch, Watching

logger = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
MOST_IDLE = 1_000
"""Lines kept although nobody watches them: joins and queries of the next minutes find them loaded."""
MOST_IDLE_WAITING = 1_000_000
"""Sessions in all of them together; a quarter of a gigabyte."""
# A line so long is a reason as well.
_LONG = 10_000
LOG_PAGE = 500
_RETRY_SECONDS = 0.5
LEARNED_EVERY_SECONDS = 10.0
"""A line that moves asks so often at most what was learned of its waits meanwhile."""


class Dropped(Exception):
    """A line was dropped while somebody waited for it; asked for again, it is there."""


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
        self._catching_up: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None
        self._learned_at = asyncio.get_running_loop().time()
        self._rows: tuple[int, asyncio.Task[tuple[Queue, QueueLine]]] | None = None
        self.follower = asyncio.create_task(self._follow(), name=f"line {queue_id}")

    async def loaded(self) -> None:
        """Wait for the first load. `NotFound` if there is no such queue, `Dropped` if nobody needed it any more."""
        if self._loaded.done():
            return self._loaded.result()
        return await asyncio.shield(self._loaded)

    @property
    def is_loaded(self) -> bool:
        """Whether there is a line to be looked at."""
        return self._loaded.done() and self._loaded.exception() is None

    def drop(self) -> None:
        """Stop following. Whoever still waits for the load is told; whoever has the line may read it to the end."""
        self.follower.cancel()
        if not self._loaded.done():
            self._loaded.set_exception(Dropped())
            self._loaded.exception()

    def tasks(self) -> list[asyncio.Task[None]]:
        """What runs for it."""
        return [task for task in (self.follower, self._catching_up, self._learning) if task is not None]

    async def at_least(self, revision: int) -> None:
        """Catch up from the log to a revision that is known to be committed."""
        # The catch-up that runs may have looked before that revision was committed; the one after it has not.
        for _ in range(2):
            if self.line.revision >= revision:
                return
            await self._catch_up_together()

    def committed(self, events: Sequence[Recorded]) -> bool:
        """Apply what this process has just committed; False if something is missing before it."""
        if not self.is_loaded:
            return False
        return self._apply([read_event(*each) for each in events])

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
                if not self._loaded.done():
                    self._loaded.set_exception(error)
                    # Retrieved here as well: whoever asked for it may have given up.
                    self._loaded.exception()
                return
            self._loaded.set_result(None)
            async for item in feed:
                # Where nobody looks nothing is read: whoever comes next says how new the line has to be.
                if (item is RESYNC or not self._apply_message(item.payload)) and self.watching:
                    await self._catch_up_surely()

    def _apply_message(self, payload: str) -> bool:
        """`_apply` for what the bus brought; False as well if it cannot be read: the log has the same."""
        try:
            # Most of it is this process's own, and has been applied since it was committed.
            known = self.line.revision
            return self._apply([_from_bus(each) for each in orjson.loads(payload) if each["revision"] > known])
        except (ValueError, KeyError, TypeError):
            logger.exception("a message of the bus cannot be read", extra={"queueId": str(self.queue_id)})
            return False

    async def _catch_up_surely(self) -> None:
        while True:
            try:
                return await self._catch_up_together()
            except Exception:
                logger.exception("a live line cannot read the log; trying again", extra={"queueId": str(self.queue_id)})
                await asyncio.sleep(_RETRY_SECONDS)

    async def _catch_up_together(self) -> None:
        """One catch-up for all who need one now."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up(), name=f"catch-up {self.queue_id}")
            # Retrieved here as well: whoever waits for it may have given up.
            self._catching_up.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._catching_up)

    async def _catch_up(self) -> None:
        is_asked = False
        while True:
            async with self._db.read(self.tenant_id) as tx:
                found = await read_recorded(tx, QUEUE, self.queue_id, after=self.line.revision, limit=LOG_PAGE)
                self._apply([read_event(*each) for each in found])
                if len(found) < LOG_PAGE:
                    return
                is_far = not is_asked and await is_reload_cheaper(tx, self.queue_id, self.line.revision)
            is_asked = True
            if is_far:
                await self._load_anew()

    async def _load_anew(self) -> None:
        """Replace the line. Who watches a session is told how it stands now; the steps to there are in the log."""
        before = self.line.revision
        async with self._db.read(self.tenant_id, snapshot=True) as tx:
            line = await load(tx, self.queue_id)
            news = await news_since(tx, self.queue_id, line, before, self.watching.sessions())
        if line.revision <= self.line.revision:
            return
        self.line = line
        for event in news:
            self.watching.applied(event, line)
        self.watching.changed(line)

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
            self._ask_what_was_learned()
        return complete

    def _ask_what_was_learned(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._learned_at >= LEARNED_EVERY_SECONDS and (self._learning is None or self._learning.done()):
            self._learned_at = now
            self._learning = asyncio.create_task(self.learn(), name=f"waits {self.queue_id}")

    async def learn(self) -> None:
        """Take up what workers have learned of this line's waits. Nothing is shown anew because of it."""
        try:
            async with self._db.read(self.tenant_id) as tx:
                said = await waits.said_of(tx, self.queue_id, self.line.observed.memory_revision)
        except Exception as problem:  # noqa: BLE001 (estimates that are some seconds older are no harm)
            logger.debug("What was learned of waits could not be read: %s", problem)
            return
        if said is not None:
            self.line.take_up(read_said(said.said), said.revision)


class LiveLines:
    """All live lines of a process."""

    def __init__(self, db: Database, bus: Bus, idle_seconds: float = IDLE_SECONDS, most_idle: int = MOST_IDLE) -> None:
        self._db = db
        self._bus = bus
        self._idle_seconds = idle_seconds
        self._most_idle = most_idle
        # So many lines are a reason to see whether there are too many.
        self._full_at = most_idle
        # By tenant too: asked for with a forged tenant, a queue is looked for there, and its own line is left alone.
        self._lines: dict[tuple[UUID, UUID], LiveLine] = {}
        self._janitor: asyncio.Task[None] | None = None
        self._nudges: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to drop idle lines."""
        self._janitor = asyncio.create_task(self._clean_up(), name="live lines janitor")

    async def stop(self) -> None:
        """Drop everything."""
        tasks = [*self._nudges, *([self._janitor] if self._janitor else [])]
        for live in self._lines.values():
            live.drop()
            tasks += live.tasks()
        for task in tasks:
            task.cancel()
        self._lines.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def get(self, tenant_id: UUID, queue_id: UUID, revision: int = 0) -> LiveLine:
        """A queue's live line, at a committed `revision` or newer. `NotFound` if there is no such queue."""
        key, is_new = (tenant_id, queue_id), False
        while True:
            live = self._lines.get(key)
            if live is None or live.follower.done():
                live = self._lines[key] = LiveLine(self._db, self._bus, tenant_id, queue_id)
                is_new = True
            try:
                await live.loaded()
                await live.at_least(revision)
            except Dropped:
                continue
            except BaseException:
                if self._lines.get(key) is live and live.follower.done():
                    del self._lines[key]
                raise
            # Dropped in this very moment, it would never be told of anything again.
            if self._lines.get(key) is live:
                # The last one used: room is never made by dropping this one.
                live.used_at = asyncio.get_running_loop().time()
                if is_new and (len(self._lines) >= self._full_at or len(live.line) >= _LONG):
                    self._make_room()
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
        live = self._lines.get((tenant_id, queue_id))
        if live is not None and not live.committed(events) and live.watching:
            self._nudge(live, events[-1].revision)

    def _nudge(self, live: LiveLine, revision: int) -> None:
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
                is_loading = not live.is_loaded and not live.follower.done()
                if not live.watching and not is_loading and live.used_at < oldest:
                    del self._lines[key]
                    live.drop()
            self._make_room()

    def _make_room(self) -> None:
        """Drop lines nobody watches, least recently used first, while there are too many or they are too long."""
        idle = sorted(
            ((live.used_at, key) for key, live in self._lines.items() if not live.watching and live.is_loaded),
            reverse=True,
        )
        waiting = 0
        for number, (_, key) in enumerate(idle):
            waiting += len(self._lines[key].line)
            if number >= self._most_idle or (number and waiting > MOST_IDLE_WAITING):
                self._lines.pop(key).drop()
        # Not for every line that comes: where many are watched, there is much to look through.
        self._full_at = len(self._lines) + 1 + self._most_idle // 10


def _from_bus(event: dict[str, object]) -> LineEventData:
    return read_event(
        event["revision"],  # type: ignore[arg-type]
        event["type"],  # type: ignore[arg-type]
        datetime.fromisoformat(event["occurredAt"]),  # type: ignore[arg-type]
        event["data"],  # type: ignore[arg-type]
    )
