"""The lock and the pen: the only way to change a queue or its line. Lock, look, change, write down.

Whoever holds a `LockedLine` is alone with that queue until the transaction ends. What was read before does not count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app.core.db import Statement, WriteTx
from app.core.events import record
from app.queues import disciplines, repository, rules
from app.queues.events import QUEUE, LineEvent, LineState, ReleaseLimits
from app.queues.limits import release_limits
from app.queues.models import Queue, QueueCategory, QueueLine, QueueMode
from app.queues.settings import LineSettings


class Ticket(NamedTuple):
    """What is printed: number `serial` of a service day, of the line or of the category that counts its own."""

    service_day: date
    serial: int
    number: str
    category_id: UUID | None


@dataclass(frozen=True, slots=True)
class LockedLine:
    """A queue held under its lock, and the time of this change: never before the line's last change.

    Decide by `settings`, which hold what counts now; `queue` has what was configured.
    """

    queue: Queue
    row: QueueLine
    now: datetime
    settings: LineSettings

    def state(self) -> LineState:
        """The counts as they are now."""
        return LineState(
            status=self.queue.status,
            waiting_count=self.row.waiting_count,
            held_count=self.row.held_count,
            called_count=self.row.called_count,
            serving_count=self.row.serving_count,
            open_counter_count=self.row.open_counter_count,
            service_seconds_mean=self.row.service_seconds_mean,
            limits=self.limits(),
        )

    def limits(self) -> ReleaseLimits | None:
        """Rate and cap as they are in force now; None unless the line is METERED."""
        return release_limits(self.queue, self.row, self.settings, self.now)

    def rank(
        self,
        priority: int,
        joined_at: datetime,
        *,
        multiplier_hundredths: int = disciplines.WHOLE,
        is_bypassed: bool = False,
        lot: disciplines.Lot | None = None,
    ) -> disciplines.Rank:
        """A fresh place in this line's order."""
        credits = disciplines.credits_by_priority(self.queue.priority_credits)
        sequence = self._fresh_sequence()
        standing = disciplines.Standing(priority, joined_at, sequence, multiplier_hundredths, is_bypassed, lot)
        return disciplines.rank_of(self.queue.discipline, credits, standing)

    def rank_behind(self, rank: disciplines.Rank, next_sequence: int | None) -> disciplines.Rank:
        """The place right behind somebody; `next_sequence` as in the rule."""
        return disciplines.rank_behind(rank, next_sequence, self._fresh_sequence())

    def next_ticket(self, category: QueueCategory | None = None) -> Ticket:
        """The next number of the current service day: of the category if it has numbers of its own, else the line's."""
        queue, prefix = self.queue, self.queue.ticket_prefix
        if category is not None and category.ticket_prefix is not None:
            prefix = category.ticket_prefix
        counted: QueueLine | QueueCategory = self.row
        owner_id, first, last_planned = None, queue.ticket_first_number, queue.ticket_last_number
        if (
            category is not None
            and category.ticket_first_number is not None
            and category.ticket_last_number is not None
        ):
            counted, owner_id = category, category.id
            first, last_planned = category.ticket_first_number, category.ticket_last_number
        today = rules.service_day(self.now, queue.time_zone, queue.daily_reset_time)
        # A queue whose time zone was moved does not live a day twice: its numbers would repeat.
        if counted.service_day is None or today > counted.service_day:
            counted.service_day, counted.last_ticket_serial = today, None
        last = counted.last_ticket_serial
        serial = counted.last_ticket_serial = first if last is None else last + 1
        return Ticket(counted.service_day, serial, rules.ticket_number(prefix, serial, last_planned), owner_id)

    def later(self, tx: WriteTx) -> "LockedLine":
        """The same line for the next change of the same block."""
        return replace(self, now=_not_before(self.row, max(self.now, tx.now_by_database(self.now))))

    def _fresh_sequence(self) -> int:
        self.row.last_sequence += 1
        return self.row.last_sequence * disciplines.SEQUENCE_STEP


async def lock(tx: WriteTx, queue_id: UUID) -> LockedLine:
    """Hold one queue. `NotFound` if it is not the tenant's."""
    return (await lock_all(tx, [queue_id]))[queue_id]


async def lock_all(tx: WriteTx, queue_ids: Sequence[UUID]) -> dict[UUID, LockedLine]:
    """Hold several queues, locked in one agreed order. `NotFound` if one is not the tenant's."""
    rows = await repository.lock(tx, queue_ids)
    return {queue.id: _locked(tx, queue, row, told) for queue, row, told in rows.values()}


async def hold(tx: WriteTx, queue_id: UUID) -> LockedLine:
    """`lock` for verbs that change many sessions at once. What they change of the row has to be written by `keep`."""
    line, _ = await hold_and_ask(tx, queue_id)
    return line


async def hold_and_ask(
    tx: WriteTx, queue_id: UUID, *statements: Statement
) -> tuple[LockedLine, Sequence[Sequence[tuple[Any, ...]]]]:
    """`hold`, and the rows of statements that read, as they are under the lock: in the same round trip."""
    queue, row, told, rows = await repository.hold(tx, queue_id, *statements)
    return _locked(tx, queue, row, told), rows


def locked(queue: Queue, row: QueueLine, now: datetime) -> LockedLine:
    """A line nobody else can know of yet."""
    return LockedLine(queue, row, now, LineSettings.of(queue))


async def keep(tx: WriteTx, line: LockedLine) -> None:
    """Write a line that was taken by `hold`, with the next statement or at the end."""
    repository.keep(tx, line.row)


def write_down(tx: WriteTx, line: LockedLine, event: Callable[[LineState], LineEvent]) -> None:
    """Take the next revision and record the event under it."""
    line.row.revision += 1
    line.row.last_change_at = line.now
    if line.queue.mode is QueueMode.METERED:
        # Somebody may have to be released now. Where the verb does not see to it, the clockwork does, at once.
        line.row.due_at = line.now
    record(tx, QUEUE, line.queue.id, line.row.revision, event(line.state()), line.now)


def _locked(tx: WriteTx, queue: Queue, row: QueueLine, told: datetime) -> LockedLine:
    return locked(queue, row, _not_before(row, tx.now_by_database(told)))


def _not_before(row: QueueLine, now: datetime) -> datetime:
    # The database's clock may be set back, or another server's take over. One queue's times must not run backwards:
    # order of joining is order of locking.
    if row.last_change_at is None or now > row.last_change_at:
        return now
    return row.last_change_at + timedelta(microseconds=1)
