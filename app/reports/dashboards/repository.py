"""Every statement about dashboards that are kept."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, delete, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.reports.dashboards.models import SavedDashboard


async def page(tx: ReadTx, user_id: UUID | None, request: PageRequest) -> Page[SavedDashboard]:
    """A user's own dashboards and the shared ones, in order of creation; those only for a program."""
    statement = select(SavedDashboard).where(SavedDashboard.tenant_id == tx.tenant, _visible_to(user_id))
    return await fetch_page(tx, statement, [SavedDashboard.created_at, SavedDashboard.id], request)  # type: ignore[list-item]


async def by_ids(tx: ReadTx, user_id: UUID | None, ids: Sequence[UUID]) -> dict[UUID, SavedDashboard]:
    """Those of these dashboards that the user may see."""
    found = await tx.exec(
        select(SavedDashboard).where(
            SavedDashboard.tenant_id == tx.tenant, col(SavedDashboard.id).in_(ids), _visible_to(user_id)
        )
    )
    return {row.id: row for row in found}


async def lock(tx: WriteTx, user_id: UUID | None, id: UUID) -> SavedDashboard:
    """A dashboard the user may see, held until the transaction ends. `NotFound` otherwise."""
    statement = select(SavedDashboard).where(
        SavedDashboard.tenant_id == tx.tenant, SavedDashboard.id == id, _visible_to(user_id)
    )
    found = (await tx.exec(statement.with_for_update())).one_or_none()
    if found is None:
        raise NotFound("SavedDashboard")
    return found


async def count(tx: ReadTx) -> int:
    """How many the tenant has, everybody's own included."""
    statement = select(func.count()).select_from(SavedDashboard).where(SavedDashboard.tenant_id == tx.tenant)
    return (await tx.exec(statement)).one()


async def forget_own(tx: WriteTx, user_ids: Sequence[UUID]) -> int:
    """Delete what users have for themselves alone; how many that were. What they share stays."""
    gone = await tx.exec(
        delete(SavedDashboard).where(
            col(SavedDashboard.tenant_id) == tx.tenant,
            col(SavedDashboard.owner_id).in_(user_ids),
            ~col(SavedDashboard.shared),
        )
    )
    return gone.rowcount


def _visible_to(user_id: UUID | None) -> ColumnElement[bool]:
    return or_(col(SavedDashboard.shared), col(SavedDashboard.owner_id) == user_id)
