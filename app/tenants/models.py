"""The tenants table. Who may do what inside a tenant is identity's business."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db import enum_column, json_column, optional_time, time_column
from app.core.ids import new_id

PLATFORM_SLUG = "platform"


class TenantStatus(StrEnum):
    """ACTIVE serves; INACTIVE is being set up or wound down; SUSPENDED is turned away at the door."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    SUSPENDED = "SUSPENDED"


class Tenant(SQLModel, table=True):
    """A business that runs queues: the isolation boundary.

    1. created ACTIVE by the platform's super-admin, together with its first administrator
    2. SUSPENDED and reactivated by the platform; its users and sockets are turned away meanwhile
    3. deleted by the platform, only while suspended; everything it owns goes with it

    The slug `platform` is the tenant the super-admins themselves belong to.
    """

    __tablename__ = "tenants"
    __table_args__ = (
        UniqueConstraint("slug", name="tenants_slug_key"),
        UniqueConstraint("domain", name="tenants_domain_key"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    slug: str = Field(max_length=63)
    name: str = Field(max_length=120)
    # Verified, always; what is only claimed stands below, and says nothing about whose the domain is.
    domain: str | None = Field(default=None, max_length=253)
    claimed_domain: str | None = Field(default=None, max_length=253)
    domain_challenge: str | None = Field(default=None, max_length=64)
    domain_claimed_at: datetime | None = optional_time()
    description: str | None = Field(default=None, max_length=2000)
    status: TenantStatus = enum_column(TenantStatus, "status", TenantStatus.ACTIVE)
    settings: dict[str, Any] = json_column()
    branding: dict[str, Any] = json_column()
    limits: dict[str, Any] = json_column()
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
