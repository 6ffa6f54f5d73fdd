"""What providers report about messages they took: arrived, or not. Who may report is the callbacks' business.

Reports come twice, late, out of order, and sometimes before we have written down that the message was taken at all;
the end is the same each time (`deliveries/rules.py`).
"""

from collections.abc import Sequence
from uuid import UUID

from app.core.db import WriteTx
from app.notifications.channels.interface import StatusReport
from app.notifications.deliveries import repository
from app.notifications.deliveries.rules import Standing, reported
from app.notifications.models import EarlyReport, Notification


async def apply(tx: WriteTx, provider_id: UUID | None, reports: Sequence[StatusReport]) -> list[Notification]:
    """Write down what a provider reports; the messages that are other than before.

    What we know no message for is kept for a day: our own writing down that it was taken may be on its way.
    """
    final = [each for each in reports if each.is_delivered is not None]
    if not final:
        return []
    numbers = sorted({each.provider_message_id for each in final})
    await repository.hold_reports(tx, numbers)
    rows = await repository.reported_on(tx, provider_id, numbers)
    early = [_early(tx, provider_id, each) for each in final]
    await repository.keep_early(tx, [each for each in early if each.provider_message_id not in rows])
    changed = [
        rows[each.provider_message_id]
        for each in early
        if each.provider_message_id in rows and _put(rows[each.provider_message_id], each)
    ]
    await tx.flush()
    return list({row.id: row for row in changed}.values())


async def apply_early(tx: WriteTx, row: Notification) -> bool:
    """Give a message that has just become SENT what was reported before; whether there was something."""
    if row.provider_message_id is None:
        return False
    found = await repository.take_early(tx, row.provider_id, row.provider_message_id)
    for each in found:
        _put(row, each)
    await tx.flush()
    return bool(found)


def _early(tx: WriteTx, provider_id: UUID | None, report: StatusReport) -> EarlyReport:
    return EarlyReport(
        tenant_id=tx.tenant,
        provider_id=provider_id,
        provider_message_id=report.provider_message_id[:300],
        is_delivered=bool(report.is_delivered),
        occurred_at=report.occurred_at,
        reason=None if report.reason is None else report.reason[:1000],
        is_gone=report.is_gone,
        received_at=tx.now(),
    )


def _put(row: Notification, report: EarlyReport) -> bool:
    """Whether it made a difference."""
    before = Standing(row.status, row.error, row.delivered_at)
    at = min(report.occurred_at or report.received_at, report.received_at)
    after = reported(before, is_delivered=report.is_delivered, at=at, reason=report.reason)
    row.status, row.error, row.delivered_at = after.status, after.error, after.delivered_at
    return after != before
