"""Every statement about tokens that are used up. Sessions have their own."""

from datetime import datetime
from uuid import UUID

from app.core.db import ReadTx, WriteTx

_USE = """
    insert into admission_uses (tenant_id, session_id, number, used_at) values ($1, $2, $3, $4)
    on conflict do nothing returning used_at
"""
_USED_AT = "select used_at from admission_uses where tenant_id = $1 and session_id = $2 and number = $3"


async def use(tx: WriteTx, session_id: UUID, number: int) -> bool:
    """Use a token up; False if somebody has done so before."""
    return bool(await tx.rows(_USE, tx.tenant, session_id, number, tx.now()))


async def used_at(tx: ReadTx, session_id: UUID, number: int) -> datetime | None:
    """When a token was used up; None if it was not."""
    found = await tx.rows(_USED_AT, tx.tenant, session_id, number)
    return found[0]["used_at"] if found else None
