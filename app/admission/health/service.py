"""What is done with what we are told of protected sites: weigh it, decide, write the decision down, let the line act.

Everything happens under the line's lock, so that no release falls between a decision and its consequence.
"""

from datetime import timedelta
from uuid import UUID

from app.admission.errors import QueueNotMetered
from app.admission.health import repository, rules
from app.admission.health.events import OriginHealthChanged
from app.admission.health.models import HealthReason, OriginCheck
from app.admission.health.rules import Pending
from app.core.db import WriteTx
from app.core.texts import ensure_text
from app.queues import health
from app.queues import service as queues
from app.queues.line import LockedLine, lock, write_down
from app.queues.models import OriginHealth, QueueMode, QueueStatus
from app.sessions.metered.settle import settle


async def report(tx: WriteTx, queue_id: UUID, seen: OriginHealth, detail: str | None) -> None:
    """The site says how it is. UNKNOWN: it will not say any more, and what was known is forgotten.

    Worse is believed at once; better when it is said twice in a row, unless it is the first thing said.
    Raises `InvalidInput`, `QueueNotMetered`, `NotFound`.
    """
    ensure_text("detail", detail or "", 0, 200)
    line = await lock(tx, queue_id)
    if line.queue.mode is not QueueMode.METERED:
        raise QueueNotMetered
    check = await _check(tx, line)
    if seen is OriginHealth.UNKNOWN:
        line = _forget(tx, line, check, detail)
    else:
        line = _weigh(tx, line, check, seen, HealthReason.REPORTED, detail)
    if line.queue.health_url is None:
        check.due_at = health.stale_from(line.row, line.queue)
    await settle(tx, line)


async def answered(
    tx: WriteTx, queue_id: UUID, url: str, seen: OriginHealth, detail: str, *, at_most_every: timedelta
) -> None:
    """We asked an address how the site is. Nothing happens if the queue names another one by now. `NotFound`."""
    line = await lock(tx, queue_id)
    if line.queue.health_url != url or not _is_watched(line):
        return
    check = await _check(tx, line)
    line = _weigh(tx, line, check, seen, HealthReason.ASKED, detail)
    check.due_at = line.now + rules.look_every(line.queue.health_stale_seconds, at_most_every)
    await settle(tx, line)


async def look_again(tx: WriteTx, queue_id: UUID) -> None:
    """The queue's configuration has changed, or its site's last report has grown old. `NotFound`.

    Begins to ask where there is an address now; ends, and forgets what was answered, where there is none any more;
    decides by the failure mode where a report is too old.
    """
    if await repository.find(tx, queue_id) is None and (await queues.get(tx, queue_id)).health_url is None:
        return  # as most queues are: their lines need not wait for us
    line = await lock(tx, queue_id)
    check = await _check(tx, line)
    if not _is_watched(line):
        check.due_at = None
        return
    if line.queue.health_url is not None:
        check.due_at = min(check.due_at or line.now, line.now)
    elif check.reason is HealthReason.ASKED:
        line = _forget(tx, line, check, "There is no address to ask any more.")
        check.due_at = None
    else:
        stale_at = health.stale_from(line.row, line.queue)
        check.due_at = stale_at if stale_at is not None and stale_at > line.now else None
    line = _decide_if_stale(tx, line, check)
    await settle(tx, line)


def _weigh(
    tx: WriteTx, line: LockedLine, check: OriginCheck, seen: OriginHealth, source: HealthReason, detail: str | None
) -> LockedLine:
    line = _decide_if_stale(tx, line, check)
    pending = Pending(check.seen_health, check.seen_count)
    weighed = rules.weigh(line.row.origin_health, check.reason, pending, seen, source)
    check.seen_health, check.seen_count, check.seen_detail = weighed.pending.health, weighed.pending.count, detail
    if weighed.health is not None:
        line = _decide(tx, line, check, weighed.health, source, detail)
    line.row.health_reported_at = line.now
    return line


def _decide_if_stale(tx: WriteTx, line: LockedLine, check: OriginCheck) -> LockedLine:
    """Write down what has counted since the last report became too old."""
    assumed = health.assumed_health(line.row, line.queue, line.now)
    if assumed is line.row.origin_health:
        return line
    silence = f"Nothing was heard for {line.queue.health_stale_seconds} s."
    return _decide(tx, line, check, assumed, HealthReason.STALE, silence)


def _forget(tx: WriteTx, line: LockedLine, check: OriginCheck, detail: str | None) -> LockedLine:
    check.seen_health, check.seen_count, check.seen_detail = OriginHealth.UNKNOWN, 0, None
    if line.row.origin_health is not OriginHealth.UNKNOWN:
        line = _decide(tx, line, check, OriginHealth.UNKNOWN, HealthReason.NOT_TOLD, detail)
    check.reason, check.detail = HealthReason.NOT_TOLD, detail
    line.row.health_reported_at = None
    return line


def _decide(
    tx: WriteTx, line: LockedLine, check: OriginCheck, decided: OriginHealth, reason: HealthReason, detail: str | None
) -> LockedLine:
    row = line.row
    before, factor = row.origin_health, health.effective_factor(row, line.queue, line.now)
    row.origin_health, row.health_changed_at, row.health_factor = decided, line.now, factor
    check.reason, check.detail = reason, detail
    write_down(tx, line, lambda state: OriginHealthChanged(state, decided, before, reason, detail, round(factor, 4)))
    return line.later(tx)


async def _check(tx: WriteTx, line: LockedLine) -> OriginCheck:
    """What was seen so far. The line is held, so nobody else makes it meanwhile."""
    found = await repository.find(tx, line.queue.id)
    if found is None:
        found = OriginCheck(tenant_id=tx.tenant, queue_id=line.queue.id)
        tx.add(found)
    return found


def _is_watched(line: LockedLine) -> bool:
    return line.queue.mode is QueueMode.METERED and line.queue.status is not QueueStatus.ARCHIVED
