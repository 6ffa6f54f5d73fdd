"""The checker is checked: it finds nothing in a real log, and finds what is wrong in that log spoilt one way each.

And it sees what contention does to code that does not lock: the naive statement, and the product without its lock.
"""

import asyncio
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import col, select

from app.core.db import Database, ReadTx, WriteTx
from app.core.db.urls import APP_ROLE, role_url
from app.core.events import record
from app.core.ids import decode
from app.queues import line as queue_line
from app.queues.events import QUEUE
from app.queues.models import Queue, QueueLine
from app.sessions import calls, events, repository, service
from app.sessions.models import SessionStatus
from tests.support.api import Api, Business, key_of
from tests.support.contenders import all_at_once, attempt
from tests.support.desk import open_desk
from tests.support.log_checks import Broken, Expected, LogEvent, check, check_together
from tests.support.queue_logs import disagreements, events_of, read_queue
from tests.support.verbs import done

Log = list[LogEvent]
EXPECTED = Expected(capacity=6, max_concurrent_users=2)


@pytest.fixture(scope="module")
async def logs(api: Api) -> dict[str, Log]:
    """The logs of two queues in which everything has happened."""
    business = await api.new_business()
    desk = await open_desk(business, capacity=6, maxConcurrentUsers=2)
    there = await business.queue()
    await desk.join(priority=1)
    for _ in range(4):
        await desk.join()
    second_counter = await business.counter(desk.queue)
    first = await desk.call()
    await desk.do("sessionRecall", first["id"])
    await desk.do("sessionStart", first["id"])
    second = await desk.call(counterId=second_counter)
    await desk.do("sessionComplete", first["id"])
    third = await desk.call()
    await desk.do("sessionReturnToQueue", third["id"], place="LAST")
    await desk.do("sessionHold", third["id"])
    await desk.do("sessionMarkNoShow", second["id"])
    await desk.do("sessionUnhold", third["id"])
    fourth = await desk.call()
    await desk.do("sessionStepBack", third["id"], places=1)
    await desk.do("sessionSetPriority", third["id"], priority=2)
    await desk.do("sessionTransfer", fourth["id"], toQueueId=there)
    await done(business.admin, "queuePause", queueId=desk.queue)
    await desk.join()
    await done(business.admin, "queueResume", queueId=desk.queue)
    await done(business.admin, "queueUpdate", queueId=desk.queue, capacity=4)
    last = await desk.call()
    await desk.do("sessionStart", last["id"])
    await done(business.admin, "queueClose", queueId=desk.queue)
    await desk.call(counterId=second_counter)
    await desk.do("sessionComplete", last["id"])
    return {
        "main": list(await events_of(api, desk.queue)),
        "there": list(await events_of(api, there)),
        "ids": [str(key_of("Queue", desk.queue)), str(key_of("Queue", there))],  # type: ignore[dict-item]
    }


def together(logs: dict[str, Any], main: Log | None = None) -> list[Broken]:
    """The checks between the two queues."""
    return check_together(dict(zip(logs["ids"], [main or logs["main"], logs["there"]], strict=True)))


def test_a_real_log_is_sound(logs: dict[str, Log]) -> None:
    assert check(logs["main"], EXPECTED) == []
    assert check(logs["there"]) == []
    assert together(logs) == []


def _at(log: Log, type: str, number: int = 0) -> int:
    return [index for index, event in enumerate(log) if event.type == type][number]


def _set(type: str, number: int = 0, **values: Any) -> Callable[[Log], Log]:
    """Spoil values of an event's session (`session_…`) or counts."""

    def spoil(log: Log) -> Log:
        event = log[_at(log, type, number)]
        for name, value in values.items():
            part, key = ("session", name.removeprefix("session_")) if name.startswith("session_") else ("line", name)
            event.data[part][key] = value(event.data[part][key]) if callable(value) else value
        return log

    return spoil


def _without(type: str, number: int = 0) -> Callable[[Log], Log]:
    def spoil(log: Log) -> Log:
        del log[_at(log, type, number)]
        return _renumbered(log)

    return spoil


