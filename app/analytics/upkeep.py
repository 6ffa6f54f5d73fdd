"""Keeps the facts' months ahead of time and drops those that are over; what they add up to stays."""

from datetime import UTC, datetime

from app.analytics import repository_upkeep
from app.core.db import Database


def kept_since(now: datetime, months: int) -> datetime:
    """The beginning of the oldest month whose facts are kept: this one and so many before it (UTC)."""
    years, month = divmod(now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 - months, 12)
    return datetime(years, month + 1, 1, tzinfo=UTC)


async def keep_months(system: Database, fact_months: int) -> int:
    """Make the months that come, and that are needed; drop what is over. How many months were dropped."""
    async with system.write(None) as tx:
        since = kept_since(tx.now(), fact_months)
        await repository_upkeep.make_partitions(tx, since)
        return await repository_upkeep.drop_before(tx, since)
