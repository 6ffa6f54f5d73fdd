"""Times that callers give: with a zone, and such that the database knows them."""

from datetime import UTC, datetime
from typing import overload

from app.core.errors import BadInput


@overload
def instant(name: str, at: datetime) -> datetime: ...
@overload
def instant(name: str, at: datetime | None) -> datetime | None: ...
def instant(name: str, at: datetime | None) -> datetime | None:
    """A time in UTC; None of None. `BadInput`, which names the value, if it has no zone or is too early or late."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise BadInput(f"`{name}` needs a time zone, e.g. `2026-01-01T00:00:00Z`.")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise BadInput(f"`{name}` is out of range.") from None
