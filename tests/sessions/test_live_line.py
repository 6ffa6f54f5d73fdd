"""How a line in memory keeps up: from the tables, the log, the bus and this process's own commits, in any order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from app.core.db import ReadTx, Recorded
from app.core.events import read_recorded
from app.core.ids import decode
from app.core.live.bus import RESYNC, Bus
from app.queues.events import QUEUE, QueueEventType
from app.sessions import as_of, repository, service, stored
from app.sessions import live as live_module
from app.sessions.line import Line
from app.sessions.live import Dropped, LiveLine, LiveLines
from app.sessions.models import Session, SessionStatus
from app.sessions.watching import Watch
from tests.support.api import Api, Business, key_of
from tests.support.contenders import attempt
from tests.support.desk import Desk, open_desk
from tests.support.havoc import random_things
from tests.support.waiting import eventually

FAR = 2**31


@dataclass
class Apart:
    """Live lines on a bus on which nothing is said unless the test says it."""

    api: Api
    bus: Bus
    lines: LiveLines

    async def line(self, node_id: str, **given: Any) -> LiveLine:
        """A queue's."""
        ref = decode("Queue", node_id)
        return await self.lines.get(ref.tenant_id, ref.id, **given)

    async def say(self, live: LiveLine, *events: Recorded) -> None:
        """Publish as the relay does."""
        said = [
            {"revision": one.revision, "type": one.type, "data": one.data, "occurredAt": one.occurred_at}
            for one in events
        ]
        await self.bus.publish(f"queue:{live.queue_id}", orjson.dumps(said))

    async def log(self, node_id: str, after: int = 0) -> list[Recorded]:
        """A queue's events."""
        ref, found = decode("Queue", node_id), list[Recorded]()
        async with self.api.runtime.dbs.app.read(ref.tenant_id) as tx:
            while page := await read_recorded(tx, QUEUE, ref.id, after=found[-1].revision if found else after):
                found += page
        return found

    async def fresh(self, node_id: str) -> Line:
        """A queue's line as the tables have it."""
        ref = decode("Queue", node_id)
        async with self.api.runtime.dbs.app.read(ref.tenant_id, snapshot=True) as tx:
            return await stored.load(tx, ref.id)


