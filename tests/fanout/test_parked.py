"""Parked subscriptions in the whole application: what resumes and ends them, what they share and leave behind."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from app.api.compiled import Compiled
from app.context import Context
from app.core.actor import ANONYMOUS, Actor
from app.core.ids import Ref, decode
from app.core.live.fanout import SharedFeed
from app.identity.models import Role
from app.sessions import pace as paces
from app.sessions.graphql.feeds import SessionFeed
from app.sessions.graphql.types import Session
from tests.contract.operations import operation
from tests.fanout.hosts import SCHEMA, Counting, Host, KeptOutlet, Ordinary, live_line, seat, visitor
from tests.support.api import Api
from tests.support.desk import Desk, open_desk
from tests.support.feeds import fresh_session, session_feed, watching
from tests.support.verbs import done
from tests.support.waiting import eventually

FEED = "subscription($id: ID!) { sessionChanged(sessionId: $id) { %s } }"
PLACE = "id status position aheadCount revision onHold priority callCount"
QUEUE = "subscription($id: ID!) { queueChanged(queueId: $id) { name waitingCount revision } }"
DISPLAY = "subscription($ids: [ID!]!) { displayChanged(queueIds: $ids) { queues { waitingCount revision next } } }"


@pytest.fixture
async def desk(api: Api) -> Desk:
    return await open_desk(await api.new_business())


@pytest.fixture
async def host(api: Api) -> AsyncIterator[Callable[..., Host]]:
    made: list[Host] = []

    def make(actor: Actor = ANONYMOUS, *given: Any) -> Host:
        made.append(Host(api, actor, *given))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def test_a_parked_subscription_has_no_task_and_moves(desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    await desk.do("sessionCancel", first)
    await eventually(lambda: [item["position"] for item in here.items()] == [2, 1])
    assert here.running == 0


async def test_parking_closes_all_it_has_executed(desk: Desk, host: Callable[..., Host]) -> None:
    """A generator left to the collector is closed by a task of the loop's own, which it wakes by a system call."""
    mine = await desk.join()
    left: list[Any] = []
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(before.firstiter, left.append)
    try:
        here = host(visitor(mine))
        here.subscribe(FEED % PLACE, {"id": mine.id})
        await here.settled()
        await desk.do("sessionHold", mine)
        await eventually(lambda: len(here.items()) == 2 and here.running == 0)
    finally:
        sys.set_asyncgen_hooks(*before)
    assert not left


async def test_variables_too_deep_to_be_compared_are_not_shared(desk: Desk, host: Callable[..., Host]) -> None:
    deep = orjson.loads(b"[" * 500 + b"]" * 500)
    here = host()
    here.subscribe(QUEUE, {"id": desk.queue, "unknown": deep})
    await eventually(lambda: len(here.items()) == 1)
    await desk.join()
    await eventually(lambda: [item["waitingCount"] for item in here.items()] == [0, 1])
    assert here.running == 1
    assert not here.over


async def test_what_happens_to_the_session_is_executed_in_order_and_none_left_out(
    desk: Desk, host: Callable[..., Host]
) -> None:
    mine = await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    for priority in (1, 2, 3, 4):
        await desk.do("sessionSetPriority", mine, priority=priority)
    await desk.do("sessionHold", mine)
    await desk.do("sessionUnhold", mine)
    await eventually(lambda: len(here.items()) == 7)
    assert [item["priority"] for item in here.items()] == [0, 1, 2, 3, 4, 4, 4]
    assert [item["onHold"] for item in here.items()] == [False] * 5 + [True, False]
    await here.settled()


async def test_moves_after_an_event_show_what_the_event_changed(desk: Desk, host: Callable[..., Host]) -> None:
    """A template made before the event would go on showing the old priority."""
    first, mine = await desk.join(priority=5), await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    await desk.do("sessionSetPriority", mine, priority=2)
    await eventually(lambda: len(here.items()) == 2 and not here.running)
    await desk.do("sessionCancel", first)
    await eventually(lambda: len(here.items()) == 3)
    assert [(item["position"], item["priority"]) for item in here.items()] == [(2, 0), (2, 2), (1, 2)]


