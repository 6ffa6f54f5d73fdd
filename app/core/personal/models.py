"""Tenants' wrapped keys, and how far a rotation is. What is sealed with the keys is in the features' tables."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlmodel import Field, SQLModel

from app.core.db.tables import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.personal.keys import KeyUse


class TenantKey(SQLModel, table=True):
    """A key of a tenant, wrapped by the installation's master key; gone with the tenant, and with it what it sealed.

    1. made with the tenant, or by a rotation: then it opens at once and seals from `active_at` on
    2. a newer version seals: it opens what has not been sealed anew yet
    3. removed when nothing is sealed with it any more
    """

    __tablename__ = "tenant_keys"
    __table_args__ = (CheckConstraint("(use = 'INDEX') = (version = 0)", name="version"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    use: KeyUse = enum_column(KeyUse, "use")
    version: int = Field(primary_key=True)
    wrapped: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = time_column()
    active_at: datetime = time_column()


class RotationStatus(StrEnum):
    """WAITING until every process knows the new key, RUNNING while values are sealed anew, then DONE."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"


class KeyRotation(TenantRow, table=True):
    """A tenant's change to a new data key: all that was sealed with older ones is sealed anew.

    - one at a time per tenant (`key_rotations_running_key`)
    """

    __tablename__ = "key_rotations"
    __table_args__ = (
        Index("key_rotations_running_key", "tenant_id", unique=True, postgresql_where="status <> 'DONE'"),
        Index("key_rotations_started_idx", "tenant_id", "started_at"),
    )

    to_version: int
    status: RotationStatus = enum_column(RotationStatus, "status", RotationStatus.WAITING)
    # Rows that hold sealed values, as counted at the beginning, and how many of them were seen to.
    total_rows: int = 0
    done_rows: int = 0
    # Rows of this pass that hold a value no key opens, which are left as they are: how many, and the first of them as
    # "table id". They say where to look and not what was there.
    unopened_rows: int = 0
    unopened: list[str] = json_column(list)
    # Where it goes on: a table, and the id of the last row seen to.
    at_table: str | None = Field(default=None, max_length=64)
    after_id: UUID | None = None
    started_at: datetime = time_column()
    finished_at: datetime | None = optional_time()
