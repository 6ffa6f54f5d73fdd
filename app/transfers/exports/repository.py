"""Every statement about exports. What they are made from is `sources.py`."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.transfers.exports.models import Export

# Two who ask at once would both see one less.
_ALONE = "select pg_advisory_xact_lock(hashtextextended('exports of ' || $1::text, 0))"


async def get(tx: ReadTx, id: UUID) -> Export:
    """An export. `NotFound` otherwise."""
    found = await tx.get(Export, (tx.tenant, id), populate_existing=True)
    if found is None:
        raise NotFound("Export")
    return found


async def lock(tx: WriteTx, id: UUID) -> Export:
    """An export, held until the transaction ends. `NotFound` otherwise."""
    statement = select(Export).where(Export.tenant_id == tx.tenant, Export.id == id)
    found = await tx.exec(statement.with_for_update().execution_options(populate_existing=True))
    export = found.one_or_none()
    if export is None:
        raise NotFound("Export")
    return export


async def page(tx: ReadTx, request: PageRequest) -> Page[Export]:
    """The tenant's exports, newest first."""
    keys = [Export.created_at, Export.id]
    statement = select(Export).where(Export.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


async def count_open(tx: WriteTx) -> int:
    """How many are under way; until the block ends nobody else begins one."""
    await tx.rows(_ALONE, str(tx.tenant))
    statement = select(func.count()).select_from(Export)
    return int((await tx.exec(statement.where(Export.tenant_id == tx.tenant, col(Export.finished_at).is_(None)))).one())


async def delete_before(tx: WriteTx, before: datetime, *, limit: int) -> int:
    """Delete some that were over before a time, of every tenant; how many. Needs a block of the platform."""
    found = await tx.rows(
        "delete from exports using (select tenant_id, id from exports where finished_at < $1 limit $2"
        " for update skip locked) as old where exports.tenant_id = old.tenant_id and exports.id = old.id returning 1",
        before,
        limit,
    )
    return len(found)
