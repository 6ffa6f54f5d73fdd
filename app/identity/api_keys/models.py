"""API keys and their secrets: programs that act in a tenant. What a key's text looks like is `text.py`'s business."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, json_column, optional_time, time_column


class ApiKeyStatus(StrEnum):
    """Only an ACTIVE key opens anything. Derived: nobody has to write down that a time has come."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class ApiKey(TenantRow, table=True):
    """A program's access to one tenant: a name and the permissions it has, `scopes`.

    1. created with its first secret, by somebody who has all the permissions they give it
    2. rotated: another secret, beside which the older ones stay good for a while
    3. past `expires_at`, or revoked, for good: none of its secrets opens anything any more

    It belongs to the tenant, not to whoever created it: it goes on when they leave.
    """

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_created_idx", "tenant_id", "created_at", "id"),)

    name: str = Field(max_length=80)
    scopes: list[str] = json_column(list)
    expires_at: datetime | None = optional_time()
    revoked_at: datetime | None = optional_time()
    revoke_reason: str | None = Field(default=None, max_length=200)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class ApiKeySecret(TenantRow, table=True):
    """One secret of a key, by hash; `prefix` is how its text begins, which is no secret.

    `ends_at` is null for the newest; rotation gives the older ones an end. Kept afterwards: whoever finds an old key
    somewhere can look up what it was.
    """

    __tablename__ = "api_key_secrets"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "api_key_id"], ["api_keys.tenant_id", "api_keys.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "prefix", name="api_key_secrets_prefix_key"),
        Index("api_key_secrets_key_idx", "tenant_id", "api_key_id", "created_at"),
    )

    api_key_id: UUID
    prefix: str = Field(max_length=16)
    secret_hash: str = Field(max_length=64)
    created_at: datetime = time_column()
    ends_at: datetime | None = optional_time()
    # At most a minute old: see `last_use.py`.
    last_used_at: datetime | None = optional_time()


def status_of(key: ApiKey, now: datetime) -> ApiKeyStatus:
    """How a key is at a moment."""
    if key.revoked_at is not None:
        return ApiKeyStatus.REVOKED
    is_over = key.expires_at is not None and key.expires_at <= now
    return ApiKeyStatus.EXPIRED if is_over else ApiKeyStatus.ACTIVE