async def test_the_end_is_the_last_item_and_then_complete(api: Api, desk: Desk, host: Callable[..., Host]) -> None:
    mine = await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    await desk.do("sessionCancel", mine)
    await eventually(lambda: here.over == ["1"])
    assert [item["status"] for item in here.items()] == ["WAITING", "CANCELLED"]
    assert here.outlet.messages[-1] == b'{"id":"1","type":"complete"}'
    assert not (await live_line(api, desk.queue)).watching


class Late:
    """Gives rows that have been overtaken: something has happened between the reading and the watching."""

    def __init__(self, api: Api, happens: Callable[[], Awaitable[None]]) -> None:
        self._api = api
        self._happens = happens

    async def row(self, ref: Ref) -> Any:
        row = await self._api.runtime.arrivals.row(ref)
        await self._happens()
        return row


async def test_what_was_overtaken_before_it_was_watched_is_read_again(api: Api, desk: Desk) -> None:
    mine = await desk.join()
    live = await live_line(api, desk.queue)

    async def happens() -> None:
        shown = await desk.do("sessionSetPriority", mine, priority=7)
        await live.at_least(shown["revision"])

    runtime = replace(api.runtime, arrivals=Late(api, happens))  # type: ignore[arg-type]
    context = Context(runtime, visitor(mine), "request")
    feed = SessionFeed(decode("Session", mine.id))
    first = await anext(feed.items(context))
    assert (first.row.priority, first.position) == (7, 1)
    feed.cancel()


async def test_a_transfer_is_followed_into_the_other_queue(api: Api, desk: Desk, host: Callable[..., Host]) -> None:
    other = Desk(desk.business, await desk.business.queue(), desk.counter)
    there, mine = await other.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % (PLACE + " queueId"), {"id": mine.id})
    await here.settled()
    await desk.do("sessionTransfer", mine, toQueueId=other.queue)
    await eventually(lambda: here.items()[-1]["queueId"] == other.queue and not here.running)
    # It kept its time of joining, so it is behind whoever joined before.
    assert here.items()[-1]["position"] == 2
    assert not (await live_line(api, desk.queue)).watching
    await other.do("sessionCancel", there)
    await eventually(lambda: here.items()[-1]["position"] == 1)


async def test_cancelling_leaves_nothing_behind(api: Api, desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    operation = here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    live = await live_line(api, desk.queue)
    assert live.watching
    operation.cancel()
    operation.cancel()
    assert not live.watching
    assert (live.watching._moves._count, live.watching._moves._movers) == (0, {})
    await desk.do("sessionCancel", first)
    await desk.do("sessionSetPriority", mine, priority=3)
    assert len(here.outlet.messages) == 1


async def test_cancelled_while_it_is_about_to_be_resumed(api: Api, desk: Desk, host: Callable[..., Host]) -> None:
    """Its task has been made and has not begun: no `finally` of it would ever run."""
    mine = await desk.join()
    here = host(visitor(mine))
    operation = here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    operation.run()
    operation.cancel()
    await eventually(lambda: not here.running)
    assert not (await live_line(api, desk.queue)).watching


@pytest.mark.parametrize(
    ("selection", "parks"),
    [
        (PLACE, True),
        ("status", True),
        ("position counter { id name } category { name } servedBy { id }", True),
        ("contact { email } metadata userIdentifier", True),
        ("position queue { __typename id name status priorityCredits { seconds } }", True),
        # What others change is looked up for each item.
        ("position queue { id waitingCount }", False),
        ("position queue { id } ... on Session { queue { categories { id } } }", False),
        # An error may be another one the next time.
        ("position notes { text }", False),
    ],
)
async def test_what_is_parked(desk: Desk, host: Callable[..., Host], selection: str, parks: bool) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % selection, {"id": mine.id})
    await eventually(lambda: len(here.outlet.messages) == 1)
    if parks:
        await here.settled()
    else:
        assert here.running == 1
    await desk.do("sessionCancel", first)
    await eventually(lambda: len(here.outlet.messages) == 2)


