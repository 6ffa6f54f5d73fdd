"""The sample day as a queue's log, folded into facts and roll-ups as the worker does it, beside the source itself.

No server plays it: the events are those the source's times make, so that figures can be held against the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from app.analytics import repository
from app.analytics.fold import Happened, Position, QueueFold
from app.analytics.hours import hours_of
from app.analytics.repository import LIVE
from app.analytics.rollups import of_tenant, rows_of
from app.core.db import Database
from app.replay.source import SAMPLE, Call, read_day

ZONE = ZoneInfo("Asia/Jerusalem")
MIDNIGHT = datetime(1999, 8, 2, tzinfo=ZONE)


@dataclass(frozen=True)
class Staff:
    """Who serves and where, by the name in the source."""

    users: dict[str, UUID]
    counters: dict[str, UUID]


def calls() -> list[Call]:
    """The callers of the day whose record is whole, in the order of joining."""
    _, found = read_day(SAMPLE, None)
    return [call for call in found if call.abandoned or call.agent is not None]


def staff_of(found: Sequence[Call]) -> Staff:
    """An id for every agent and their counter."""
    names = sorted({call.agent for call in found if call.agent is not None})
    space = uuid4()
    return Staff(
        {name: uuid5(space, f"user {name}") for name in names},
        {name: uuid5(space, f"counter {name}") for name in names},
    )


def at(second: float) -> datetime:
    """An instant of the day."""
    return MIDNIGHT + timedelta(seconds=second)


def log(found: Sequence[Call], staff: Staff, categories: dict[int, UUID]) -> list[Happened]:
    """What a queue's log would say of the day; the line's counts follow from it."""
    moves: list[tuple[float, int, str, Call]] = []
    for call in found:
        moves.append((call.joins, 0, "SESSION_JOINED", call))
        if call.abandoned:
            moves.append((call.leaves_line, 1, "SESSION_CANCELLED", call))
        else:
            assert call.service_seconds is not None
            moves.append((call.leaves_line, 1, "SESSION_CALLED", call))
            moves.append((call.leaves_line, 2, "SESSION_STARTED", call))
            moves.append((call.leaves_line + call.service_seconds, 3, "SESSION_COMPLETED", call))
    moves.sort(key=lambda move: (move[0], move[3].joins, int(move[3].call_id), move[1]))
    ids = {call.call_id: str(uuid4()) for call in found}
    ranks = {call.call_id: number for number, call in enumerate(found)}
    line = {"waiting_count": 0, "held_count": 0, "called_count": 0, "serving_count": 0}
    steps = {
        "SESSION_JOINED": {"waiting_count": 1},
        "SESSION_CANCELLED": {"waiting_count": -1},
        "SESSION_CALLED": {"waiting_count": -1, "called_count": 1},
        "SESSION_STARTED": {"called_count": -1, "serving_count": 1},
        "SESSION_COMPLETED": {"serving_count": -1},
    }
    happened = []
    for revision, (second, _, type_, call) in enumerate(moves, start=1):
        for name, amount in steps[type_].items():
            line[name] += amount
        data = {
            "line": line | {"status": "ACTIVE", "open_counter_count": len(staff.users)},
            "session": _state(type_, call, ids[call.call_id], ranks[call.call_id], staff, categories),
        }
        happened.append(Happened(revision, type_, at(second), data))
    return happened


def _state(type_: str, call: Call, id: str, rank: int, staff: Staff, categories: dict[int, UUID]) -> dict[str, Any]:
    status = {
        "SESSION_JOINED": "WAITING",
        "SESSION_CANCELLED": "CANCELLED",
        "SESSION_CALLED": "CALLED",
        "SESSION_STARTED": "SERVING",
        "SESSION_COMPLETED": "COMPLETED",
    }[type_]
    is_called = status in ("CALLED", "SERVING", "COMPLETED")
    called_at = at(call.leaves_line).isoformat() if is_called else None
    ends = call.leaves_line if call.abandoned else call.leaves_line + (call.service_seconds or 0)
    return {
        "id": id,
        "status": status,
        "priority": call.priority,
        "party_size": 1,
        "rank_class": 0,
        "rank_time": at(call.joins).isoformat(),
        "rank_sequence": rank,
        "held_at": None,
        "joined_at": at(call.joins).isoformat(),
        "called_at": called_at,
        "started_at": called_at if status in ("SERVING", "COMPLETED") else None,
        "ended_at": at(ends).isoformat() if status in ("CANCELLED", "COMPLETED") else None,
        "cancelled_by": "VISITOR" if status == "CANCELLED" else None,
        "call_count": int(is_called),
        "counter_id": str(staff.counters[call.agent]) if is_called and call.agent else None,
        "served_by": str(staff.users[call.agent]) if is_called and call.agent else None,
        "category_id": str(categories[call.priority]) if call.priority in categories else None,
    }


async def folded(system: Database, tenant_id: UUID, queue_id: UUID, happened: Sequence[Happened]) -> None:
    """Fold a log into a queue's facts and roll-ups, as if it were the queue's own."""
    async with system.write(tenant_id) as tx:
        (cursor,) = await repository.hold_cursors(tx, LIVE, tenant_id, [queue_id])
        fold = QueueFold(queue_id, hours_of(cursor.time_zone), Position(), [], [])
        for event in happened:
            fold.apply(event)
        increments = rows_of(queue_id, hours_of(cursor.time_zone), fold.cells, fold.maxima)
        await repository.keep_facts(tx, LIVE, tenant_id, fold.changed.values())
        await repository.add_to_rollups(tx, LIVE, tenant_id, increments)
        await repository.add_to_rollups(tx, LIVE, tenant_id, of_tenant(tenant_id, increments.items()))
        await repository.keep_cursors(tx, LIVE, tenant_id, [(queue_id, fold.position)])
