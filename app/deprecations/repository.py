"""Every statement about uses of what is deprecated; for the system role."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from app.core.db import ReadTx, WriteTx

SHOWN = timedelta(days=30)
KEPT = timedelta(days=400)
"""Longer than any deprecation is likely to last."""


@dataclass(frozen=True, slots=True)
class Uses:
    """Of one part: operations of the last `SHOWN`, and when it was last used at all."""

    operations: int
    last_used_on: date


async def add(tx: WriteTx, today: date, operations: Mapping[str, int]) -> None:
    """Add what one process has counted."""
    # In order: processes that write at the same time wait for each other and never in a circle.
    coordinates = sorted(operations)
    await tx.rows(_ADD, coordinates, today, [operations[each] for each in coordinates])
    await tx.rows("delete from deprecated_uses where used_on < $1", today - KEPT)


_ADD = """
    insert into deprecated_uses (coordinate, used_on, operations)
    select coordinate, $2, operations from unnest($1::text[], $3::bigint[]) as counted (coordinate, operations)
    on conflict (coordinate, used_on) do update set operations = deprecated_uses.operations + excluded.operations
"""


async def uses(tx: ReadTx, today: date) -> dict[str, Uses]:
    """What was used, by coordinate."""
    rows = await tx.rows(_USES, today - SHOWN)
    return {coordinate: Uses(int(operations), last) for coordinate, operations, last in rows}


_USES = """
    select coordinate, coalesce(sum(operations) filter (where used_on > $1), 0), max(used_on)
    from deprecated_uses group by coordinate
"""
