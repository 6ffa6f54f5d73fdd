"""Who of a metered line has been away for longer than the grace: asked under the line's lock, changes nothing.

The rule leans to the visitor. Time away is counted only while an API process could have noticed a return, and only up
to what every process has reported: one that is killed, slow or cut off costs nobody a place, it delays the verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.queues.line import LockedLine
from app.queues.models import QueueStatus
from app.sessions.metered import presence_rows
from app.sessions.metered.presence_rows import Grace, Seen

REPORTED_WITHIN = timedelta(seconds=5)
"""What a process has seen stands in the tables after this long (it reports every two seconds), or it is late."""
LOST_AFTER = timedelta(seconds=60)
"""A process that is late for so long is not waited for any more: those it has seen were last seen when it reported."""
AT_ONCE = 500
# Looking goes through the whole line, a fifth of the work of writing 50,000 rows (`python -m bench.rush.presence`): not
# for everybody who leaves, but soon after.
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Absence:
    """Whose time is over, longest first, at most `AT_ONCE`; and when to look again, null if there is no need to."""

    session_ids: Sequence[UUID]
    look_again_at: datetime | None


NOBODY = Absence((), None)


def latest_look(line: LockedLine) -> datetime | None:
    """When to look for the absent at the latest; null while nobody can lose a place: nobody does in maintenance.

    Not earlier where nobody was looked for so far. What was seen before is not known of everybody then, and whoever is
    there has been reported by that time.
    """
    grace = grace_of(line.settings.grace_seconds, line.settings.phone_grace_seconds)
    shortest = min((each for each in (grace.browser, grace.phone) if each is not None), default=None)
    if shortest is None or not line.row.waiting_count or line.queue.status is QueueStatus.MAINTENANCE:
        return None
    return line.now + shortest + REPORTED_WITHIN


async def put_back(tx: WriteTx, line: LockedLine, session_id: UUID) -> None:
    """Somebody is in line again: nobody had to show that they are there where they were, so they are seen now."""
    if line.settings.grace_seconds is not None or line.settings.phone_grace_seconds is not None:
        await presence_rows.write(tx, presence_rows.BY_THE_LINE, [Seen(session_id, False, line.now)])


async def absence(tx: ReadTx, line: LockedLine) -> Absence:
    """Who of this line has lost the place to their grace. Nobody while the queue is in maintenance."""
    grace, latest = grace_of(line.settings.grace_seconds, line.settings.phone_grace_seconds), latest_look(line)
    if latest is None:
        return NOBODY
    shortest = latest - REPORTED_WITHIN - line.now
    now, pause = line.now, min(max(shortest / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE)
    reporters = await presence_rows.reporters(tx, now - REPORTED_WITHIN, now - LOST_AFTER)
    if reporters.open_since is None or reporters.is_one_late:
        return Absence((), now + REPORTED_WITHIN)
    gone, next_at = await presence_rows.absent(
        tx, line.queue.id, _with_report(grace), reporters.open_since, now, AT_ONCE
    )
    if len(gone) == AT_ONCE:
        return Absence(gone, now)
    return Absence(gone, None if next_at is None else max(next_at, now + pause))


def grace_of(seconds: int | None, phone_seconds: int | None) -> Grace:
    """The grace by device: a phone's own where it has one, else everybody's."""
    browser = None if seconds is None else timedelta(seconds=seconds)
    return Grace(browser, browser if phone_seconds is None else timedelta(seconds=phone_seconds))


def _with_report(grace: Grace) -> Grace:
    return Grace(
        None if grace.browser is None else grace.browser + REPORTED_WITHIN,
        None if grace.phone is None else grace.phone + REPORTED_WITHIN,
    )
