"""Parked subscriptions in the whole application: what resumes and ends them, and what they leave behind."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from app.api.documents import Cost
from app.api.transport import OperationContext
from app.context import Context
from app.core.ids import Ref, decode
from app.identity.models import Role
from app.sessions import pace as paces
from app.sessions.graphql.feeds import SessionFeed
from tests.fanout.hosts import (
    FEED,
    PLACE,
    QUEUE,
    SCHEMA,
    Host,
    Ordinary,
    live_line,
    visitor,
)
from tests.support.api import Api
from tests.support.desk import Desk
from tests.support.feeds import fresh_session, session_feed, watching
from tests.support.waiting import eventually


async def test_a_parked_subscription_has_no_task_and_moves(desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % PLACE, {"id": mine.id})
    await here.settled()
    await desk.do("sessionCancel", first)
    await eventually(lambda: [item["position"] for item in here.items()] == [2, 1])
    assert here.running == 0


@pytest.mark.parametrize("whose", ["session", "queue"])
async def test_the_cost_beside_the_first_item_keeps_nobody_awake(
    desk: Desk, host: Callable[..., Host], whose: str
) -> None:
    async def charge(context: OperationContext, cost: Cost) -> None:
        assert cost.points == 10

    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.charge = charge
    here.subscribe(*((FEED % PLACE, {"id": mine.id}) if whose == "session" else (QUEUE, {"id": desk.queue})))
    # Never settled as long as a task is left that waits for the next item.
    await eventually(lambda: here.running == 0)
    await desk.do("sessionCancel", first)
    await eventually(lambda: len(here.items()) == 2)
    payloads = [orjson.loads(message)["payload"] for message in here.outlet.messages]
    assert ["cost" in payload.get("extensions", {}) for payload in payloads] == [True, False]


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
    assert counts[1] - counts[0] < 500


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