async def test_what_front_ends_send_is_parked(desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(operation("SessionChanged"), {"sessionId": mine.id}, "1")
    here.subscribe(operation("QueueChanged"), {"queueId": desk.queue}, "2")
    here.subscribe(operation("DisplayChanged"), {"queueIds": [desk.queue]}, "3")
    await here.settled(3)
    await desk.do("sessionCancel", first)
    await eventually(lambda: all(len(here.items(id)) == 2 for id in "123"))
    assert here.running == 0
    assert here.items("1")[-1]["position"] == here.items("2")[-1]["waitingCount"] == 1


async def test_one_document_with_other_flags_is_another_shape(desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine), Compiled(SCHEMA))
    query = """subscription($id: ID!, $more: Boolean!) { sessionChanged(sessionId: $id) {
        status ... @include(if: $more) { held: onHold } position @skip(if: $more) place: position @include(if: $more)
    } }"""
    for id, more in (("1", False), ("2", True), ("3", False)):
        here.subscribe(query, {"id": mine.id, "more": more}, id)
        await here.settled(int(id))
    await desk.do("sessionCancel", first)
    await eventually(lambda: len(here.outlet.messages) == 6)
    assert here.items("1") == here.items("3") == [{"status": "WAITING", "position": place} for place in (2, 1)]
    assert here.items("2") == [{"status": "WAITING", "held": False, "place": place} for place in (2, 1)]


async def test_the_queue_is_shown_as_it_is_configured_at_each_move(desk: Desk, host: Callable[..., Host]) -> None:
    ahead = [await desk.join() for _ in range(3)]
    mine = await desk.join()
    schema = Counting()
    here = host(visitor(mine), Compiled(schema), schema)
    here.subscribe(FEED % "position queue { name status }", {"id": mine.id})
    await here.settled()

    async def configure(verb: str, **given: Any) -> None:
        await done(desk.business.admin, verb, queueId=desk.queue, **given)

    await configure("queueUpdate", name="Passports")
    await configure("queuePause")
    assert len(here.items()) == 1, "it has not moved"
    await desk.do("sessionCancel", ahead[0])
    await eventually(lambda: len(here.items()) == 2 and not here.running)
    begun = schema.begun
    await desk.do("sessionCancel", ahead[1])
    await eventually(lambda: len(here.items()) == 3)
    assert schema.begun == begun == 2, "executed again once"
    await configure("queueResume")
    await desk.do("sessionCancel", ahead[2])
    await eventually(lambda: len(here.items()) == 4 and not here.running)
    assert [(item["position"], item["queue"]["name"], item["queue"]["status"]) for item in here.items()] == [
        (4, "Queue", "ACTIVE"),
        (3, "Passports", "PAUSED"),
        (2, "Passports", "PAUSED"),
        (1, "Passports", "ACTIVE"),
    ]


def test_what_is_taken_for_configuration_is_what_only_the_queue_itself_changes() -> None:
    """Anything else of a queue may change with every join, unseen by who is parked."""
    fields = set(SCHEMA._schema.type_map["Queue"].fields)  # type: ignore[attr-defined]
    counted = {"waitingCount", "heldCount", "calledCount", "servingCount", "openCounterCount", "estimatedWaitSeconds"}
    others = {"revision", "lastCalled", "categories", "events", "counters", "waiting", "sessions"}
    assert SessionFeed.config_fields["queue"] - {"__typename"} == fields - counted - others


async def test_a_category_that_is_there_is_looked_up(desk: Desk, host: Callable[..., Host]) -> None:
    created = await desk.business.admin(
        "mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {"
        " ... on QueueCategoryCreateSuccess { category { id } } } }",
        i={"queueId": desk.queue, "name": "Passports"},
    )
    first, mine = await desk.join(), await desk.join(categoryId=created["category"]["id"])
    here = host(visitor(mine))
    here.subscribe(FEED % "position category { name }", {"id": mine.id})
    await eventually(lambda: len(here.outlet.messages) == 1)
    await desk.business.admin(
        "mutation($i: QueueCategoryUpdateInput!) { queueCategoryUpdate(input: $i) { __typename } }",
        i={"categoryId": created["category"]["id"], "name": "Visas"},
    )
    await desk.do("sessionCancel", first)
    await eventually(lambda: here.items()[-1] == {"position": 1, "category": {"name": "Visas"}})


