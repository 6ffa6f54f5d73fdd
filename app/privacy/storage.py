"""How much room a tenant's files take, and whether there is more. Those of exports are all there are."""

from typing import Final

from app.core.db import WriteTx
from app.privacy import repository
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

MEGABYTE: Final = 1_000_000


async def ensure_room(tx: WriteTx, size: int) -> None:
    """`LimitReached` if a file of so many bytes would be too much; until the block ends nobody else adds one."""
    limit = (await tenants.hold_limits(tx)).storage_megabytes
    if await repository.stored_bytes(tx) + size > limit * MEGABYTE:
        raise LimitReached("storageMegabytes", limit)