def _twice(type: str, number: int = 0) -> Callable[[Log], Log]:
    def spoil(log: Log) -> Log:
        index = _at(log, type, number)
        return _renumbered([*log[: index + 1], *log[index:]])

    return spoil


def _others_call(log: Log) -> Log:
    """Whoever is second is called first: the two change places in everything that follows."""
    index = _at(log, "SESSION_CALLED")
    one = log[index].data["session"]["id"]
    two = log[_at(log, "SESSION_CALLED", 1)].data["session"]["id"]
    sessions = {event.data["session"]["id"]: event.data["session"] for event in log[:index] if "session" in event.data}
    kept = ("id", "ticket_number", "rank_class", "rank_time", "rank_sequence", "joined_at", "priority")
    for event in log[index:]:
        session = event.data.get("session")
        if session is not None and session["id"] in (one, two):
            other = sessions[two if session["id"] == one else one]
            session.update({name: other[name] for name in kept})
    return log


def _out_of_turn(log: Log) -> Log:
    log[_at(log, "SESSION_CALLED")].data["out_of_turn"] = True
    return log


def _renumbered(log: Log) -> Log:
    start = log[0].occurred_at
    return [
        replace(event, revision=number, occurred_at=start + timedelta(seconds=number), data=deepcopy(event.data))
        for number, event in enumerate(log, start=1)
    ]


SPOILT: dict[str, tuple[str, Callable[[Log], Log]]] = {
    "a revision is missing": ("revisions", lambda log: log[:7] + log[8:]),
    "a revision is there twice": ("revisions", lambda log: [*log[:7], replace(log[7], revision=7), *log[8:]]),
    "time goes back": ("times", lambda log: [log[0], replace(log[1], occurred_at=log[0].occurred_at), *log[2:]]),
    "a ticket is given twice": ("tickets", _set("SESSION_JOINED", 2, session_ticket_number="A002")),
    "a ticket is left out": ("tickets", _set("SESSION_JOINED", 4, session_ticket_number="A006")),
    "a ticket is another queue's": ("tickets", _set("SESSION_JOINED", 1, session_ticket_number="B002")),
    "a join is lost": ("moves", _without("SESSION_JOINED")),
    "somebody is called twice": ("called once", _twice("SESSION_CALLED")),
    "a call is lost": ("moves", _without("SESSION_CALLED")),
    "a call is not counted": ("called once", _set("SESSION_CALLED", 1, session_call_count=0)),
    "somebody is started twice": ("moves", _twice("SESSION_STARTED")),
    "somebody is completed twice": ("moves", _twice("SESSION_COMPLETED")),
    "an event says another state": ("moves", _set("SESSION_NO_SHOW", session_status="CANCELLED")),
    "the second is called first": ("order", _others_call),
    "a call in turn is said not to be": ("order", _out_of_turn),
    "somebody on hold is called": ("order", lambda log: _call_while_held(log)),
    "called while paused": ("callable", lambda log: _moved(log, "QUEUE_PAUSED", "SESSION_CALLED", 3)),
    "joined while closed": ("joinable", lambda log: _moved(log, "QUEUE_CLOSED", "SESSION_JOINED", 5)),
    "a rank that is not due": ("rank", _set("SESSION_JOINED", 2, session_rank_class=-3)),
    "a place is lost": ("rank", _set("SESSION_HELD", session_rank_sequence=1)),
    "two have one place": (
        "rank",
        lambda log: _set("SESSION_JOINED", 2, **_rank(log[_at(log, "SESSION_JOINED", 1)]))(log),
    ),
    "waiting people are miscounted": ("counts", _set("SESSION_JOINED", 1, waiting_count=lambda count: count + 1)),
    "held people are miscounted": ("counts", _set("SESSION_HELD", held_count=0)),
    "called people are miscounted": ("counts", _set("SESSION_CALLED", called_count=0)),
    "served people are miscounted": ("counts", _set("SESSION_STARTED", serving_count=0)),
    "counters are miscounted": ("counts", _set("SESSION_JOINED", open_counter_count=7)),
    "the status is another": ("counts", _set("QUEUE_PAUSED", status="ACTIVE")),
    "the mean is another": ("mean", _set("SESSION_COMPLETED", service_seconds_mean=lambda mean: mean * 2)),
    "a counter holds two": ("counters", lambda log: _one_counter(log)),
}