def test_every_field_of_a_session_is_known_to_move_or_not() -> None:
    """A new field that is computed from the place, or looked up, must not be taken for one of the row's."""
    fields = SCHEMA._schema.type_map["Session"].fields  # type: ignore[attr-defined]
    looked_up = {"queue", "category", "counter", "servedBy"}
    known = [set(SessionFeed.gaps), SessionFeed.row_fields - {"__typename"}, looked_up]
    assert set.union(*known) == set(fields)
    assert sum(map(len, known)) == len(fields)
    resolvers = {field.name: field.base_resolver for field in Session.__strawberry_definition__.fields}  # type: ignore[attr-defined]
    waits = {
        name
        for name, resolver in resolvers.items()
        if resolver is not None and asyncio.iscoroutinefunction(resolver.wrapped_func)
    }
    assert waits == {"queue", "category", "counter", "served_by", "notes"}


async def test_a_slow_peer_is_told_every_event_and_the_newest_place(desk: Desk, host: Callable[..., Host]) -> None:
    ahead = [await desk.join() for _ in range(4)]
    mine = await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    here.outlet.is_slow = True
    for one in ahead[:3]:
        await desk.do("sessionCancel", one)
    await desk.do("sessionHold", mine)
    await desk.do("sessionUnhold", mine)
    assert len(here.items()) == 1
    while here.items()[-1]["revision"] < (await fresh_session(desk.business.admin, mine.id))["revision"]:
        here.outlet.drain()
        await asyncio.sleep(0)
    assert [(item["onHold"], item["position"]) for item in here.items()] == [(False, 5), (True, None), (False, 2)]


async def test_queues_and_displays_are_executed_once_for_everybody(
    api: Api, desk: Desk, host: Callable[..., Host]
) -> None:
    schema = Counting()
    compiled = Compiled(schema)
    hosts = [host(ANONYMOUS, compiled, schema) for _ in range(20)]
    for number, one in enumerate(hosts):
        one.subscribe(QUEUE, {"id": desk.queue}, f"q{number}")
        one.subscribe(DISPLAY, {"ids": [desk.queue]}, f"d{number}")
        await one.settled(2)
    begun = schema.begun
    assert begun == 2 * len(hosts) + 2
    await desk.join()
    await desk.join()
    for number, one in enumerate(hosts):
        await eventually(lambda one=one, number=number: one.items(f"q{number}")[-1]["waitingCount"] == 2)
        await eventually(lambda one=one, number=number: len(one.items(f"d{number}")[-1]["queues"][0]["next"]) == 2)
        assert one.running == 0
        revisions = [item["revision"] for item in one.items(f"q{number}")]
        assert revisions == sorted(set(revisions))
    assert schema.begun == begun
    bodies = {one.messages(f"q{number}")[-1].partition(b'"type"')[2] for number, one in enumerate(hosts)}
    assert len(bodies) == 1
    for one in hosts:
        await one.close()
    assert not compiled._shared
    await eventually(lambda: not compiled._tasks)
    assert not (await live_line(api, desk.queue)).watching


async def test_who_may_see_other_things_does_not_share(desk: Desk, host: Callable[..., Host]) -> None:
    mine = await desk.join()
    compiled = Compiled(SCHEMA)
    for actor in (ANONYMOUS, visitor(mine), Actor(ANONYMOUS.kind)):
        one = host(actor, compiled)
        one.subscribe(QUEUE, {"id": desk.queue})
        await one.settled()
    assert [len(feed) for feed in compiled._shared.values()] == [2, 1]


async def test_when_a_shared_feed_fails_everybody_goes_on_alone() -> None:
    ended, resumed = [], []
    going = asyncio.Event()

    async def items() -> AsyncIterator[tuple[int, bytes]]:
        yield 5, b"five"
        await going.wait()
        raise ValueError("seeded")

    feed = SharedFeed(items, lambda: ended.append(1))
    outlets = [KeptOutlet() for _ in range(3)]
    for number, outlet in enumerate(outlets):
        feed.join(seat(outlet, lambda number=number: resumed.append(number), f"{number} "), 4 if number else 5)
    await eventually(lambda: [outlet.messages for outlet in outlets] == [[], [b"1 five"], [b"2 five"]])
    going.set()
    await eventually(lambda: resumed == [0, 1, 2])
    assert ended == [1]


