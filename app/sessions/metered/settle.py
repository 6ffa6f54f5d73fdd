"""`settle`: everything that is due in a line, done under its lock. The verbs that make it due stand elsewhere.

Timers run in every queue that has them; only a METERED one releases. Called at the end of every verb that changes a
line, in the same transaction, so that a freed place is refilled by the commit that frees it; and by the clockwork for
what only time causes. Whoever calls it holds the line, so rate and cap are decided by one transaction at a time, on
what all before it have committed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from app.core.actor import SYSTEM
from app.core.db import WriteTx
from app.queues.events import LineState
from app.queues.health import next_change_at
from app.queues.line import LockedLine, lock, write_down
from app.queues.models import QueueLine, QueueMode
from app.queues.rules import CALLABLE, moving_mean
from app.sessions import events
from app.sessions.events import SessionState
from app.sessions.metered import pacing, repository
from app.sessions.metered.absence import absence, latest_look
from app.sessions.models import Joined, SessionStatus

PORTION = 200
"""So many are released, and so many ended, in one transaction; the clockwork goes on with the rest at once."""
_NOBODY: Mapping[UUID, Joined] = MappingProxyType({})


async def settle(tx: WriteTx, line: LockedLine, joined: Mapping[UUID, Joined] = _NOBODY) -> LockedLine:
    """End whose time is over, release whom rate and cap let in, and say when to look again; the line as it is then.

    Costs no statement in a STAFFED line without timers. `joined` are those who have just joined: they show it if they
    are let in at once.
    What was read of sessions earlier in the block shows it too. A line taken by `hold` has yet to be kept.
    """
    row = line.row
    if line.queue.mode is not QueueMode.METERED and not _has_timers(line):
        row.due_at = row.schedule_due_at
        return line
    actor, request_id, origin = tx.actor, tx.request_id, tx.origin
    # Nobody in particular does this, whoever's change has made it possible.
    tx.act_for(SYSTEM, request_id)
    line, expiry_at = await _end_overdue(tx, line)
    line = await _end_absent(tx, line)
    line, released = await _release(tx, line)
    tx.act_for(actor, request_id, origin)
    for state, revision in released.told:
        if (newcomer := joined.get(state.id)) is not None:
            newcomer.status, newcomer.called_at, newcomer.call_count = state.status, state.called_at, state.call_count
            newcomer.expires_at, newcomer.admission_number = state.expires_at, state.admission_number
            newcomer.revision = revision
    health_at = next_change_at(row, line.queue, line.now) if row.waiting_count else None
    row.due_at = _earliest(
        row.schedule_due_at, row.timer_due_at, expiry_at, released.expiry_at, released.next_at, health_at
    )
    return line


def _has_timers(line: LockedLine) -> bool:
    settings = line.settings
    if settings.claim_seconds is not None or settings.grace_seconds is not None:
        return True
    # Or somebody's time runs who was called when there still was one: the line is due for that, or before it for its
    # schedule, after which everything is looked at.
    return settings.phone_grace_seconds is not None or line.row.due_at != line.row.schedule_due_at


async def settle_changed(tx: WriteTx, queue_id: UUID) -> None:
    """`settle` after a change of a queue's configuration or status."""
    await settle(tx, await lock(tx, queue_id))


async def _end_overdue(tx: WriteTx, line: LockedLine) -> tuple[LockedLine, datetime | None]:
    found = await repository.overdue(tx, line.queue.id, line.now, PORTION)
    if found.session_ids:
        line = await _end(tx, line, found.session_ids)
    return line, line.now if len(found.session_ids) == PORTION else found.next_at


async def _end_absent(tx: WriteTx, line: LockedLine) -> LockedLine:
    row, latest = line.row, latest_look(line)
    if latest is None or row.timer_due_at is None or row.timer_due_at > latest:
        row.timer_due_at = latest
    elif row.timer_due_at <= line.now:
        found = await absence(tx, line)
        row.timer_due_at = found.look_again_at
        if found.session_ids:
            line = await _end(tx, line, found.session_ids)
    return line


async def _end(tx: WriteTx, line: LockedLine, session_ids: Sequence[UUID]) -> LockedLine:
    row = line.row
    line = line.later(tx)
    for state in await repository.end(tx, line.queue.id, session_ids, line.now):
        event: type[events.SessionEvent] = events.SessionExpired
        if state.status is SessionStatus.NO_SHOW:
            event = events.SessionMarkedNoShow
            row.called_count -= 1
        elif state.started_at is None:
            row.waiting_count -= 1
        else:
            row.serving_count -= 1
            _count_stay(row, state)
        line = _tell(tx, line, event, state)
    return line


@dataclass(frozen=True, slots=True)
class _Released:
    """Who was released, with the revision that is; when the first claim window ends, and when the next release is due.

    That is null where it is not time that it waits for.
    """

    told: Sequence[tuple[SessionState, int]] = ()
    expiry_at: datetime | None = None
    next_at: datetime | None = None


async def _release(tx: WriteTx, line: LockedLine) -> tuple[LockedLine, _Released]:
    row, limits = line.row, line.limits()
    if limits is None or line.queue.status not in CALLABLE or limits.rate_per_minute == 0:
        return line, _Released()
    look = pacing.Round.of(
        line.now,
        rate_per_minute=limits.rate_per_minute,
        max_concurrent_users=limits.max_concurrent_users,
        inside=row.called_count + row.serving_count,
        waiting=row.waiting_count,
        release_due_at=row.release_due_at,
        portion=PORTION,
    )
    if (earlier := look.looks_back_at(row.release_count)) is not None:
        look = look.within(await repository.released_at(tx, line.queue.id, *earlier))
    told = []
    if look.count:
        line = line.later(tx)
        claim = None if line.settings.claim_seconds is None else timedelta(seconds=line.settings.claim_seconds)
        for state in await repository.release(
            tx, line.queue.id, look.count, last_number=row.release_count, at=line.now, claim=claim
        ):
            row.waiting_count -= 1
            row.called_count += 1
            row.release_count += 1
            line = _tell(tx, line, events.SessionReleased, state)
            told.append((state, row.revision))
            row.last_called_ticket, row.last_called_counter, row.last_called_at = (
                state.ticket_number,
                None,
                state.called_at,
            )
    if look.slots is not None:
        row.release_due_at = look.release_due_at(len(told))
    return line, _Released(told, told[0][0].expires_at if told else None, look.next_at(len(told)))


def _tell(
    tx: WriteTx, line: LockedLine, event: Callable[[LineState, SessionState], events.SessionEvent], state: SessionState
) -> LockedLine:
    """Record one of what a statement has done to several; the line at the time of the next one."""
    write_down(tx, line, lambda counts: event(counts, state))
    return replace(line, now=line.now + repository.STEP)


def _count_stay(row: QueueLine, state: SessionState) -> None:
    """A stay that ends by itself is as long as any: places are not free earlier because nobody says goodbye."""
    assert state.started_at is not None
    assert state.ended_at is not None  # a stay that began has just ended
    seconds = (state.ended_at - state.started_at).total_seconds()
    row.service_seconds_mean = moving_mean(row.service_seconds_mean, row.service_count, seconds)
    row.service_count += 1


def _earliest(*times: datetime | None) -> datetime | None:
    return min((time for time in times if time is not None), default=None)