def _call_while_held(log: Log) -> Log:
    held, called = _at(log, "SESSION_HELD"), _at(log, "SESSION_CALLED", 3)
    session = deepcopy(log[held].data["session"]) | {
        "status": "CALLED",
        "called_at": log[called].data["session"]["called_at"],
        "counter_id": log[called].data["session"]["counter_id"],
        "call_count": log[held].data["session"]["call_count"] + 1,
        "held_at": None,
    }
    spoilt = replace(log[called], data=log[called].data | {"session": session})
    return _renumbered([*log[: held + 1], spoilt, *log[held + 1 :]])


def _moved(log: Log, before: str, type: str, number: int) -> Log:
    """An event that comes right after another one instead of where it is."""
    event = log[_at(log, type, number)]
    rest = [one for one in log if one is not event]
    index = _at(rest, before) + 1
    return _renumbered([*rest[:index], event, *rest[index:]])


def _rank(event: LogEvent) -> dict[str, Any]:
    session = event.data["session"]
    names = ("rank_class", "rank_time", "rank_sequence", "joined_at", "priority")
    return {f"session_{name}": session[name] for name in names}


def _one_counter(log: Log) -> Log:
    counter = log[_at(log, "SESSION_CALLED")].data["session"]["counter_id"]
    return _set("SESSION_CALLED", 1, session_counter_id=counter)(log)


@pytest.mark.parametrize("name", SPOILT)
def test_every_rule_is_seen_to_be_broken(logs: dict[str, Log], name: str) -> None:
    rule, spoil = SPOILT[name]
    broken = check(spoil(deepcopy(logs["main"])), EXPECTED)
    assert rule in {one.rule for one in broken}, broken


def test_capacity_and_max_concurrent_are_held_against_what_was_configured(logs: dict[str, Log]) -> None:
    assert "capacity" in {one.rule for one in check(logs["main"], replace(EXPECTED, capacity=4))}
    assert "max concurrent" in {one.rule for one in check(logs["main"], replace(EXPECTED, max_concurrent_users=1))}


def test_transfers_have_to_meet(logs: dict[str, Log]) -> None:
    assert "transfers" in {
        one.rule for one in together(logs, _without("SESSION_TRANSFERRED_OUT")(deepcopy(logs["main"])))
    }
    spoil = _set("SESSION_TRANSFERRED_OUT", session_ticket_number="A077")
    assert "transfers" in {one.rule for one in together(logs, spoil(deepcopy(logs["main"])))}


def test_a_counter_that_holds_sessions_of_two_queues_is_seen(logs: dict[str, Log]) -> None:
    called = _at(logs["main"], "SESSION_CALLED")
    twin = [replace(event, data=deepcopy(event.data)) for event in logs["main"][: called + 1]]
    for event in twin:
        if "session" in event.data:
            event.data["session"]["id"] += "-twin"
    later = [replace(event, occurred_at=event.occurred_at + timedelta(hours=1)) for event in twin]
    assert "counters" in {one.rule for one in check_together({"a": twin, "b": later})}


@given(st.data())
def test_no_event_can_be_left_out_or_told_twice(logs: dict[str, Log], data: st.DataObject) -> None:
    log = logs["main"]
    index = data.draw(st.integers(0, len(log) - 2))
    # A recall and a note leave nothing behind that another event would miss, but a number.
    lost = [*log[:index], *log[index + 1 :]]
    assert check(lost, EXPECTED)
    assert check([*log[: index + 1], *log[index:]], EXPECTED)
    swapped = [*log[:index], log[index + 1], log[index], *log[index + 2 :]]
    assert check(swapped, EXPECTED)


# What contention does to code without the lock.

STAFF = 8