@pytest.fixture
async def apart(api: Api) -> AsyncIterator[Apart]:
    """Lines beside the application's, which hear nothing of what it does."""
    url = api.runtime.settings.redis_url
    assert url is not None
    bus = Bus(url, prefix=f"apart-{uuid4()}:")
    await bus.start()
    lines = LiveLines(api.runtime.dbs.app, bus, most_idle=3)
    yield Apart(api, bus, lines)
    await lines.stop()
    await bus.stop()


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is read in small pages, and few missing events are many."""
    monkeypatch.setattr(live_module, "LOG_PAGE", 7)
    monkeypatch.setattr(stored, "MANY_EVENTS", 15)


def shown(line: Line) -> dict[str, Any]:
    """Everything a line says."""
    return {
        "revision": line.revision,
        "state": line.state,
        "order": line.in_order(),
        "head": line.head(len(line)),
        "places": [line.place(UUID(int=key)) for key in line.in_order()],
        "at counters": line.at_counters(),
    }


async def _queues(business: Business) -> tuple[list[str], list[UUID]]:
    """Two queues, one of each discipline, with people in them, and two counters."""
    queue_ids = [await business.queue(), await business.queue(discipline="TIME_CREDIT", priorityCredits=_CREDITS)]
    counter_ids = [key_of("Counter", await business.counter(*queue_ids)) for _ in range(2)]
    for number in range(12):
        await business.join(queue_ids[number % 2], priority=number % 3)
    return queue_ids, counter_ids


_CREDITS = [{"priority": 1, "seconds": 0.05}, {"priority": 2, "seconds": 600.0}]


async def _havoc(api: Api, queue_ids: list[str], counter_ids: list[UUID], steps: int, seed: int) -> None:
    """All kinds of things happen in them."""
    tenant_id, keys = decode("Queue", queue_ids[0]).tenant_id, [key_of("Queue", id) for id in queue_ids]
    await random_things(Random(seed), [api.runtime.dbs.app], tenant_id, keys, counter_ids, steps)


@pytest.mark.parametrize("seed", range(2))
async def test_a_loaded_line_is_the_one_its_events_make(api: Api, business: Business, apart: Apart, seed: int) -> None:
    queue_ids, counter_ids = await _queues(business)
    await _havoc(api, queue_ids, counter_ids, 120, seed)
    for queue_id in queue_ids:
        loaded, ref = await apart.fresh(queue_id), decode("Queue", queue_id)
        log = await apart.log(queue_id)
        async with api.runtime.dbs.app.read(ref.tenant_id) as tx:
            told, _ = await as_of.line_as_of(tx, ref.id, log[-1].occurred_at)
        assert shown(loaded) == shown(told)
        assert loaded.revision == len(log)
        assert len(loaded) == loaded.state.waiting_count


@pytest.mark.parametrize("seed", range(3))
async def test_events_may_come_in_any_order_twice_or_never(
    api: Api, business: Business, apart: Apart, seed: int
) -> None:
    random = Random(seed)
    queue_ids, counter_ids = await _queues(business)
    lives = [await apart.line(id) for id in queue_ids]
    for live in lives:
        live.watching.add(Watch())
    seen = [live.line.revision for live in lives]
    for turn in range(6):
        await _havoc(api, queue_ids, counter_ids, 15, seed * 100 + turn)
        for number, (queue_id, live) in enumerate(zip(queue_ids, lives, strict=True)):
            news = await apart.log(queue_id, after=seen[number])
            seen[number] += len(news)
            # Some are lost, some come twice; in pieces, and not in order. The last one comes: it shows what is missing.
            pieces = [news[start : start + 3] for start in range(0, len(news), 3)]
            said = [piece for piece in pieces * 2 if random.random() < 0.6] + pieces[-1:]
            random.shuffle(said)
            for piece in said:
                if random.random() < 0.5:
                    await apart.say(live, *piece)
                else:
                    apart.lines.committed(live.tenant_id, live.queue_id, piece)
            await eventually(lambda live=live, number=number: live.line.revision == seen[number])
            assert shown(live.line) == shown(await apart.fresh(queue_id))


async def test_what_this_process_has_committed_needs_no_reading(api: Api, desk: Desk, apart: Apart) -> None:
    live = await apart.line(desk.queue)
    before = live.line.revision
    people = [await desk.join() for _ in range(4)]
    news = await apart.log(desk.queue, after=before)
    assert [one.type for one in news] == ["SESSION_JOINED"] * 4
    # Nothing is awaited from here on: nothing can be read.
    assert live.committed(news[:2])
    assert live.line.revision == before + 2
    assert live.committed(news[:2]), "again"
    assert live.committed(news[1:3]), "again, and more"
    assert live.line.revision == before + 3
    assert live.line.head(9)[-1].ticket_number == people[2].ticket
    assert not live.committed([news[3]._replace(revision=before + 9)]), "something is missing before it"
    assert live.line.revision == before + 3
    # Nobody looks at this line: what is missing waits until somebody asks.
    apart.lines.committed(live.tenant_id, live.queue_id, [news[3]._replace(revision=before + 5)])
    assert not apart.lines._nudges
    assert (await apart.line(desk.queue, revision=before + 4)) is live
    assert live.line.revision == before + 4


async def test_the_applications_own_line_has_a_change_before_its_answer(api: Api, desk: Desk) -> None:
    ref = decode("Queue", desk.queue)
    live = await api.runtime.lines.get(ref.tenant_id, ref.id)
    catch_ups = live._catching_up
    for _ in range(3):
        await desk.join()
    await desk.call()
    assert live.line.revision == 6
    assert live._catching_up is catch_ups, "it had no need of the log"


async def test_an_answer_is_not_read_again_after_the_commit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [await desk.join() for _ in range(4)]
    read, reads = repository.with_revisions, 0

    async def counted(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, tuple[Session, int]]:
        nonlocal reads
        reads += 1
        return await read(tx, ids)

    monkeypatch.setattr(repository, "with_revisions", counted)
    assert (await desk.join()).position == 5
    called = await desk.call()
    assert (called["id"], called["status"], called["position"]) == (people[0].id, "CALLED", None)
    assert (await desk.do("sessionStart", called["id"]))["status"] == "SERVING"
    assert (await desk.do("sessionComplete", called["id"]))["status"] == "COMPLETED"
    assert (await desk.do("sessionSetPriority", people[3], priority=4))["position"] == 1
    assert (await desk.do("sessionStepBack", people[3], places=2))["position"] == 3
    assert (await desk.do("sessionHold", people[2]))["position"] is None
    assert (await desk.do("sessionUnhold", people[2]))["position"] == 2
    assert (await desk.do("sessionCancel", people[1]))["status"] == "CANCELLED"
    assert reads == 0
    # Nothing is changed, so nothing is known: it is read.
    assert (await desk.do("sessionSetPriority", people[3], priority=4))["position"] == 2
    assert reads == 1


async def test_after_a_resync_a_watched_line_reads_what_it_missed(desk: Desk, apart: Apart) -> None:
    other = await open_desk(desk.business)
    watched, unwatched = await apart.line(desk.queue), await apart.line(other.queue)
    watched.watching.add(Watch())
    for _ in range(3):
        await desk.join()
        await other.join()
    before = unwatched.line.revision
    for live in (unwatched, watched):
        await apart.say(live)
        apart.bus._fanout._offer([f"{apart.bus._prefix}queue:{live.queue_id}"], RESYNC)
    await eventually(lambda: watched.line.revision == before + 3)
    # It comes after the RESYNC, and is the next one only because that has led to nothing.
    await apart.say(unwatched, *(await apart.log(other.queue, after=before))[:1])
    await eventually(lambda: unwatched.line.revision == before + 1)
    assert unwatched._catching_up is None
    assert (await apart.line(other.queue, revision=before + 3)).line.revision == before + 3


async def test_catch_ups_are_shared(desk: Desk, apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    live = await apart.line(desk.queue)
    catch_up, count, may_end = live._catch_up, 0, asyncio.Event()

    async def counted() -> None:
        nonlocal count
        count += 1
        await catch_up()
        await may_end.wait()

    monkeypatch.setattr(live, "_catch_up", counted)
    for _ in range(3):
        await desk.join()
    revision = live.line.revision + 3
    first = [asyncio.create_task(live.at_least(revision)) for _ in range(20)]
    await eventually(lambda: live.line.revision == revision)
    # The one that runs has looked: it will not find this one, so there has to be one more, for all who want it.
    await desk.join()
    second = [asyncio.create_task(live.at_least(revision + 1)) for _ in range(20)]
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(*first, *second)
    assert (live.line.revision, count) == (revision + 1, 2)


@pytest.mark.usefixtures("short_pages")
async def test_a_long_gap_is_loaded_not_read(api: Api, desk: Desk, apart: Apart) -> None:
    """Whoever watches is told how its session stands; beside it nobody ever sees half a line."""
    people = [await desk.join() for _ in range(6)]
    live = await apart.line(desk.queue)
    line, before = live.line, live.line.revision
    watches = [Watch(key_of("Session", one.id)) for one in people]
    for watch in watches:
        live.watching.add(watch)
    tenant_id, db = live.tenant_id, api.runtime.dbs.app
    for number in range(8):
        await attempt(db, tenant_id, service.set_priority, watches[3].session_id, 1 + number % 2)
    await desk.do("sessionCancel", people[0])
    await desk.call()
    for _ in range(25):
        await desk.join()
    other = await desk.business.queue()
    await desk.do("sessionTransfer", people[4], toQueueId=other)
    await desk.do("sessionHold", people[5])
    halves: list[tuple[int, int]] = []

    async def look() -> None:
        while live.line.revision < revision:
            if len(live.line) != live.line.state.waiting_count:
                halves.append((len(live.line), live.line.state.waiting_count))
            await asyncio.sleep(0)

    revision = before + len(await apart.log(desk.queue, after=before))
    looking = asyncio.create_task(look())
    await live.at_least(revision)
    await looking
    assert not halves
    assert live.line is not line, "it was loaded"
    assert shown(live.line) == shown(await apart.fresh(desk.queue))
    told: dict[int, list[Any]] = {}
    for number, watch in enumerate(watches):
        told[number] = []
        while (one := watch.take()) is not None:
            told[number].append(one)
    last = {number: each[-1] for number, each in told.items() if each}
    # The one that was called was the next: of the others nothing has happened to two.
    assert last[0].event.type is QueueEventType.SESSION_CANCELLED
    assert last[0].event.session.cancelled_by == "STAFF"
    assert last[4].event.type is QueueEventType.SESSION_TRANSFERRED_OUT
    assert last[5].event.session.held_at is not None
    assert last[5].place is None
    called = [number for number, one in last.items() if one.event.session.status is SessionStatus.CALLED]
    assert len(called) == 1
    assert last.keys() == {0, 3, 4, 5} | set(called)
    for number, one in last.items():
        assert (one.event.revision, one.event.line) == (revision, live.line.state)
        assert one.place == live.line.place(watches[number].session_id)


async def test_a_short_gap_is_read_step_by_step(api: Api, desk: Desk, apart: Apart) -> None:
    visitor = await desk.join()
    live = await apart.line(desk.queue)
    watch = Watch(key_of("Session", visitor.id))
    live.watching.add(watch)
    line = live.line
    for priority in (1, 2, 3):
        await attempt(api.runtime.dbs.app, live.tenant_id, service.set_priority, watch.session_id, priority)
    await live.at_least(line.revision + 3)
    assert live.line is line
    steps = []
    while (told := watch.take()) is not None:
        steps.append(told.event.session.priority if told.event.session else None)
    assert steps == [1, 2, 3]


async def test_lines_nobody_uses_are_dropped(business: Business, apart: Apart) -> None:
    """The least recently used first, never one that is watched, and never the one just asked for."""
    queue_ids = [await business.queue() for _ in range(6)]
    watched = await apart.line(queue_ids[0])
    watch = Watch()
    watched.watching.add(watch)
    rest = [await apart.line(id) for id in queue_ids[1:]]
    assert [live.follower.done() for live in rest[2:]] == [False] * 3
    await eventually(lambda: rest[0].follower.done())
    assert not watched.follower.done()
    assert (await apart.line(queue_ids[0])) is watched
    again = await apart.line(queue_ids[1])
    assert again is not rest[0], "dropped, and built again when it is asked for"
    assert again.line.revision == rest[0].line.revision
    watched.watching.discard(watch)
    apart.lines._idle_seconds = 0.0
    janitor = asyncio.create_task(apart.lines._clean_up())
    await eventually(lambda: not apart.lines._lines)
    janitor.cancel()
    assert not (await apart.line(queue_ids[0])).follower.done()


async def test_lines_that_hold_too_many_are_dropped(desk: Desk, apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await desk.join()
    long = await apart.line(desk.queue)
    monkeypatch.setattr(live_module, "MOST_IDLE_WAITING", 2)
    apart.lines._make_room()
    assert not long.follower.cancelling(), "the latest is kept, however long it is"
    small = await apart.line(await desk.business.queue())
    apart.lines._make_room()
    await eventually(lambda: long.follower.done())
    assert not small.follower.done()


async def test_who_waits_for_a_line_that_is_dropped_gets_another(desk: Desk, apart: Apart) -> None:
    ref = decode("Queue", desk.queue)
    waiting = asyncio.create_task(apart.lines.get(ref.tenant_id, ref.id))
    await asyncio.sleep(0)
    [first] = apart.lines._lines.values()
    asking = asyncio.create_task(first.loaded())
    await asyncio.sleep(0)
    apart.lines._lines.clear()
    first.drop()
    with pytest.raises(Dropped):
        await asking
    assert (await waiting) is not first
    assert (await waiting).line.revision == 2


async def test_a_line_is_loaded_although_joins_go_on(api: Api, business: Business, apart: Apart) -> None:
    """What happens while it is being read is in the snapshot or comes after it, never half."""
    desk = await open_desk(business)
    stop = False

    async def join() -> None:
        while not stop:
            await desk.join()

    joining = asyncio.create_task(join())
    try:
        for _ in range(15):
            apart.lines._lines.clear()
            live = await apart.line(desk.queue)
            assert len(live.line) == live.line.state.waiting_count
            live.drop()
    finally:
        stop = True
        await joining
    live = await apart.line(desk.queue)
    await live.at_least(FAR)
    assert shown(live.line) == shown(await apart.fresh(desk.queue))
