"""Who is told that their queue opens soon: everybody who waits there. Time causes it, so it is looked for every minute.

A look finds queues that open within a rule's minutes, and owes one job for each rule, queue and opening, however many
workers look how often. The job writes what is owed in portions, each of which writes the next.
"""

import math
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from app.core.db import Database, WriteTx
from app.core.jobs.context import write_jobs
from app.core.jobs.lanes import Lane
from app.core.jobs.repository import NewJob
from app.notifications.models import NotificationKind
from app.notifications.telling import repository
from app.notifications.telling.reaching import Person, Told, desk, reachable, tell
from app.queues import repository as queues
from app.queues.disciplines import Rank
from app.queues.models import QueueStatus
from app.schedules.boundaries import next_openings
from app.settings import Settings

EVERY: Final = timedelta(minutes=1)
PORTION = 200

_KIND = NotificationKind.OPENING_SOON
# Queues that are shut for now, and open by their schedule. Whom staff have shut in maintenance, nobody can promise it.
_SHUT = (QueueStatus.PREQUEUE, QueueStatus.CLOSED)
JOB = "notifications.opening_soon"
"""The job that tells a portion; `tasks.py` declares it."""


async def look(system: Database) -> None:
    """Write down a job for each rule whose time has come in a queue where somebody waits."""
    async with system.read(None) as tx:
        tenants = await repository.tenants_with(tx, _KIND)
    for tenant_id in tenants:
        async with system.write(tenant_id) as tx:
            await _look_at(tx)


async def _look_at(tx: WriteTx) -> None:
    now = tx.now()
    rows = [row for row in await repository.rules(tx) if row.kind is _KIND and row.is_enabled]
    waiting = await repository.queues_that_wait(tx, _SHUT)
    openings = await next_openings(tx, waiting, now) if waiting else {}
    due: list[NewJob] = []
    for queue_id, opens_at in openings.items():
        for row in rows:
            if opens_at is None or row.queue_id not in (None, queue_id) or row.minutes_before is None:
                continue
            if opens_at - timedelta(minutes=row.minutes_before) <= now < opens_at:
                args = {"ruleId": str(row.id), "queueId": str(queue_id), "opensAt": opens_at.isoformat()}
                due.append(NewJob(tx.tenant, JOB, args, f"{JOB}:{_occasion(args)}", lane=Lane.BULK))
    await write_jobs(tx, due)


async def owe_opening(tx: WriteTx, args: dict[str, Any], settings: Settings) -> None:
    """Write down what a portion of those who wait are to be told, and a job for the next portion."""
    queue_id, opens_at = UUID(args["queueId"]), datetime.fromisoformat(args["opensAt"])
    queue = (await queues.with_lines(tx, [queue_id]))[queue_id][0]
    at = await desk(tx, settings, queue, [_KIND])
    rule = next((rule for rule in at.rules(_KIND) if str(rule.id) == args["ruleId"]), None)
    now = tx.now()
    if rule is None or queue.status not in _SHUT or opens_at <= now:
        return  # changed, opened by hand, or too late to be of use
    portion = await repository.waiting_after(tx, queue_id, _rank(args.get("after")), PORTION)
    able = await reachable(tx, [placed.session_id for placed in portion], rule)
    occasion = _occasion(args)
    told: list[Told] = []
    for session in await repository.sessions(tx, list(able)):
        values = at.values(
            session,
            opensAt=opens_at.astimezone(ZoneInfo(queue.time_zone)).strftime("%H:%M"),
            minutesUntilOpening=math.ceil((opens_at - now).total_seconds() / 60),
        )
        told.append(Told(rule, Person(session=session), occasion, now, values))
    await tell(tx, at, told)
    if len(portion) == PORTION:
        last = portion[-1]
        after = [last.rank.rank_class, last.rank.rank_time.isoformat(), last.rank.sequence]
        key = f"{JOB}:{occasion}:{last.session_id}"
        await write_jobs(tx, [NewJob(tx.tenant, JOB, args | {"after": after}, key, tx.request_id, lane=Lane.BULK)])


def _occasion(args: dict[str, Any]) -> UUID:
    """What stands for the event that it opens soon: the same for whoever finds it out."""
    return uuid5(UUID(args["ruleId"]), f"{args['queueId']}:{args['opensAt']}")


def _rank(after: list[Any] | None) -> Rank | None:
    return None if after is None else Rank(after[0], datetime.fromisoformat(after[1]), after[2])