async def _crowd(api: Api, business: Business) -> tuple[Database, UUID, str, list[UUID]]:
    queue_id = await business.queue()
    counter_ids = [key_of("Counter", await business.counter(queue_id)) for _ in range(STAFF)]
    tenant_id = decode("Queue", queue_id).tenant_id
    db = Database(
        role_url(api.runtime.settings, APP_ROLE), secret=api.runtime.settings.secret, pool_size=STAFF, name="naive"
    )
    key = key_of("Queue", queue_id)
    await all_at_once(db, tenant_id, [(service.join, service.JoinRequest(key)) for _ in range(60)])
    return db, tenant_id, queue_id, counter_ids


async def _naive_call(tx: WriteTx, queue_id: UUID, counter_id: UUID) -> UUID | None:
    """As many a tutorial has it: take the first in one statement, and note it down."""
    found = await tx.exec(  # type: ignore[call-overload]
        text(
            "update sessions set status = 'CALLED', called_at = clock_timestamp(), counter_id = :counter,"
            " call_count = call_count + 1 where id = (select id from sessions where queue_id = :queue"
            " and status = 'WAITING' order by rank_class, rank_time, rank_sequence limit 1) returning id"
        ),
        params={"counter": counter_id, "queue": queue_id},
    )
    id = found.scalar_one_or_none()
    if id is not None:
        await _naive_note(tx, queue_id, id, events.SessionCalled, waiting=-1, called=1)
    return id


async def _naive_no_show(tx: WriteTx, queue_id: UUID, session_id: UUID) -> None:
    session = await repository.get(tx, session_id)
    if session.status is SessionStatus.CALLED:
        session.status, session.ended_at = SessionStatus.NO_SHOW, tx.now()
        await tx.flush()
        await _naive_note(tx, queue_id, session_id, events.SessionMarkedNoShow, called=-1)


async def _naive_note(
    tx: WriteTx, queue_id: UUID, session_id: UUID, event: Any, waiting: int = 0, called: int = 0
) -> None:
    queue = (await tx.exec(select(Queue).where(Queue.id == queue_id))).one()
    row = (
        await tx.exec(
            select(QueueLine)
            .where(QueueLine.id == queue_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one()
    row.revision += 1
    row.waiting_count = max(0, row.waiting_count + waiting)
    row.called_count = max(0, row.called_count + called)
    line = queue_line.locked(queue, row, tx.now())
    session = await repository.get(tx, session_id)
    record(tx, QUEUE, queue_id, row.revision, event(line.state(), events.state_of(session)), tx.now())


async def test_the_naive_statement_calls_people_twice_and_the_checker_says_so(api: Api, business: Business) -> None:
    db, tenant_id, queue_id, counter_ids = await _crowd(api, business)
    key = key_of("Queue", queue_id)

    async def staff(counter_id: UUID) -> None:
        for _ in range(6):
            called = await attempt(db, tenant_id, _naive_call, key, counter_id)
            if called is not None:
                await attempt(db, tenant_id, _naive_no_show, key, called)

    try:
        await asyncio.gather(*(staff(id) for id in counter_ids))
        stored = await read_queue(db, tenant_id, key)
    finally:
        await db.dispose()
    broken = {one.rule for one in check(stored.events)}
    assert "called once" in broken, broken
    assert "revisions" not in broken, "that much the naive one got right"


async def test_the_product_without_its_lock_breaks_and_the_checker_says_so(
    api: Api, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, tenant_id, queue_id, counter_ids = await _crowd(api, business)
    key = key_of("Queue", queue_id)

    async def read_without_lock(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, tuple[Queue, QueueLine, datetime]]:
        found = await tx.exec(
            select(Queue, QueueLine).join(QueueLine, col(QueueLine.id) == Queue.id).where(col(Queue.id).in_(queue_ids))
        )
        return {queue.id: (queue, row, datetime.now(UTC)) for queue, row in found}

    monkeypatch.setattr(queue_line.repository, "lock", read_without_lock)
    try:
        answers = await all_at_once(db, tenant_id, [(calls.call_next, key, id) for id in counter_ids])
        stored = await read_queue(db, tenant_id, key)
    finally:
        await db.dispose()
    assert len({getattr(one, "id", None) for one in answers}) < len(answers), "somebody was called by two"
    broken = {one.rule for one in check(stored.events)}
    assert broken >= {"revisions", "called once"}, broken
    assert disagreements(stored)