async def test_a_slow_member_of_a_shared_feed_gets_the_newest_item() -> None:
    steps: asyncio.Queue[int] = asyncio.Queue()

    async def items() -> AsyncIterator[tuple[int, bytes]]:
        while True:
            number = await steps.get()
            yield number, b"%d" % number

    feed = SharedFeed(items, lambda: None)
    quick, slow = KeptOutlet(), KeptOutlet()
    for outlet in (quick, slow):
        feed.join(seat(outlet), 0)
    slow.is_slow = True
    for number in (1, 2, 3):
        steps.put_nowait(number)
        await eventually(lambda number=number: quick.messages[-1:] == [b"%d" % number])
    slow.drain()
    assert slow.messages == [b"3"]
    feed.stop()


@pytest.mark.parametrize("compiled", [True, False])
async def test_delivered_updates_leave_nothing_in_memory(desk: Desk, host: Callable[..., Host], compiled: bool) -> None:
    ahead = [await desk.join() for _ in range(40)]
    people = [await desk.join() for _ in range(20)]
    hosts = [host(visitor(one), None if compiled else Ordinary(SCHEMA)) for one in people]
    for one, person in zip(hosts, people, strict=True):
        one.subscribe(FEED % PLACE, {"id": person.id})
        await eventually(lambda one=one: len(one.outlet.messages) == 1)
    counts = []
    for number, gone in enumerate(ahead, start=1):
        await desk.do("sessionCancel", gone)
        for one in hosts:
            await eventually(lambda one=one, number=number: len(one.outlet.messages) == 1 + number)
        if number in (10, 40):
            gc.collect()
            counts.append(len(gc.get_objects()))
    # 600 updates; one object for each would be seen.
    assert counts[1] - counts[0] < 300


@pytest.mark.parametrize("parked", [True, False])
@pytest.mark.parametrize("arguments", ["minDelta: 50", "maxPerSecond: 20"])
async def test_coarse_updates_end_at_the_newest_state_on_both_paths(
    desk: Desk, host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, arguments: str, parked: bool
) -> None:
    monkeypatch.setattr(paces, "LONGEST_HELD_SECONDS", 0.2)
    ahead = [await desk.join() for _ in range(paces.NEAR_THE_HEAD + 12)]
    mine = await desk.join()
    here = host(visitor(mine), None if parked else Ordinary(SCHEMA))
    here.subscribe(
        f"subscription($id: ID!) {{ sessionChanged(sessionId: $id, {arguments}) {{ {PLACE} }} }}", {"id": mine.id}
    )
    await eventually(lambda: len(here.outlet.messages) == 1)
    await asyncio.gather(*(desk.do("sessionCancel", one) for one in ahead[:10]))
    last = len(ahead) - 10 + 1
    await eventually(lambda: here.items()[-1]["position"] == last)
    assert len(here.items()) < 10
    # What happens to the session itself is never held back.
    shown = len(here.items())
    await desk.do("sessionHold", mine)
    await eventually(lambda: len(here.items()) == shown + 1 and here.items()[-1]["onHold"])


@pytest.mark.parametrize("arguments", ["minDelta: 0", "maxPerSecond: 0.01"])
async def test_coarser_than_allowed_is_bad_input(desk: Desk, host: Callable[..., Host], arguments: str) -> None:
    mine = await desk.join()
    here = host(visitor(mine))
    here.subscribe(
        f"subscription($id: ID!) {{ sessionChanged(sessionId: $id, {arguments}) {{ id }} }}", {"id": mine.id}
    )
    await eventually(lambda: bool(here.outlet.messages))
    assert b"BAD_USER_INPUT" in here.outlet.messages[0]


async def test_a_parked_socket_of_somebody_who_is_gone_is_closed(api: Api, desk: Desk) -> None:
    staff = await desk.business.user(Role.STAFF)
    mine = await desk.join()
    async with watching(staff, session_feed(mine.id)) as (feed,), staff.socket() as other:
        await feed.started()
        live = await live_line(api, desk.queue)
        await eventually(lambda: live.watching._moves._count == 1)
        me = await staff("{ viewer { ... on User { id } } }")
        await desk.business.admin(
            "mutation($i: UserDeactivateInput!) { userDeactivate(input: $i) { __typename } }", i={"userId": me["id"]}
        )
        await other.closed()
        await eventually(lambda: not live.watching)
