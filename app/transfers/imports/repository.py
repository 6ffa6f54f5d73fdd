"""Every statement about imports. What they make is made by the features' own verbs."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.transfers.imports.models import Import, ImportProblem

_ALONE = "select pg_advisory_xact_lock(hashtextextended('imports of ' || $1::text, 0))"


async def get(tx: ReadTx, id: UUID) -> Import:
    """An import. `NotFound` otherwise."""
    found = await tx.get(Import, (tx.tenant, id), populate_existing=True)
    if found is None:
        raise NotFound("Import")
    return found


async def lock(tx: WriteTx, id: UUID) -> Import:
    """An import, held until the transaction ends. `NotFound` otherwise."""
    statement = select(Import).where(Import.tenant_id == tx.tenant, Import.id == id)
    found = await tx.exec(statement.with_for_update().execution_options(populate_existing=True))
    row = found.one_or_none()
    if row is None:
        raise NotFound("Import")
    return row


async def page(tx: ReadTx, request: PageRequest) -> Page[Import]:
    """The tenant's imports, newest first."""
    keys = [Import.created_at, Import.id]
    statement = select(Import).where(Import.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


async def problems(tx: ReadTx, import_id: UUID, request: PageRequest) -> Page[ImportProblem]:
    """What was wrong with the file's rows, in its order."""
    statement = select(ImportProblem).where(ImportProblem.tenant_id == tx.tenant, ImportProblem.import_id == import_id)
    return await fetch_page(tx, statement, [ImportProblem.line], request)  # type: ignore[list-item]


async def count_open(tx: WriteTx, now: datetime) -> int:
    """How many are under way; until the block ends nobody else begins one. Those nobody has brought a file for in time
    are not.
    """
    await tx.rows(_ALONE, str(tx.tenant))
    statement = (
        select(func.count())
        .select_from(Import)
        .where(
            Import.tenant_id == tx.tenant,
            col(Import.finished_at).is_(None),
            (Import.status != "AWAITING_FILE") | (Import.upload_ends_at > now),
        )
    )
    return int((await tx.exec(statement)).one())


async def delete_before(tx: WriteTx, before: datetime, *, limit: int) -> int:
    """Delete some that were begun before a time, of every tenant; how many. Needs a block of the platform."""
    found = await tx.rows(
        "delete from imports using (select tenant_id, id from imports where created_at < $1 limit $2"
        " for update skip locked) as old where imports.tenant_id = old.tenant_id and imports.id = old.id returning 1",
        before,
        limit,
    )
    return len(found)
