"""Dashboards that are kept, with their widgets as data. A front-end draws them; no figure lies in here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from app.core.db import TenantRow, json_column, time_column


class SavedDashboard(TenantRow, table=True):
    """A grid of widgets, one user's own or shared with everybody who may see figures.

    1. created by its owner; changed and deleted by them, and while it is shared by whoever may write reports
    2. a change that was made from an older revision is refused, if it says which one it was made from

    `widgets` are `rules.Widget`s, as JSON. Programs have no dashboards of their own: theirs are shared.
    """

    __tablename__ = "saved_dashboards"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "owner_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        Index("saved_dashboards_created_idx", "tenant_id", "created_at", "id"),
        Index("saved_dashboards_owner_idx", "tenant_id", "owner_id"),
    )

    name: str = Field(max_length=120)
    owner_id: UUID | None = None
    shared: bool = False
    widgets: list[dict[str, Any]] = json_column(list)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
