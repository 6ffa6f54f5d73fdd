"""Holds what a server answered to joins against what is in the tables: a fast answer that is wrong is no answer.

Knows the tables, and no server: the product and the reference in Node are held to the same.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.core.ids import decode


@dataclass(frozen=True, slots=True)
class Joined:
    """One join: as it was answered, or as it is stored."""

    id: UUID
    ticket_number: str
    position: int
    revision: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the tables know of a queue nobody has left and everybody joined with the same priority."""

    sessions: Sequence[Joined]
    """In the order of the line, `position` counted here; `revision` is that of the event SESSION_JOINED."""
    serials: Sequence[int]
    """Ticket serials, in the same order."""
    revisions: Sequence[int]
    """Of all the queue's events."""
    revision: int
    waiting_count: int
    """Of the line's own row."""


class WrongServer(AssertionError):
    """What was answered is not what happened."""


def answered(value: Any) -> Joined:
    """From the root field of an answer. `WrongServer` if it contradicts itself."""
    session = value["session"]
    if session["aheadCount"] != session["position"] - 1 or not value["sessionToken"]:
        raise WrongServer(f"an answer that cannot be: {value}")
    return Joined(
        decode("Session", session["id"]).id, session["ticketNumber"], session["position"], session["revision"]
    )


async def read_stored(database: asyncpg.Connection, queue_id: UUID) -> Stored:
    """Read a queue, as somebody who sees every tenant."""
    rows = await database.fetch(
        "select s.id, s.ticket_number, s.ticket_serial, coalesce(max(e.revision), 0) as revision, count(e) as events"
        " from sessions s left join events e on e.tenant_id = s.tenant_id and e.aggregate_id = s.queue_id"
        " and e.aggregate_type = 'queue' and e.type = 'SESSION_JOINED' and e.data->'session'->>'id' = s.id::text"
        " where s.queue_id = $1 and s.status = 'WAITING' group by s.tenant_id, s.id"
        " order by s.rank_class, s.rank_time, s.rank_sequence",
        queue_id,
    )
    if any(row["events"] != 1 for row in rows):
        raise WrongServer("a join without its event, or with two")
    revisions = await database.fetch("select revision from events where aggregate_id = $1 order by 1", queue_id)
    line = await database.fetchrow("select revision, waiting_count from queue_lines where id = $1", queue_id)
    assert line is not None
    return Stored(
        [Joined(row["id"], row["ticket_number"], place, row["revision"]) for place, row in enumerate(rows, 1)],
        [row["ticket_serial"] for row in rows],
        [row["revision"] for row in revisions],
        line["revision"],
        line["waiting_count"],
    )


def check_joins(answers: Collection[Joined], stored: Stored, *, before: int) -> None:
    """`before` joined earlier; everybody else in the queue has one of the answers. Raises `WrongServer`."""
    wrong = list(_wrong_tables(stored)) + list(_wrong_answers(answers, stored, before))
    if wrong:
        raise WrongServer("; ".join(wrong))


def _wrong_tables(stored: Stored) -> list[str]:
    wrong = []
    if stored.waiting_count != len(stored.sessions):
        wrong.append(f"the line counts {stored.waiting_count}, {len(stored.sessions)} wait")
    if list(stored.revisions) != list(range(1, stored.revision + 1)):
        wrong.append(f"the log is not gapless up to revision {stored.revision}")
    # In the order of the line as well: whoever joined earlier has the lower number.
    if list(stored.serials) != list(range(stored.serials[0], stored.serials[0] + len(stored.serials))):
        wrong.append("the tickets are not gapless in the order of the line")
    if [each.revision for each in stored.sessions] != sorted(each.revision for each in stored.sessions):
        wrong.append("the log has another order than the line")
    return wrong


def _wrong_answers(answers: Collection[Joined], stored: Stored, before: int) -> list[str]:
    wrong = []
    if len(stored.sessions) != before + len(answers):
        wrong.append(f"{len(stored.sessions)} rows for {before} + {len(answers)} answers")
    if doubled := [id for id, times in Counter(each.id for each in answers).items() if times > 1]:
        wrong.append(f"{len(doubled)} sessions were answered twice")
    if doubled_tickets := [name for name, times in Counter(a.ticket_number for a in answers).items() if times > 1]:
        wrong.append(f"{len(doubled_tickets)} tickets were given out twice")
    by_id = {each.id: each for each in stored.sessions}
    for each in answers:
        kept = by_id.get(each.id)
        if kept is None:
            wrong.append(f"answered and not stored: {each.ticket_number}")
        elif (kept.ticket_number, kept.position) != (each.ticket_number, each.position):
            wrong.append(
                f"answered {each.ticket_number} at {each.position}, stored {kept.ticket_number} at {kept.position}"
            )
        elif not kept.revision <= each.revision <= stored.revision:
            wrong.append(f"{each.ticket_number} was answered as of revision {each.revision}, joined at {kept.revision}")
    return wrong[:10]
